output "webhook_urls" {
  description = "The payload URLs of the GitHub webhook, by the names in path_tokens. Each ends in a secret."
  value       = module.branchline.webhook_urls
  sensitive   = true
}

output "webhook_form" {
  description = "The page at GitHub that creates the webhook."
  value       = "https://github.com/${var.repository}/settings/hooks/new"
}

output "webhook_secret_arns" {
  description = "ARNs of the webhook secrets. `aws secretsmanager get-secret-value` shows the value for GitHub's form."
  value       = { for key, secret in aws_secretsmanager_secret.webhook : key => secret.arn }
}

output "connection_arn" {
  description = "The connection, which has to be completed once in the console."
  value       = aws_codeconnections_connection.github.arn
}

output "configuration" {
  description = "The configuration of the daemon, for operator commands."
  value       = module.branchline.configuration
}

output "operator_policy_arn" {
  description = "The policy to attach to the roles of operators."
  value       = module.branchline.operator_policy_arn
}

output "task_role_arn" {
  description = "The role of the daemon, for `branchline check --daemon-role`."
  value       = module.branchline.task_role_arn
}

output "log_group" {
  description = "The log group of the daemon."
  value       = module.branchline.log_group
}
