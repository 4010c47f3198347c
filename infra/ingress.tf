# Turns GitHub's POST into an SQS message, without any code in between. It is a REST API because an
# HTTP API cannot render a mapping template. It is regional because GitHub calls from one place.
resource "aws_api_gateway_rest_api" "webhooks" {
  name        = "${var.name}-webhooks"
  description = "GitHub webhooks for branchline"

  endpoint_configuration {
    types = ["REGIONAL"]
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_resource" "webhook" {
  rest_api_id = aws_api_gateway_rest_api.webhooks.id
  parent_id   = aws_api_gateway_rest_api.webhooks.root_resource_id
  path_part   = "webhook"
}

# Rejects a JSON body that is not an object, and an empty body, which API Gateway reads as {}. Forms
# have no model, so they reach the daemon unchanged.
resource "aws_api_gateway_model" "payload" {
  rest_api_id  = aws_api_gateway_rest_api.webhooks.id
  name         = "Payload"
  content_type = "application/json"
  schema = jsonencode({
    "$schema"     = "http://json-schema.org/draft-04/schema#"
    type          = "object"
    minProperties = 1
  })
}

resource "aws_api_gateway_request_validator" "body" {
  rest_api_id           = aws_api_gateway_rest_api.webhooks.id
  name                  = "body"
  validate_request_body = true
  # Headers are not validated here: that check is case-sensitive, and HTTP/2 uses lower-case names.
  # SQS rejects a message that lacks a required header.
  validate_request_parameters = false
}

resource "aws_api_gateway_method" "post" {
  rest_api_id          = aws_api_gateway_rest_api.webhooks.id
  resource_id          = aws_api_gateway_resource.webhook.id
  http_method          = "POST"
  authorization        = "NONE" # the daemon checks GitHub's signature over the body
  request_validator_id = aws_api_gateway_request_validator.body.id
  request_models       = { "application/json" = aws_api_gateway_model.payload.name }
}

locals {
  mapping_template = file("${path.module}/templates/sqs_send_message.vtl")

  # The response that GitHub shows, by the status that SQS returned. The response without a pattern
  # covers everything else, such as a role without permission to send. It is never a success.
  replies = {
    "202" = { pattern = "2\\d{2}", body = { status = "queued" } }
    "400" = { pattern = "400|413", body = { status = "rejected", reason = "empty, larger than 1 MiB, not a GitHub webhook, or not signed" } }
    "502" = { pattern = null, body = { status = "failed", reason = "the queue did not accept the message: redeliver it later" } }
  }

  allow_origin = "method.response.header.Access-Control-Allow-Origin"
}

resource "aws_api_gateway_integration" "sqs" {
  rest_api_id             = aws_api_gateway_rest_api.webhooks.id
  resource_id             = aws_api_gateway_resource.webhook.id
  http_method             = aws_api_gateway_method.post.http_method
  type                    = "AWS"
  integration_http_method = "POST"
  uri                     = "arn:${local.partition}:apigateway:${local.region}:sqs:path/${local.account}/${aws_sqs_queue.webhooks.name}"
  credentials             = aws_iam_role.api.arn
  passthrough_behavior    = "NEVER" # other content types get a 415
  timeout_milliseconds    = 9000    # GitHub closes the connection after 10 s
  request_parameters      = { "integration.request.header.Content-Type" = "'application/x-www-form-urlencoded'" }

  # GitHub offers both content types. The template copies the body unchanged, so one serves both.
  request_templates = {
    "application/json"                  = local.mapping_template
    "application/x-www-form-urlencoded" = local.mapping_template
  }
}

resource "aws_api_gateway_method_response" "reply" {
  for_each            = local.replies
  rest_api_id         = aws_api_gateway_rest_api.webhooks.id
  resource_id         = aws_api_gateway_resource.webhook.id
  http_method         = aws_api_gateway_method.post.http_method
  status_code         = each.key
  response_models     = { "application/json" = "Empty" }
  response_parameters = { (local.allow_origin) = true }
}

resource "aws_api_gateway_integration_response" "reply" {
  for_each            = local.replies
  rest_api_id         = aws_api_gateway_rest_api.webhooks.id
  resource_id         = aws_api_gateway_resource.webhook.id
  http_method         = aws_api_gateway_integration.sqs.http_method
  status_code         = aws_api_gateway_method_response.reply[each.key].status_code
  selection_pattern   = each.value.pattern
  response_parameters = { (local.allow_origin) = "'*'" }
  response_templates  = { "application/json" = jsonencode(each.value.body) }
}

# Responses to requests that the gateway rejects before it calls SQS: malformed, too large,
# throttled, or of another content type.
resource "aws_api_gateway_gateway_response" "refusal" {
  for_each            = toset(["DEFAULT_4XX", "DEFAULT_5XX"])
  rest_api_id         = aws_api_gateway_rest_api.webhooks.id
  response_type       = each.key
  response_parameters = { "gatewayresponse.header.Access-Control-Allow-Origin" = "'*'" }
  response_templates  = { "application/json" = "{\"status\":\"rejected\",\"reason\":$context.error.messageString}" }
}

# Limits callers to these address ranges, if there are any.
resource "aws_api_gateway_rest_api_policy" "sources" {
  count       = length(var.source_cidrs) > 0 ? 1 : 0
  rest_api_id = aws_api_gateway_rest_api.webhooks.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AllowPostsFromSourceCidrs"
      Effect    = "Allow"
      Principal = "*"
      Action    = "execute-api:Invoke"
      Resource  = "${aws_api_gateway_rest_api.webhooks.execution_arn}/*/POST/webhook"
      Condition = { IpAddress = { "aws:SourceIp" = var.source_cidrs } }
    }]
  })
}

