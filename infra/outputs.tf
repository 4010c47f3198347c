output "webhook_urls" {
  description = "The payload URLs of the GitHub webhook, by the names in path_tokens. Each ends in a secret: without it, nobody reaches the queue."
  value       = { for key, path in local.webhook_paths : key => "${local.base_url}/${path}" }
  sensitive   = true
}

output "rest_api_id" {
  description = "The ID of the REST API, for its metrics and logs."
  value       = aws_api_gateway_rest_api.webhooks.id
}

output "queue_urls" {
  description = "The URLs of the five queues: webhooks, internal, dead_letters, quarantine and undelivered_events."
  value       = { for key, queue in local.all_queues : key => queue.url }
}

output "pipeline_events_rule" {
  description = "The name of the EventBridge rule that sends events of pipelines to the internal queue."
  value       = aws_cloudwatch_event_rule.pipelines.name
}

output "table" {
  description = "The name of the DynamoDB table."
  value       = aws_dynamodb_table.mappings.name
}

output "audit_table" {
  description = "The name of the DynamoDB table with the audit trail."
  value       = aws_dynamodb_table.audit.name
}

output "configuration" {
  description = "The configuration of the daemon, for operator commands. `check` and the signature check of `dlq show` read the secret from WEBHOOK_SECRET_0."
  value       = local.configuration
}

output "operator_policy_arn" {
  description = "The policy to attach to the roles of operators. Null without create_operator_policy."
  value       = one(aws_iam_policy.operator[*].arn)
}

output "task_role_arn" {
  description = "The role of the daemon."
  value       = aws_iam_role.daemon.arn
}

output "execution_role_arn" {
  description = "The role with which ECS starts the daemon, for modules/scheduled."
  value       = aws_iam_role.execution.arn
}

output "cluster_arn" {
  description = "The ECS cluster of the service, for modules/scheduled."
  value       = local.cluster
}

output "task_definition_arn" {
  description = "The task definition of the daemon, with its revision, for modules/scheduled."
  value       = aws_ecs_task_definition.consumer.arn
}

output "log_group" {
  description = "The log group of the daemon. Each line is a JSON object."
  value       = aws_cloudwatch_log_group.consumer.name
}

output "key_policy_statements" {
  description = "The statements that the policies of your KMS keys need, by the key in kms_key_arns: queues, for EventBridge, and logs. They depend on names alone."
  value       = local.key_policy_statements
}

output "task_role_name" {
  description = "The name of the daemon's role, to attach further policies to, such as one for a sidecar."
  value       = aws_iam_role.daemon.name
}

output "domain_target" {
  description = "The host name that the DNS record of domain must lead to, if the module does not create the record."
  value       = one(aws_api_gateway_domain_name.webhooks[*].regional_domain_name)
}

output "security_group_id" {
  description = "The security group that the module created for the tasks."
  value       = one(aws_security_group.consumer[*].id)
}

output "alarm_topic_arn" {
  description = "The SNS topic of alarm_emails."
  value       = one(aws_sns_topic.alarms[*].arn)
}
