# The role of the daemon. Every statement is needed by a call in permissions.toml.

resource "aws_iam_role" "daemon" {
  name                 = "${local.role_prefix}daemon"
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat(jsondecode(local.trust_policies["ecs-tasks.amazonaws.com"]).Statement, var.task_role_trust)
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "daemon" {
  name   = "daemon"
  role   = aws_iam_role.daemon.id
  policy = jsonencode({ Version = "2012-10-17", Statement = concat(local.daemon_data, local.key_statements.queues, local.key_statements.tables, local.daemon_pipelines, local.daemon_projects, local.daemon_stacks) })

  lifecycle {
    precondition {
      condition     = alltrue([for name in local.clone_names : can(regex("[A-Za-z0-9]", name))])
      error_message = "A rule that selects its repositories by a glob needs a pipeline_name with a text of its own, such as pr-{repo}-{number}: otherwise its clones could have any name, and branchline would be allowed to change every pipeline."
    }
    precondition {
      condition     = length(local.unknown_templates) == 0
      error_message = "rules_toml has templates that are missing from template_names: ${join(", ", local.unknown_templates)}. The daemon could not read them."
    }
    precondition {
      condition     = length(local.clones_over_templates) == 0
      error_message = "A clone must not be able to have the name of a template: ${join(", ", local.clones_over_templates)}. Tighten clone_names or template_names."
    }
  }
}

locals {
  table_and_index = [aws_dynamodb_table.mappings.arn, "${aws_dynamodb_table.mappings.arn}/index/by-state"]

  daemon_data = [
    {
      Sid      = "ReceiveMessages"
      Effect   = "Allow"
      Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"]
      Resource = [aws_sqs_queue.webhooks.arn, aws_sqs_queue.internal.arn]
    },
    {
      Sid      = "SendMessages"
      Effect   = "Allow"
      Action   = "sqs:SendMessage"
      Resource = [aws_sqs_queue.internal.arn, aws_sqs_queue.dead_letters.arn, aws_sqs_queue.quarantine.arn]
    },
    {
      Sid      = "ReadQueueAttributes"
      Effect   = "Allow"
      Action   = "sqs:GetQueueAttributes"
      Resource = [for queue in local.queues : queue.arn]
    },
    {
      Sid      = "ReadAndWriteMappings"
      Effect   = "Allow"
      Action   = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"]
      Resource = aws_dynamodb_table.mappings.arn
    },
    {
      Sid      = "QueryMappings"
      Effect   = "Allow"
      Action   = "dynamodb:Query"
      Resource = local.table_and_index
    },
    {
      Sid      = "AddAuditEntries"
      Effect   = "Allow"
      Action   = ["dynamodb:PutItem", "dynamodb:Query"]
      Resource = aws_dynamodb_table.audit.arn
    },
    {
      # A Deny, so that it holds whether or not AWS sends the keys of a transaction's items.
      Sid       = "LeaveEntriesOfOperators"
      Effect    = "Deny"
      Action    = "dynamodb:PutItem"
      Resource  = aws_dynamodb_table.audit.arn
      Condition = { "ForAnyValue:StringLike" = { "dynamodb:LeadingKeys" = "OPERATOR#*" } }
    },
  ]

  daemon_pipelines = concat(
    [
      {
        Sid      = "ReadTemplates"
        Effect   = "Allow"
        Action   = "codepipeline:GetPipeline"
        Resource = local.templates
      },
      {
        # The statements below do not allow this either. The Deny also holds for every other policy
        # that the role may get one day.
        Sid    = "NeverChangeTemplates"
        Effect = "Deny"
        Action = [
          "codepipeline:DeletePipeline",
          "codepipeline:RetryStageExecution",
          "codepipeline:StartPipelineExecution",
          "codepipeline:StopPipelineExecution",
          "codepipeline:TagResource",
          "codepipeline:UntagResource",
          "codepipeline:UpdatePipeline",
        ]
        Resource = concat(local.templates, [for template in local.templates : "${template}/*"])
      },
      # This action does not support resource-level permissions.
      { Sid = "CountPipelines", Effect = "Allow", Action = "codepipeline:ListPipelines", Resource = "*" },
      {
        # No condition on tags: the daemon has to read a pipeline to find out whether branchline
        # created it.
        Sid      = "ReadClones"
        Effect   = "Allow"
        Action   = ["codepipeline:GetPipeline", "codepipeline:ListTagsForResource"]
        Resource = local.clones
      },
      {
        Sid       = "CreateTaggedClones"
        Effect    = "Allow"
        Action    = ["codepipeline:CreatePipeline", "codepipeline:TagResource"]
        Resource  = local.clones
        Condition = { StringEquals = { "aws:RequestTag/${local.owner_tag}" = local.owner } }
      },
      {
        Sid    = "ChangeTaggedClones"
        Effect = "Allow"
        Action = [
          "codepipeline:DeletePipeline",
          "codepipeline:ListActionExecutions",
          "codepipeline:ListPipelineExecutions",
          "codepipeline:StartPipelineExecution",
          "codepipeline:StopPipelineExecution",
          "codepipeline:UpdatePipeline",
        ]
        Resource  = local.clones
        Condition = { StringEquals = { "aws:ResourceTag/${local.owner_tag}" = local.owner } }
      },
      {
        # The resource is a stage. No page states that a stage has the tags of its pipeline; the
        # daemon reads these before it retries anything.
        Sid      = "RetryStagesOfClones"
        Effect   = "Allow"
        Action   = "codepipeline:RetryStageExecution"
        Resource = concat(local.clones, [for clone in local.clones : "${clone}/*"])
      },
    ],
    length(local.pipeline_role_arns) == 0 ? [] : [{
      Sid       = "PassPipelineRoles"
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = local.pipeline_role_arns
      Condition = { StringEquals = { "iam:PassedToService" = "codepipeline.amazonaws.com" } }
    }],
    # CodePipeline checks this permission of the caller for a ServiceRoleArnOverride.
    length(local.build_role_arns) == 0 ? [] : [{
      Sid       = "PassBuildRoles"
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = local.build_role_arns
      Condition = { StringEquals = { "iam:PassedToService" = "codebuild.amazonaws.com" } }
    }],
    [
      for prefix, arns in local.connections : {
        Sid       = prefix == "codeconnections" ? "PassConnections" : "PassCodeStarConnections"
        Effect    = "Allow"
        Action    = "${prefix}:PassConnection"
        Resource  = arns
        Condition = { StringEquals = { "${prefix}:PassedToService" = "codepipeline.amazonaws.com" } }
      } if length(arns) > 0
    ],
  )

  # The CodeBuild projects of clones, if a rule makes some.
  daemon_projects = [for statement in [
    {
      # No condition on tags: the daemon has to read a project to find out whether branchline
      # created it.
      Sid      = "ReadProjects"
      Effect   = "Allow"
      Action   = "codebuild:BatchGetProjects"
      Resource = concat(local.template_projects, local.projects)
    },
    {
      # The name of a template's project may begin like that of a clone.
      Sid      = "NeverChangeTemplateProjects"
      Effect   = "Deny"
      Action   = ["codebuild:CreateProject", "codebuild:DeleteProject", "codebuild:UpdateProject"]
      Resource = local.template_projects
    },
    {
      Sid       = "CreateTaggedProjects"
      Effect    = "Allow"
      Action    = "codebuild:CreateProject"
      Resource  = local.projects
      Condition = { StringEquals = { "aws:RequestTag/${local.owner_tag}" = local.owner } }
    },
    {
      Sid       = "ChangeTaggedProjects"
      Effect    = "Allow"
      Action    = ["codebuild:DeleteProject", "codebuild:UpdateProject"]
      Resource  = local.projects
      Condition = { StringEquals = { "aws:ResourceTag/${local.owner_tag}" = local.owner } }
    },
    {
      Sid       = "PassProjectRoles"
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = try(var.codebuild_projects.role_arns, [])
      Condition = { StringEquals = { "iam:PassedToService" = "codebuild.amazonaws.com" } }
    },
  ] : statement if var.codebuild_projects != null]

  # The stacks of clones. Their names are all there is to know them by: CodePipeline does not tag
  # stacks. The daemon deletes some only if a rule says so.
  daemon_stacks = [for statement in [
    {
      Sid    = "UseStacks"
      Effect = "Allow"
      Action = concat(["cloudformation:DescribeStacks"], local.deletes_stacks ? ["cloudformation:DeleteStack", "cloudformation:DescribeStackResources"] : [])

      Resource = local.stacks
    },
  ] : statement if length(local.stacks) > 0]
}
