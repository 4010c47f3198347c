# Who may do what. permissions.toml says why each of these is needed, and scripts/infra-check holds the two together.

locals {
  trust = {
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

# --- API Gateway: sends webhooks ---

resource "aws_iam_role" "api" {
  name               = "${var.name}-api"
  assume_role_policy = local.trust["apigateway.amazonaws.com"]
}

resource "aws_iam_role_policy" "api" {
  name = "send"
  role = aws_iam_role.api.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "Send"
      Effect   = "Allow"
      Action   = "sqs:SendMessage"
      Resource = aws_sqs_queue.webhooks.arn
    }]
  })
}

resource "aws_iam_role" "api_logs" {
  count              = var.access_logs && var.manage_api_gateway_account ? 1 : 0
  name               = "${var.name}-api-logs"
  assume_role_policy = local.trust["apigateway.amazonaws.com"]
}

resource "aws_iam_role_policy_attachment" "api_logs" {
  count      = length(aws_iam_role.api_logs)
  role       = aws_iam_role.api_logs[0].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
}

# --- ECS: starts the daemon ---

resource "aws_iam_role" "execution" {
  name               = "${var.name}-execution"
  assume_role_policy = local.trust["ecs-tasks.amazonaws.com"]
}

resource "aws_iam_role_policy" "execution" {
  name = "start"
  role = aws_iam_role.execution.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "Log"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "${aws_cloudwatch_log_group.consumer.arn}:*"
        },
        {
          Sid      = "Secrets"
          Effect   = "Allow"
          Action   = "secretsmanager:GetSecretValue"
          Resource = var.webhook_secret_arns
        },
        {
          Sid      = "Configuration"
          Effect   = "Allow"
          Action   = "ssm:GetParameters"
          Resource = aws_ssm_parameter.configuration.arn
        },
      ],
      length(var.secrets_kms_key_arns) == 0 ? [] : [{
        Sid      = "SecretsKey"
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
      # Has no resource of its own.
      local.ecr == null ? [] : [{ Sid = "PullLogin", Effect = "Allow", Action = "ecr:GetAuthorizationToken", Resource = "*" }],
    )
  })
}

# --- The daemon ---

resource "aws_iam_role" "daemon" {
  name               = "${var.name}-daemon"
  assume_role_policy = local.trust["ecs-tasks.amazonaws.com"]
}

resource "aws_iam_role_policy" "daemon" {
  name   = "work"
  role   = aws_iam_role.daemon.id
  policy = jsonencode({ Version = "2012-10-17", Statement = concat(local.daemon_data, local.daemon_pipelines) })
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
      Sid      = "MeasureQueues"
      Effect   = "Allow"
      Action   = "sqs:GetQueueAttributes"
      Resource = [for queue in local.queues : queue.arn]
    },
    {
      Sid      = "KeepMappings"
      Effect   = "Allow"
      Action   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]
      Resource = aws_dynamodb_table.mappings.arn
    },
    {
      Sid      = "ListMappings"
      Effect   = "Allow"
      Action   = "dynamodb:Query"
      Resource = local.table_and_index
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
        # Without a condition on tags: to find that a pipeline of this name is not ours, it must be looked at.
        Sid      = "ReadClones"
        Effect   = "Allow"
        Action   = ["codepipeline:GetPipeline", "codepipeline:ListTagsForResource"]
        Resource = local.clones
      },
      {
        Sid       = "CreateMarkedClones"
        Effect    = "Allow"
        Action    = ["codepipeline:CreatePipeline", "codepipeline:TagResource"]
        Resource  = local.clones
        Condition = { StringEquals = { "aws:RequestTag/${local.owner_tag}" = local.table } }
      },
      {
        Sid    = "ChangeMarkedClones"
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
    ],
    length(var.pipeline_role_arns) == 0 ? [] : [{
      Sid       = "PassPipelineRoles"
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = var.pipeline_role_arns
      Condition = { StringEquals = { "iam:PassedToService" = "codepipeline.amazonaws.com" } }
    }],
    [
      for prefix, arns in local.connections : {
        Sid       = prefix == "codeconnections" ? "PassConnections" : "PassStarConnections"
        Effect    = "Allow"
        Action    = "${prefix}:PassConnection"
        Resource  = arns
        Condition = { StringEquals = { "${prefix}:PassedToService" = "codepipeline.amazonaws.com" } }
      } if length(arns) > 0
    ],
  )
}

# --- People with the pager: attach it to a role of theirs ---

resource "aws_iam_policy" "operator" {
  name        = "${var.name}-operator"
  description = "What branchline's commands for operators call"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "OpenGraves"
        Effect   = "Allow"
        Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"]
        Resource = [aws_sqs_queue.dead_letters.arn, aws_sqs_queue.quarantine.arn]
      },
      {
        # dlq replay sends a webhook and an internal message each back to the queue that it came from; audit --repair sends repairs.
        Sid      = "SendReplaysAndRepairs"
        Effect   = "Allow"
        Action   = "sqs:SendMessage"
        Resource = [aws_sqs_queue.webhooks.arn, aws_sqs_queue.internal.arn]
      },
      {
        Sid      = "LookAtQueues"
        Effect   = "Allow"
        Action   = "sqs:GetQueueAttributes"
        Resource = [for queue in local.queues : queue.arn]
      },
      {
        Sid      = "ReadAndNote"
        Effect   = "Allow"
        Action   = ["dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive", "dynamodb:GetItem", "dynamodb:PutItem"]
        Resource = aws_dynamodb_table.mappings.arn
      },
      {
        Sid      = "ListMappings"
        Effect   = "Allow"
        Action   = "dynamodb:Query"
        Resource = local.table_and_index
      },
      {
        Sid      = "LookAtTemplates"
        Effect   = "Allow"
        Action   = "codepipeline:GetPipeline"
        Resource = local.templates
      },
      {
        Sid      = "LookAtClones"
        Effect   = "Allow"
        Action   = ["codepipeline:GetPipeline", "codepipeline:GetPipelineState", "codepipeline:ListPipelineExecutions"]
        Resource = local.clones
      },
      {
        # An orphan may have a name that no rule gives any more: only its tags tell whose it is.
        Sid      = "FindOurTags"
        Effect   = "Allow"
        Action   = "codepipeline:ListTagsForResource"
        Resource = "${local.pipelines}:*"
      },
      {
        Sid      = "AskWhichRolesPass"
        Effect   = "Allow"
        Action   = "iam:SimulatePrincipalPolicy"
        Resource = aws_iam_role.daemon.arn
      },
      # Has no resource of its own.
      { Sid = "ListPipelines", Effect = "Allow", Action = "codepipeline:ListPipelines", Resource = "*" },
    ]
  })
}
