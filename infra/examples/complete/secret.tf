# The secrets that GitHub signs webhooks with. AWS generates each while Terraform runs, and only
# Secrets Manager stores it: neither the plan nor the state contains it.

ephemeral "aws_secretsmanager_random_password" "webhook" {
  for_each            = var.webhook_secrets
  password_length     = 64
  exclude_punctuation = true # easier to paste into GitHub's form
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
  # The value is written when this number changes. It never does: a new secret gets a new name.
  secret_string_wo_version = 1
}
