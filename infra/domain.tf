# A host name of yours for the webhook URLs, such as hooks.example.com.

resource "aws_api_gateway_domain_name" "webhooks" {
  count                    = var.domain == null ? 0 : 1
  domain_name              = var.domain.name
  regional_certificate_arn = var.domain.certificate_arn
  security_policy          = "TLS_1_2"
  tags                     = var.tags

  endpoint_configuration {
    types = ["REGIONAL"]
  }

  lifecycle {
    precondition {
      condition     = split(":", var.domain.certificate_arn)[3] == local.region
      error_message = "The certificate of domain must be in the Region of the API, ${local.region}."
    }
  }
}

resource "aws_api_gateway_base_path_mapping" "webhooks" {
  count       = length(aws_api_gateway_domain_name.webhooks)
  domain_name = aws_api_gateway_domain_name.webhooks[0].domain_name
  api_id      = aws_api_gateway_rest_api.webhooks.id
  stage_name  = aws_api_gateway_stage.live.stage_name
}

resource "aws_route53_record" "webhooks" {
  count   = try(var.domain.zone_id, null) == null ? 0 : 1
  zone_id = var.domain.zone_id
  name    = var.domain.name
  type    = "A"

  alias {
    name                   = aws_api_gateway_domain_name.webhooks[0].regional_domain_name
    zone_id                = aws_api_gateway_domain_name.webhooks[0].regional_zone_id
    evaluate_target_health = false
  }
}

locals {
  base_url = var.domain == null ? aws_api_gateway_stage.live.invoke_url : "https://${var.domain.name}"
}
