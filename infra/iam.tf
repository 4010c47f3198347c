# Roles and policies. permissions.toml lists the call that needs each permission, and
# scripts/infra-check compares the two.

locals {
  trust_policies = {
    for service, conditions in {
      "apigateway.amazonaws.com" = null
      "ecs-tasks.amazonaws.com" = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:ecs:${local.region}:${local.account}:*" }
      }
      } : service => jsonencode({
        Version = "2012-10-17"
        Statement = [merge(
          { Effect = "Allow", Principal = { Service = service }, Action = "sts:AssumeRole" },
          conditions == null ? {} : { Condition = conditions },
        )]
    })
  }
}

# --- API Gateway: sends webhooks to SQS ---

resource "aws_iam_role" "api" {
  name               = "${var.name}-api"
  assume_role_policy = local.trust_policies["apigateway.amazonaws.com"]
}

resource "aws_iam_role_policy" "api" {
  name = "send-webhooks"
  role = aws_iam_role.api.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "SendWebhooks"
      Effect   = "Allow"
      Action   = "sqs:SendMessage"
      Resource = aws_sqs_queue.webhooks.arn
    }]
  })
}

resource "aws_iam_role" "api_logs" {
  count              = var.access_logs && var.manage_api_gateway_account ? 1 : 0
  name               = "${var.name}-api-logs"
  assume_role_policy = local.trust_policies["apigateway.amazonaws.com"]
}

resource "aws_iam_role_policy_attachment" "api_logs" {
  count      = length(aws_iam_role.api_logs)
  role       = aws_iam_role.api_logs[0].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
}

# --- ECS: starts the daemon's tasks ---

resource "aws_iam_role" "execution" {
  name               = "${var.name}-execution"
  assume_role_policy = local.trust_policies["ecs-tasks.amazonaws.com"]
}

resource "aws_iam_role_policy" "execution" {
  name = "start-tasks"
  role = aws_iam_role.execution.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "WriteLogs"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "${aws_cloudwatch_log_group.consumer.arn}:*"
        },
        {
          Sid      = "ReadSecrets"
          Effect   = "Allow"
          Action   = "secretsmanager:GetSecretValue"
          Resource = local.secret_arns
        },
        {
          Sid      = "ReadConfiguration"
          Effect   = "Allow"
          Action   = "ssm:GetParameters"
          Resource = aws_ssm_parameter.configuration.arn
        },
      ],
      length(var.secrets_kms_key_arns) == 0 ? [] : [{
        Sid      = "DecryptSecrets"
        Effect   = "Allow"
        Action   = "kms:Decrypt"
        Resource = var.secrets_kms_key_arns
      }],
      local.ecr == null ? [] : [{
        Sid      = "PullImage"
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = "arn:${local.partition}:ecr:${local.ecr.region}:${local.ecr.account}:repository/${local.ecr.name}"
      }],
      # This action does not support resource-level permissions.
      local.ecr == null ? [] : [{ Sid = "LogInToRegistry", Effect = "Allow", Action = "ecr:GetAuthorizationToken", Resource = "*" }],
    )
  })
}

# --- The daemon ---

resource "aws_iam_role" "daemon" {
  name               = "${var.name}-daemon"
  assume_role_policy = local.trust_policies["ecs-tasks.amazonaws.com"]
}

resource "aws_iam_role_policy" "daemon" {
  name   = "daemon"
  role   = aws_iam_role.daemon.id
  policy = jsonencode({ Version = "2012-10-17", Statement = concat(local.daemon_data, local.daemon_pipelines) })

  lifecycle {
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
        Condition = { StringEquals = { "aws:RequestTag/${local.owner_tag}" = local.table } }
      },
      {
        Sid    = "ChangeTaggedClones"
        Effect = "Allow"
        Action = [
          "codepipeline:DeletePipeline",
          "codepipeline:ListPipelineExecutions",
          "codepipeline:StartPipelineExecution",
          "codepipeline:StopPipelineExecution",
          "codepipeline:UpdatePipeline",
        ]
        Resource  = local.clones
        Condition = { StringEquals = { "aws:ResourceTag/${local.owner_tag}" = local.table } }
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
    length(var.pipeline_role_arns) == 0 ? [] : [{
      Sid       = "PassPipelineRoles"
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = var.pipeline_role_arns
      Condition = { StringEquals = { "iam:PassedToService" = "codepipeline.amazonaws.com" } }
    }],
    # CodePipeline checks this permission of the caller for a ServiceRoleArnOverride.
    length(var.build_role_arns) == 0 ? [] : [{
      Sid       = "PassBuildRoles"
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = var.build_role_arns
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
}

# --- Operators: a policy to attach to their own roles ---

resource "aws_iam_policy" "operator" {
  name        = "${var.name}-operator"
  description = "Permissions for the operator commands of branchline"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
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
        Sid      = "SimulateDaemonRole"
        Effect   = "Allow"
        Action   = "iam:SimulatePrincipalPolicy"
        Resource = aws_iam_role.daemon.arn
      },
      # This action does not support resource-level permissions.
      { Sid = "ListPipelines", Effect = "Allow", Action = "codepipeline:ListPipelines", Resource = "*" },
    ]
  })
}
