data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.region

  # The daemon tags its pipelines with the name of the installation. The permissions require the
  # same tag.
  owner_tag = "branchline:managed-by"
  owner     = coalesce(var.owner, var.name)
  table     = coalesce(var.table_name, var.name)

  # Names of roles, policies and dashboards are those of the account, not of the Region.
  role_prefix = coalesce(var.role_name_prefix, "${var.name}-${local.region}-")

  pipelines = "arn:${local.partition}:codepipeline:${local.region}:${local.account}"
  clones    = [for name in local.clone_names : "${local.pipelines}:${name}"]
  templates = [for name in local.template_names : "${local.pipelines}:${name}"]

  # The CodeBuild projects that clones have, and those that they are copied from.
  codebuild         = "arn:${local.partition}:codebuild:${local.region}:${local.account}:project"
  projects          = [for name in local.project_names : "${local.codebuild}/${name}"]
  template_projects = [for name in local.template_project_names : "${local.codebuild}/${name}"]

  # The stacks of clones that the daemon may delete, in every Region.
  stacks = [for name in var.stack_names : "arn:${local.partition}:cloudformation:*:${local.account}:stack/${name}/*"]

  # A connection has two service prefixes, and AWS may check a permission under either. The action,
  # the condition key and the ARN of a statement must all have the same prefix, so each prefix gets
  # a statement of its own.
  connections = {
    for prefix in ["codeconnections", "codestar-connections"] :
    prefix => [for arn in var.connection_arns : join(":", [for i, part in split(":", arn) : i == 2 ? prefix : part])]
  }

  # Null for an image that is not in a private registry of ECR: the execution role then needs no
  # permission to pull it. Beside the usual name, a registry has one for IPv6
  # (ACCOUNT.dkr-ecr.REGION.on.aws), and names for FIPS.
  ecr = try(regex("^(?P<account>[0-9]{12})\\.dkr[.-]ecr(?:-fips)?\\.(?P<region>[a-z0-9-]+)\\.(?:amazonaws\\.com(?:\\.cn)?|on\\.aws|on\\.amazonwebservices\\.com\\.cn)/(?P<name>[^:@]+)", var.image), null)

  log_group_names = { consumer = "/ecs/${var.name}", access = "/aws/apigateway/${var.name}-webhooks" }

  manages_api_log_role = var.access_logs && coalesce(var.manage_api_gateway_account, false)

  # One environment variable for each secret, so that two are valid during a rotation.
  webhook_secrets = { for i, arn in var.webhook_secret_arns : "WEBHOOK_SECRET_${i}" => arn }
  secrets         = merge(local.webhook_secrets, var.secrets)
  # Without the key, the version stage and the version id, with which ECS selects a part.
  secret_arns = distinct([for arn in values(local.secrets) : join(":", slice(split(":", arn), 0, 7))])

  # As whom branchline shows results.
  github = { for key, value in var.github : key => value if value != null && key != "secret" }

  # JSON strings and lists of strings are valid TOML.
  configuration = <<-TOML
    [aws]
    region            = ${jsonencode(local.region)}
    codepipeline_rate = ${var.codepipeline_rate}
    pipeline_limit    = ${var.pipeline_limit}
    pipeline_reserve  = ${var.pipeline_reserve}

    [queue]
    url             = ${jsonencode(aws_sqs_queue.webhooks.url)}
    internal_url    = ${jsonencode(aws_sqs_queue.internal.url)}
    dead_letter_url = ${jsonencode(aws_sqs_queue.dead_letters.url)}
    quarantine_url  = ${jsonencode(aws_sqs_queue.quarantine.url)}
    concurrency     = ${var.concurrency}
    drain_timeout   = ${var.drain_timeout}

    [store]
    table = ${jsonencode(aws_dynamodb_table.mappings.name)}
    owner = ${jsonencode(local.owner)}

    [github]
    %{~if length(local.webhook_secrets) > 0~}
    secrets = ${jsonencode([for variable in keys(local.webhook_secrets) : "env:${variable}"])}
    %{~endif~}
    %{~for key, value in local.github~}
    ${key} = ${jsonencode(value)}
    %{~endfor~}

    ${local.bound_secrets_toml}
    ${local.rules_toml}
    ${var.rules_toml}
  TOML
}
