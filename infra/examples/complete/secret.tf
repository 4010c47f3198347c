# What GitHub signs its webhooks with. AWS makes it up while Terraform runs, and it goes into Secrets Manager alone: neither
# the plan nor the state holds it.

ephemeral "aws_secretsmanager_random_password" "webhook" {
  for_each            = var.webhook_secrets
  password_length     = 64
  exclude_punctuation = true # it is pasted into a form
}

resource "aws_secretsmanager_secret" "webhook" {
  for_each    = var.webhook_secrets
  name        = "${var.name}/webhook/${each.key}"
  description = "Secret of the GitHub webhook"
}

resource "aws_secretsmanager_secret_version" "webhook" {
  for_each         = var.webhook_secrets
  secret_id        = aws_secretsmanager_secret.webhook[each.key].id
  secret_string_wo = ephemeral.aws_secretsmanager_random_password.webhook[each.key].random_password
  # Written when this changes, which is never: another secret gets another name.
  secret_string_wo_version = 1
}
