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
  name                 = "${local.role_prefix}api"
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy   = local.trust_policies["apigateway.amazonaws.com"]
  tags                 = var.tags
}

resource "aws_iam_role_policy" "api" {
  name = "send-webhooks"
  role = aws_iam_role.api.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.key_statements.queues, [{
      Sid      = "SendWebhooks"
      Effect   = "Allow"
      Action   = "sqs:SendMessage"
      Resource = aws_sqs_queue.webhooks.arn
    }])
  })
}

resource "aws_iam_role" "api_logs" {
  count                = local.manages_api_log_role ? 1 : 0
  name                 = "${local.role_prefix}api-logs"
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy   = local.trust_policies["apigateway.amazonaws.com"]
  tags                 = var.tags
}

resource "aws_iam_role_policy_attachment" "api_logs" {
  count      = length(aws_iam_role.api_logs)
  role       = aws_iam_role.api_logs[0].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
}

# --- ECS: starts the daemon's tasks ---

resource "aws_iam_role" "execution" {
  name                 = "${local.role_prefix}execution"
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy   = local.trust_policies["ecs-tasks.amazonaws.com"]
  tags                 = var.tags
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
          Action   = var.configuration_store == "parameter" ? "ssm:GetParameters" : "secretsmanager:GetSecretValue"
          Resource = local.configuration_arn
        },
      ],
      local.secrets_key_statements,
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
