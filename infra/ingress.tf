# Turns GitHub's POST into an SQS message, without any code in between. It is a REST API because an
# HTTP API cannot render a mapping template. It is regional because GitHub calls from one place.
resource "aws_api_gateway_rest_api" "webhooks" {
  name        = "${var.name}-webhooks"
  description = "GitHub webhooks for branchline"

  tags = var.tags

  disable_execute_api_endpoint = try(var.domain.only, false)

  endpoint_configuration {
    types = ["REGIONAL"]
  }

  lifecycle {
    create_before_destroy = true
  }
}

# Each URL ends in a secret of its own, made once. No other path exists, so API Gateway itself
# refuses every other request, without a call to SQS. A UUID of Terraform has 122 random bits.
resource "terraform_data" "path_token" {
  for_each = var.path_tokens
  input    = uuid()

  lifecycle {
    ignore_changes = [input] # uuid() returns another value each time
  }
}

locals {
  webhook_paths = { for key in var.path_tokens : key => sensitive("webhook-${terraform_data.path_token[key].output}") }
}

resource "aws_api_gateway_resource" "webhook" {
  for_each    = var.path_tokens
  rest_api_id = aws_api_gateway_rest_api.webhooks.id
  parent_id   = aws_api_gateway_rest_api.webhooks.root_resource_id
  path_part   = local.webhook_paths[each.key]
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
  # The mapping template makes SQS reject a message without its headers, or with a malformed
  # signature.
  validate_request_parameters = false
}

resource "aws_api_gateway_method" "post" {
  for_each             = var.path_tokens
  rest_api_id          = aws_api_gateway_rest_api.webhooks.id
  resource_id          = aws_api_gateway_resource.webhook[each.key].id
  http_method          = "POST"
  authorization        = "NONE" # the daemon checks GitHub's signature over the body
  request_validator_id = aws_api_gateway_request_validator.body.id
  request_models       = { "application/json" = aws_api_gateway_model.payload.name }
}

locals {
  mapping_template = file("${path.module}/templates/sqs_send_message.vtl")
  send_message_uri = "arn:${local.partition}:apigateway:${local.region}:sqs:path/${local.account}/${aws_sqs_queue.webhooks.name}"

  # The response that GitHub shows, by the status that SQS returned. The response without a pattern
  # covers everything else, such as a role without permission to send. It is never a success.
  replies = {
    "202" = { pattern = "2\\d{2}", body = { status = "queued" } }
    "400" = { pattern = "400|413", body = { status = "rejected", reason = "empty, larger than 1 MiB, not a GitHub webhook, or not signed: does the webhook have a secret?" } }
    "502" = { pattern = null, body = { status = "failed", reason = "the queue did not accept the message: redeliver it later" } }
  }

  webhook_replies = {
    for pair in setproduct(var.path_tokens, keys(local.replies)) :
    "${pair[0]}-${pair[1]}" => merge(local.replies[pair[1]], { token = pair[0], status = pair[1] })
  }

  allow_origin = "method.response.header.Access-Control-Allow-Origin"
}

resource "aws_api_gateway_integration" "sqs" {
  for_each                = var.path_tokens
  rest_api_id             = aws_api_gateway_rest_api.webhooks.id
  resource_id             = aws_api_gateway_resource.webhook[each.key].id
  http_method             = aws_api_gateway_method.post[each.key].http_method
  type                    = "AWS"
  integration_http_method = "POST"
  uri                     = local.send_message_uri
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
  for_each            = local.webhook_replies
  rest_api_id         = aws_api_gateway_rest_api.webhooks.id
  resource_id         = aws_api_gateway_resource.webhook[each.value.token].id
  http_method         = aws_api_gateway_method.post[each.value.token].http_method
  status_code         = each.value.status
  response_models     = { "application/json" = "Empty" }
  response_parameters = { (local.allow_origin) = true }
}

resource "aws_api_gateway_integration_response" "reply" {
  for_each            = local.webhook_replies
  rest_api_id         = aws_api_gateway_rest_api.webhooks.id
  resource_id         = aws_api_gateway_resource.webhook[each.value.token].id
  http_method         = aws_api_gateway_integration.sqs[each.value.token].http_method
  status_code         = aws_api_gateway_method_response.reply[each.key].status_code
  selection_pattern   = each.value.pattern
  response_parameters = { (local.allow_origin) = "'*'" }
  response_templates  = { "application/json" = jsonencode(each.value.body) }
}

locals {
  # The response to a request that the gateway refuses before it calls SQS, by the kind of refusal:
  # no such URL, a resource policy that does not allow the address, or malformed, too large,
  # throttled, or of another content type. API Gateway's own words for the first two would puzzle
  # people, and would show the ARN of the URL.
  refusals = {
    MISSING_AUTHENTICATION_TOKEN = { status = "403", reason = jsonencode("this URL does not exist, or takes no such request") }
    ACCESS_DENIED                = { status = "403", reason = jsonencode("this URL takes no requests any more, or none from this address") }
    DEFAULT_4XX                  = { status = null, reason = "$context.error.messageString" }
    DEFAULT_5XX                  = { status = null, reason = "$context.error.messageString" }
  }
}

resource "aws_api_gateway_gateway_response" "refusal" {
  for_each            = local.refusals
  rest_api_id         = aws_api_gateway_rest_api.webhooks.id
  response_type       = each.key
  status_code         = each.value.status
  response_parameters = { "gatewayresponse.header.Access-Control-Allow-Origin" = "'*'" }
  response_templates  = { "application/json" = "{\"status\":\"rejected\",\"reason\":${each.value.reason}}" }
}

# A stage serves a snapshot of the API, so each change has to create a new one. The trigger covers
# this file and the values that come from other files. It is not a hash over the resources: the
# provider fills in some of their attributes later, and a second apply would deploy again.
#
# Terraform removes an old URL only after the new snapshot was made, so that snapshot still has the
# URL. The resource policy (guards.tf) refuses it from then on.
resource "aws_api_gateway_deployment" "webhooks" {
  rest_api_id = aws_api_gateway_rest_api.webhooks.id
  triggers = {
    # The hash does not give away the tokens that it covers.
    snapshot = nonsensitive(sha256(jsonencode([
      filesha256("${path.module}/ingress.tf"),
      local.mapping_template,
      local.resource_policy,
      local.send_message_uri,
      aws_iam_role.api.arn,
      try(var.domain.only, false),
    ])))
  }
  # These are the last resources of their dependency chains, so all others exist before them.
  depends_on = [
    aws_api_gateway_integration_response.reply,
    aws_api_gateway_gateway_response.refusal,
    aws_api_gateway_rest_api_policy.webhooks,
  ]
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_stage" "live" {
  rest_api_id   = aws_api_gateway_rest_api.webhooks.id
  deployment_id = aws_api_gateway_deployment.webhooks.id
  stage_name    = "live"
  tags          = var.tags

  dynamic "access_log_settings" {
    for_each = aws_cloudwatch_log_group.access
    content {
      destination_arn = access_log_settings.value.arn
      # No path, because it is a secret. No body, and no header but the user agent: a payload may be
      # private.
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

resource "aws_cloudwatch_log_group" "access" {
  count             = var.access_logs ? 1 : 0
  name              = local.log_group_names.access
  kms_key_id        = var.kms_key_arns.logs
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_api_gateway_account" "logs" {
  count               = local.manages_api_log_role ? 1 : 0
  cloudwatch_role_arn = aws_iam_role.api_logs[0].arn
  depends_on          = [aws_iam_role_policy_attachment.api_logs]
}
