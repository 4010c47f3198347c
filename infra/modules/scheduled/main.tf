# Runs branchline every few minutes until its queues are empty, on the task definition of the main
# module, whose service has no task (min_tasks = 0). docs/HOMES.md compares this with other homes.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account = data.aws_caller_identity.current.account_id

  # Without a revision, ECS runs the newest one. So a change of the configuration, which is a new
  # revision, needs no change of the schedule.
  family = replace(var.task_definition_arn, "/:[0-9]+$/", "")
}

resource "aws_scheduler_schedule_group" "this" {
  name = var.name
  tags = var.tags
}

resource "aws_scheduler_schedule" "this" {
  name                = var.name
  group_name          = aws_scheduler_schedule_group.this.name
  description         = "Runs branchline until its queues are empty"
  schedule_expression = var.schedule

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = var.cluster_arn
    role_arn = aws_iam_role.scheduler.arn
    input = jsonencode({
      containerOverrides = [{
        name    = "branchline"
        command = ["run", "--until-empty", "--log-format", "json"]
      }]
    })

    ecs_parameters {
      task_definition_arn = local.family
      launch_type         = var.spot ? null : "FARGATE"
      propagate_tags      = "TASK_DEFINITION"

      # AWS may stop a task of Fargate Spot, two minutes after SIGTERM. It then returns its messages
      # to their queue, and the next run takes them.
      dynamic "capacity_provider_strategy" {
        for_each = var.spot ? ["FARGATE_SPOT"] : []
        content {
          capacity_provider = capacity_provider_strategy.value
          weight            = 1
        }
      }

      network_configuration {
        subnets          = var.subnet_ids
        security_groups  = var.security_group_ids
        assign_public_ip = var.assign_public_ip
      }
    }

    # The next run is the retry.
    retry_policy {
      maximum_event_age_in_seconds = 60
      maximum_retry_attempts       = 0
    }
  }
}

resource "aws_iam_role" "scheduler" {
  # Names of roles are those of the account, not of the Region.
  name                 = "${var.name}-${data.aws_region.current.region}"
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = {
          "aws:SourceAccount" = local.account
          "aws:SourceArn"     = aws_scheduler_schedule_group.this.arn
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "scheduler" {
  name = "run-task"
  role = aws_iam_role.scheduler.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "RunTask"
        Effect    = "Allow"
        Action    = "ecs:RunTask"
        Resource  = [local.family, "${local.family}:*"]
        Condition = { ArnEquals = { "ecs:cluster" = var.cluster_arn } }
      },
      {
        Sid       = "TagTask"
        Effect    = "Allow"
        Action    = "ecs:TagResource"
        Resource  = "arn:${data.aws_partition.current.partition}:ecs:*:${local.account}:task/*"
        Condition = { StringEquals = { "ecs:CreateAction" = "RunTask" } }
      },
      {
        Sid       = "PassTaskRoles"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = var.task_role_arns
        Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
      },
    ]
  })
}
