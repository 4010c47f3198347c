# branchline for one repository, with a template pipeline to clone. ../../README.md describes step
# by step how to apply it.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  repository = split("/", var.repository)[1]
  template   = "${local.repository}-template"

  # The template and its clones have one pipeline role, so that role trusts both.
  clones    = "${local.repository}-pr-*"
  pipelines = "arn:${data.aws_partition.current.partition}:codepipeline:${var.region}:${data.aws_caller_identity.current.account_id}"
}

module "branchline" {
  # In a copy of this folder, use the path of the module, or its git URL with a tag.
  source = "../.."

  name             = var.name
  image            = var.image
  cpu_architecture = var.cpu_architecture

  rules = [{
    repository     = [var.repository]
    on             = "pull_request"
    base           = [var.base]
    template       = aws_codepipeline.template.name
    build_role_arn = aws_iam_role.clone_build.arn # who runs the buildspec of a pull request
  }]

  # The role and the connection of the template, for the permissions of the daemon.
  pipeline_role_arns = [aws_iam_role.pipeline.arn]
  connection_arns    = [aws_codeconnections_connection.github.arn]

  # ARNs of the versions, not of the secrets, so that no task starts before the secret has a value.
  webhook_secret_arns = [for version in aws_secretsmanager_secret_version.webhook : version.arn]

  # As whom results are shown on pull requests.
  github  = var.github
  secrets = var.secrets

  vpc_id           = var.vpc_id
  subnet_ids       = var.subnet_ids
  assign_public_ip = var.assign_public_ip

  path_tokens  = var.path_tokens
  source_cidrs = var.source_cidrs
  web_acl_rate = var.web_acl_rate

  alarm_topic_arns    = var.alarm_topic_arns
  silence_hours       = var.silence_hours
  metrics             = var.metrics
  min_tasks           = var.min_tasks
  deletion_protection = var.deletion_protection

  manage_api_gateway_account = var.manage_api_gateway_account
}
