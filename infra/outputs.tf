output "webhook_url" {
  description = "The payload URL for GitHub."
  value       = "${aws_api_gateway_stage.live.invoke_url}/${aws_api_gateway_resource.webhook.path_part}"
}

output "rest_api_id" {
  description = "The API, for its metrics and logs."
  value       = aws_api_gateway_rest_api.webhooks.id
}

output "queue_urls" {
  description = "The URLs of the four queues: webhooks, internal, dead_letters and quarantine."
  value       = { for key, queue in local.queues : key => queue.url }
}

output "table" {
  description = "The table."
  value       = aws_dynamodb_table.mappings.name
}

output "configuration" {
  description = "The daemon's configuration, as it gets it: for the operators' commands, with your own secret in WEBHOOK_SECRET_0."
  value       = local.configuration
}

output "operator_policy_arn" {
  description = "Attach it to the role of those who look after dead letters."
  value       = aws_iam_policy.operator.arn
}

output "task_role_arn" {
  description = "The daemon's role."
  value       = aws_iam_role.daemon.arn
}

output "log_group" {
  description = "Where the daemon logs, one JSON object a line."
  value       = aws_cloudwatch_log_group.consumer.name
}
