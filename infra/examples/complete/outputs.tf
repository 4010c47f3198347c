output "webhook_url" {
  description = "The payload URL, for GitHub's form."
  value       = module.branchline.webhook_url
}

output "webhook_form" {
  description = "Where that form is."
  value       = "https://github.com/${var.repository}/settings/hooks/new"
}

output "webhook_secret_arns" {
  description = "Where the webhook's secrets are. aws secretsmanager get-secret-value shows one, for GitHub's form."
  value       = { for key, secret in aws_secretsmanager_secret.webhook : key => secret.arn }
}

output "connection_arn" {
  description = "The connection, which somebody has to complete in the console once."
  value       = aws_codeconnections_connection.github.arn
}

output "configuration" {
  description = "The daemon's configuration, for the operators' commands."
  value       = module.branchline.configuration
}

output "operator_policy_arn" {
  description = "For the role of those who look after dead letters."
  value       = module.branchline.operator_policy_arn
}

output "task_role_arn" {
  description = "The daemon's role, for `branchline check --daemon-role`."
  value       = module.branchline.task_role_arn
}

output "log_group" {
  description = "Where the daemon logs."
  value       = module.branchline.log_group
}
