# branchline for an organisation: one webhook, which Terraform creates at GitHub, and a rule for
# each repository. Template pipelines, connections and the network exist already.

module "branchline" {
  source = "../.."

  name               = var.name
  image              = var.image
  rules              = local.rules
  pipeline_role_arns = var.pipeline_role_arns
  connection_arns    = var.connection_arns

  # The ARN of the version, so that no task starts before the secret has a value.
  webhook_secret_arns = [aws_secretsmanager_secret_version.webhook.arn]

  vpc_id       = var.vpc_id
  subnet_ids   = var.subnet_ids
  source_cidrs = data.github_ip_ranges.current.hooks

  alarm_emails               = var.alarm_emails
  silence_hours              = 24
  manage_api_gateway_account = var.manage_api_gateway_account
}

locals {
  # Each repository has a template of its own, because a template fetches one repository.
  rules = [
    for repository, template in var.templates : {
      name           = repository
      repository     = ["${var.organisation}/${repository}"]
      on             = "pull_request"
      template       = template
      build_role_arn = var.build_role_arn
      max_active     = 20
    }
  ]
}

# GitHub's addresses, as they are when this is applied. Apply at least daily: GitHub changes them.
data "github_ip_ranges" "current" {}

resource "aws_secretsmanager_secret" "webhook" {
  name        = "${var.name}/webhook/organisation"
  description = "Secret of the organisation's webhook"
}

resource "aws_secretsmanager_secret_version" "webhook" {
  secret_id                = aws_secretsmanager_secret.webhook.id
  secret_string_wo         = var.webhook_secret
  secret_string_wo_version = var.webhook_secret_version
}

# The provider keeps the secret in the state: protect the state like the secret. A GitHub App cannot
# be created this way; `branchline setup github-app` prints how (docs/GITHUB.md).
resource "github_organization_webhook" "branchline" {
  active = true
  events = ["create", "delete", "pull_request", "push", "repository"]

  configuration {
    url          = module.branchline.webhook_urls["a"]
    content_type = "json"
    secret       = var.webhook_secret
    insecure_ssl = false
  }
}
