# GitHub's POST becomes an SQS message without any code of ours in between. REST, because an HTTP API cannot render a
# template; regional, because GitHub calls from one place.
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

# Refuses what is not a JSON object, and an empty body, which API Gateway reads as {}. Forms have no model, so they reach
# the daemon as they are.
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
  # Not the headers: that check is by exact case, and GitHub may come over HTTP/2. SQS refuses what lacks one.
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

  # What GitHub shows, by what SQS answered. The one without a pattern is for everything else, such as a role that may
  # not send: never a success.
  replies = {
    "202" = { pattern = "2\\d{2}", body = { status = "queued" } }
    "400" = { pattern = "400|413", body = { status = "rejected", why = "empty, larger than 1 MiB, not a GitHub webhook, or without a signature" } }
    "502" = { pattern = null, body = { status = "failed", why = "the queue did not take it: redeliver it later" } }
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
  passthrough_behavior    = "NEVER" # another content type is a 415
  timeout_milliseconds    = 9000    # GitHub hangs up after 10 s
  request_parameters      = { "integration.request.header.Content-Type" = "'application/x-www-form-urlencoded'" }

  # GitHub offers both. The template takes the body as it is, so one serves both.
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

# What the gateway refuses before SQS is asked: malformed, too large, throttled, another content type.
resource "aws_api_gateway_gateway_response" "refusal" {
  for_each            = toset(["DEFAULT_4XX", "DEFAULT_5XX"])
  rest_api_id         = aws_api_gateway_rest_api.webhooks.id
  response_type       = each.key
  response_parameters = { "gatewayresponse.header.Access-Control-Allow-Origin" = "'*'" }
  response_templates  = { "application/json" = "{\"status\":\"rejected\",\"why\":$context.error.messageString}" }
}

# Only who is in one of these ranges may call, where there are any.
resource "aws_api_gateway_rest_api_policy" "sources" {
  count       = length(var.source_cidrs) > 0 ? 1 : 0
  rest_api_id = aws_api_gateway_rest_api.webhooks.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "GitHubPosts"
      Effect    = "Allow"
      Principal = "*"
      Action    = "execute-api:Invoke"
      Resource  = "${aws_api_gateway_rest_api.webhooks.execution_arn}/*/POST/webhook"
      Condition = { IpAddress = { "aws:SourceIp" = var.source_cidrs } }
    }]
  })
}

# A stage serves a snapshot, so a change of anything in it must make another: of this file, or of what others put into it.
# Not a hash over the resources: the provider fills some of them in later, and a second apply would deploy once more.
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
  # What the last of each chain depends on is there before it.
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
      # No body and no header but the agent: a payload may be private.
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
    # Execution logs hold bodies, so there are none.
    logging_level      = "OFF"
    data_trace_enabled = false
    # The metrics of the whole API are free; those of each method are not.
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