# A stage serves a snapshot of the API, so each change has to create a new one. The trigger covers
# this file and the values that come from other files. It is not a hash over the resources: the
# provider fills in some of their attributes later, and a second apply would deploy again.
resource "aws_api_gateway_deployment" "webhooks" {
  rest_api_id = aws_api_gateway_rest_api.webhooks.id
  triggers = {
    snapshot = sha256(jsonencode([
      filesha256("${path.module}/ingress.tf"),
      local.mapping_template,
      var.source_cidrs,
      aws_api_gateway_integration.sqs.uri,
      aws_api_gateway_integration.sqs.credentials,
    ]))
  }
  # These are the last resources of their dependency chains, so all others exist before them.
  depends_on = [
    aws_api_gateway_integration_response.reply,
    aws_api_gateway_gateway_response.refusal,
    aws_api_gateway_rest_api_policy.sources,
  ]
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_stage" "live" {
  rest_api_id   = aws_api_gateway_rest_api.webhooks.id
  deployment_id = aws_api_gateway_deployment.webhooks.id
  stage_name    = "live"

  dynamic "access_log_settings" {
    for_each = aws_cloudwatch_log_group.access
    content {
      destination_arn = access_log_settings.value.arn
      # No body, and no header but the user agent: a payload may be private.
      format = jsonencode({
        request = "$context.requestId"
        time    = "$context.requestTime"
        ip      = "$context.identity.sourceIp"
        agent   = "$context.identity.userAgent"
        status  = "$context.status"
        queue   = "$context.integration.status"
        refused = "$context.error.responseType"
        millis  = "$context.responseLatency"
      })
    }
  }

  depends_on = [aws_api_gateway_account.logs]
}

resource "aws_api_gateway_method_settings" "all" {
  rest_api_id = aws_api_gateway_rest_api.webhooks.id
  stage_name  = aws_api_gateway_stage.live.stage_name
  method_path = "*/*"

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

resource "aws_wafv2_web_acl_association" "webhooks" {
  count        = var.web_acl_arn == null ? 0 : 1
  resource_arn = aws_api_gateway_stage.live.arn
  web_acl_arn  = var.web_acl_arn
}

resource "aws_cloudwatch_log_group" "access" {
  count             = var.access_logs ? 1 : 0
  name              = "/aws/apigateway/${var.name}-webhooks"
  retention_in_days = var.log_retention_days
}

resource "aws_api_gateway_account" "logs" {
  count               = var.access_logs && var.manage_api_gateway_account ? 1 : 0
  cloudwatch_role_arn = aws_iam_role.api_logs[0].arn
  depends_on          = [aws_iam_role_policy_attachment.api_logs]
}
