# Who may call the API, how often, and what a flood can cost. infra/README.md has the table of what
# an attacker can do ("What an attacker can do, and what it costs").

# Allows a POST to the current URLs, from the allowed addresses. Everything else is denied,
# including an old URL that the snapshot of the stage still has.
locals {
  resource_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [merge(
      {
        Sid       = "AllowPostsToWebhookUrls"
        Effect    = "Allow"
        Principal = "*"
        Action    = "execute-api:Invoke"
        Resource  = [for path in values(local.webhook_paths) : "${aws_api_gateway_rest_api.webhooks.execution_arn}/*/POST/${path}"]
      },
      length(var.source_cidrs) == 0 ? {} : { Condition = { IpAddress = { "aws:SourceIp" = var.source_cidrs } } },
    )]
  })
}

resource "aws_api_gateway_rest_api_policy" "webhooks" {
  rest_api_id = aws_api_gateway_rest_api.webhooks.id
  policy      = local.resource_policy
}

# The throttle counts each URL by itself, so requests to wrong URLs take nothing from GitHub's
# share. It is a limit on the cost, and far above what GitHub sends: GitHub does not repeat a
# webhook that gets a 429.
resource "aws_api_gateway_method_settings" "webhook" {
  for_each    = var.path_tokens
  rest_api_id = aws_api_gateway_rest_api.webhooks.id
  stage_name  = aws_api_gateway_stage.live.stage_name
  method_path = "${aws_api_gateway_resource.webhook[each.key].path_part}/${aws_api_gateway_method.post[each.key].http_method}"

  settings {
    throttling_rate_limit  = var.throttle.rate
    throttling_burst_limit = var.throttle.burst
    # Execution logs contain bodies, so they are off.
    logging_level      = "OFF"
    data_trace_enabled = false
    # Metrics of the whole API are free; metrics of each method are not.
    metrics_enabled = false
  }
}

# --- The optional web ACL. AWS WAF examines a request before the resource policy ---

locals {
  builds_web_acl = var.web_acl_rate != null
  # The endpoint of the API has IPv4 addresses only, and a set of addresses has one family.
  trusted_cidrs = [for range in var.source_cidrs : range if !strcontains(range, ":")]
}

resource "aws_wafv2_ip_set" "trusted" {
  count              = local.builds_web_acl && length(local.trusted_cidrs) > 0 ? 1 : 0
  name               = "${var.name}-trusted"
  description        = "source_cidrs, which the rate rule does not count"
  scope              = "REGIONAL"
  ip_address_version = "IPV4"
  addresses          = local.trusted_cidrs
  tags               = var.tags
}

resource "aws_wafv2_web_acl" "webhooks" {
  count       = local.builds_web_acl ? 1 : 0
  name        = "${var.name}-webhooks"
  description = "Blocks an address that sends too many requests to the webhook URL"
  scope       = "REGIONAL"
  tags        = var.tags

  default_action {
    allow {}
  }

  rule {
    name     = "rate-per-address"
    priority = 0

    action {
      block {}
    }

    statement {
      rate_based_statement {
        limit              = var.web_acl_rate # in 5 minutes
        aggregate_key_type = "IP"

        # GitHub sends the webhooks of all its customers from the same addresses. To block one of
        # them would lose webhooks.
        dynamic "scope_down_statement" {
          for_each = aws_wafv2_ip_set.trusted
          content {
            not_statement {
              statement {
                ip_set_reference_statement {
                  arn = scope_down_statement.value.arn
                }
              }
            }
          }
        }
      }
    }

    visibility_config {
      metric_name                = "${var.name}-rate-per-address"
      cloudwatch_metrics_enabled = true
      sampled_requests_enabled   = false # a sample shows the path, which is a secret
    }
  }

  visibility_config {
    metric_name                = "${var.name}-webhooks"
    cloudwatch_metrics_enabled = true
    sampled_requests_enabled   = false
  }
}

resource "aws_wafv2_web_acl_association" "webhooks" {
  count        = local.builds_web_acl || var.web_acl_arn != null ? 1 : 0
  resource_arn = aws_api_gateway_stage.live.arn
  web_acl_arn  = local.builds_web_acl ? aws_wafv2_web_acl.webhooks[0].arn : var.web_acl_arn
}
