# A policy for operators, to attach to their own roles.

resource "aws_iam_policy" "operator" {
  count       = var.create_operator_policy ? 1 : 0
  name        = "${local.role_prefix}operator"
  path        = var.role_path
  description = "Permissions for the operator commands of branchline"
  tags        = var.tags
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.operator_commands, [
      {
        Sid      = "ReceiveDeadLetters"
        Effect   = "Allow"
        Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"]
        Resource = [aws_sqs_queue.dead_letters.arn, aws_sqs_queue.quarantine.arn, aws_sqs_queue.undelivered_events.arn]
      },
      {
        # `dlq replay` returns a message to its source queue, and `audit --repair` sends repairs to
        # the internal queue.
        Sid      = "SendReplaysAndRepairs"
        Effect   = "Allow"
        Action   = "sqs:SendMessage"
        Resource = [aws_sqs_queue.webhooks.arn, aws_sqs_queue.internal.arn]
      },
      {
        Sid      = "ReadQueueAttributes"
        Effect   = "Allow"
        Action   = "sqs:GetQueueAttributes"
        Resource = [for queue in local.all_queues : queue.arn]
      },
      {
        Sid      = "ReadMappings"
        Effect   = "Allow"
        Action   = ["dynamodb:BatchGetItem", "dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive", "dynamodb:GetItem"]
        Resource = aws_dynamodb_table.mappings.arn
      },
      {
        Sid      = "ReadAuditTrail"
        Effect   = "Allow"
        Action   = ["dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive", "dynamodb:Query", "dynamodb:Scan"]
        Resource = aws_dynamodb_table.audit.arn
      },
      {
        # Every key must be an operator's, and there must be one.
        Sid      = "AddEntriesOfOperators"
        Effect   = "Allow"
        Action   = "dynamodb:PutItem"
        Resource = aws_dynamodb_table.audit.arn
        Condition = {
          "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = "OPERATOR#*" }
          Null                      = { "dynamodb:LeadingKeys" = "false" }
        }
      },
      {
        # A mark in the record of a periodic job, and no other item.
        Sid      = "RequestJobs"
        Effect   = "Allow"
        Action   = "dynamodb:UpdateItem"
        Resource = aws_dynamodb_table.mappings.arn
        Condition = {
          "ForAllValues:StringEquals" = { "dynamodb:LeadingKeys" = "JOBS" }
          Null                        = { "dynamodb:LeadingKeys" = "false" }
        }
      },
      {
        Sid      = "QueryMappingsAndEntriesByTime"
        Effect   = "Allow"
        Action   = "dynamodb:Query"
        Resource = concat(local.table_and_index, ["${aws_dynamodb_table.audit.arn}/index/by-time"])
      },
      {
        Sid      = "ReadTemplates"
        Effect   = "Allow"
        Action   = "codepipeline:GetPipeline"
        Resource = local.templates
      },
      {
        Sid      = "ReadClones"
        Effect   = "Allow"
        Action   = ["codepipeline:GetPipeline", "codepipeline:GetPipelineState", "codepipeline:ListPipelineExecutions"]
        Resource = local.clones
      },
      {
        # An orphan may have a name that no rule produces any more. Only its tags show that
        # branchline created it.
        Sid      = "ReadPipelineTags"
        Effect   = "Allow"
        Action   = "codepipeline:ListTagsForResource"
        Resource = "${local.pipelines}:*"
      },
      {
        # The roles of pipelines have to be allowed to build with the CodeBuild projects of clones.
        Sid      = "SimulateRoles"
        Effect   = "Allow"
        Action   = "iam:SimulatePrincipalPolicy"
        Resource = concat([aws_iam_role.daemon.arn], var.codebuild_projects == null ? [] : local.pipeline_role_arns)
      },
      # These actions do not support resource-level permissions.
      { Sid = "ListPipelinesAndTags", Effect = "Allow", Action = ["codepipeline:ListPipelines", "tag:GetResources"], Resource = "*" },
      ], var.codebuild_projects == null ? [] : [{
        Sid      = "ReadProjects"
        Effect   = "Allow"
        Action   = "codebuild:BatchGetProjects"
        Resource = concat(local.template_projects, local.projects)
        }], [for statement in [
        {
          Sid      = "ReadStacks"
          Effect   = "Allow"
          Action   = "cloudformation:DescribeStacks"
          Resource = local.stacks
        },
        # This action does not support resource-level permissions.
        { Sid = "ListStacks", Effect = "Allow", Action = "cloudformation:ListStacks", Resource = ["*"] },
      ] : statement if length(local.stacks) > 0
    ])
  })
}

# The commands of the AWS CLI that docs/OPERATING.md and README.md tell operators to run.
locals {
  log_groups = concat([aws_cloudwatch_log_group.consumer.arn], aws_cloudwatch_log_group.access[*].arn)

  operator_commands = concat(
    [
      {
        # IAM knows a log group under both ARNs.
        Sid      = "ReadLogs"
        Effect   = "Allow"
        Action   = "logs:FilterLogEvents"
        Resource = flatten([for arn in local.log_groups : [arn, "${arn}:*"]])
      },
      {
        Sid      = "RestartTasks"
        Effect   = "Allow"
        Action   = ["ecs:DescribeServices", "ecs:UpdateService"]
        Resource = "arn:${local.partition}:ecs:${local.region}:${local.account}:service/${local.cluster_name}/${aws_ecs_service.consumer.name}"
      },
      {
        Sid      = "ReadEventRule"
        Effect   = "Allow"
        Action   = ["events:DescribeRule", "events:ListTargetsByRule"]
        Resource = aws_cloudwatch_event_rule.pipelines.arn
      },
      # This action does not support resource-level permissions.
      { Sid = "ReadMetrics", Effect = "Allow", Action = "cloudwatch:GetMetricStatistics", Resource = "*" },
    ],
    var.operators_read_secrets ? [{
      Sid      = "ReadSecrets"
      Effect   = "Allow"
      Action   = "secretsmanager:GetSecretValue"
      Resource = local.secret_arns
    }] : [],
    var.operators_read_secrets ? local.secrets_key_statements : [],
    local.key_statements.queues,
    local.key_statements.tables,
  )
}
