resource "aws_cloudwatch_log_group" "consumer" {
  name              = local.log_group_names.consumer
  kms_key_id        = var.kms_key_arns.logs
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_ecs_cluster" "consumer" {
  count = var.cluster_arn == null ? 1 : 0
  name  = var.name
  tags  = var.tags
}

resource "aws_ecs_cluster_capacity_providers" "consumer" {
  count              = length(var.capacity_providers) > 0 ? length(aws_ecs_cluster.consumer) : 0
  cluster_name       = aws_ecs_cluster.consumer[0].name
  capacity_providers = keys(var.capacity_providers)
}

locals {
  cluster      = var.cluster_arn == null ? one(aws_ecs_cluster.consumer[*].id) : var.cluster_arn
  cluster_name = var.cluster_arn == null ? one(aws_ecs_cluster.consumer[*].name) : split("/", var.cluster_arn)[1]
}

resource "aws_security_group" "consumer" {
  count       = var.create_security_group ? 1 : 0
  name        = "${var.name}-consumer"
  description = "branchline: outbound HTTPS"
  vpc_id      = var.vpc_id
  tags        = var.tags
}

resource "aws_vpc_security_group_egress_rule" "https" {
  for_each          = var.create_security_group ? { ipv4 = "0.0.0.0/0", ipv6 = "::/0" } : {}
  security_group_id = aws_security_group.consumer[0].id
  description       = "HTTPS to the AWS API"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = each.key == "ipv4" ? each.value : null
  cidr_ipv6         = each.key == "ipv6" ? each.value : null
  tags              = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "metrics" {
  for_each                     = toset(var.scrape_security_group_ids)
  security_group_id            = aws_security_group.consumer[0].id
  description                  = "Prometheus"
  ip_protocol                  = "tcp"
  from_port                    = 9090
  to_port                      = 9090
  referenced_security_group_id = each.value
  tags                         = var.tags
}

resource "aws_ecs_task_definition" "consumer" {
  family                   = var.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.daemon.arn
  tags                     = var.tags

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.cpu_architecture
  }

  container_definitions = jsonencode(concat([{
    name                   = "branchline"
    image                  = var.image
    essential              = true
    command                = ["run", "--log-format", "json"]
    user                   = "65532:65532"
    readonlyRootFilesystem = true
    linuxParameters        = { capabilities = { drop = ["ALL"] } }
    # The drain timeout, 4 s for the last acknowledgements, and a margin. If ECS kills the task
    # earlier, its messages come back only after their visibility timeout of a minute.
    stopTimeout = var.drain_timeout + 15
    environment = concat(
      [
        { name = "BRANCHLINE_CONFIG", value = "env:BRANCHLINE_TOML" },
        { name = "BRANCHLINE_LOG", value = var.log_level },
        { name = "BRANCHLINE_METRICS", value = { none = "none", cloudwatch = "emf", prometheus = "prometheus" }[var.metrics] },
        { name = "BRANCHLINE_METRICS_ADDR", value = length(var.scrape_security_group_ids) > 0 ? "0.0.0.0:9090" : "127.0.0.1:9090" },
      ],
      [for name, value in var.environment : { name = name, value = value }],
    )
    # ECS ignores the health check in the image. This one tests liveness, not readiness: a restart
    # does not end an AWS outage.
    healthCheck = {
      command     = ["CMD", "/usr/local/bin/branchline", "health"]
      interval    = 30
      timeout     = 5
      retries     = 3
      startPeriod = 30
    }
    secrets = concat(
      [{ name = "BRANCHLINE_TOML", valueFrom = local.configuration_arn }],
      [for variable, arn in local.secrets : { name = variable, valueFrom = arn }],
    )
    # The daemon reads its configuration once, at start. The hash makes each change of the
    # configuration a new task definition.
    dockerLabels = { "branchline.configuration" = sha256(local.configuration) }
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = aws_cloudwatch_log_group.consumer.name
        "awslogs-region"        = local.region
        "awslogs-stream-prefix" = "branchline"
      }
    }
  }], var.sidecars))
}

resource "aws_ecs_service" "consumer" {
  # In a cluster of yours, another installation may be as well.
  name            = var.cluster_arn == null ? "consumer" : var.name
  cluster         = local.cluster
  task_definition = aws_ecs_task_definition.consumer.arn
  desired_count   = var.min_tasks
  launch_type     = length(var.capacity_providers) == 0 ? "FARGATE" : null
  propagate_tags  = "SERVICE"
  tags            = var.tags

  wait_for_steady_state = var.wait_for_steady_state

  dynamic "capacity_provider_strategy" {
    for_each = var.capacity_providers
    content {
      capacity_provider = capacity_provider_strategy.key
      weight            = capacity_provider_strategy.value.weight
      base              = capacity_provider_strategy.value.base
    }
  }

  # The new task starts before the old one stops. Several daemons can work side by side.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = concat(aws_security_group.consumer[*].id, var.security_group_ids)
    assign_public_ip = var.assign_public_ip
  }

  lifecycle {
    ignore_changes = [desired_count] # set by auto scaling

    # After a rollback the service is steady as well.
    postcondition {
      condition     = !var.wait_for_steady_state || self.task_definition == aws_ecs_task_definition.consumer.arn
      error_message = "The new tasks did not stay up, and ECS went back to the former task definition. The last lines of their log have the reason: aws logs tail ${aws_cloudwatch_log_group.consumer.name} --since 30m"
    }
  }

  # A task without its permissions would exit at start, and the circuit breaker would count that.
  depends_on = [aws_iam_role_policy.daemon, aws_iam_role_policy.execution, aws_ecs_cluster_capacity_providers.consumer]
}

# --- Auto scaling by the depth of the webhook queue ---

resource "aws_appautoscaling_target" "consumer" {
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${local.cluster_name}/${aws_ecs_service.consumer.name}"
  min_capacity       = var.min_tasks
  max_capacity       = var.max_tasks
  tags               = var.tags
}

locals {
  # 100 waiting messages are at worst a minute of work for one task. 1,000 are too many for one
  # additional task. The bounds are relative to the alarm threshold of 100.
  scaling = {
    out = { cooldown = 60, steps = [{ from = 0, to = 900, by = 1 }, { from = 900, to = null, by = 2 }] }
    in  = { cooldown = 300, steps = [{ from = null, to = 0, by = -1 }] }
  }
}

resource "aws_appautoscaling_policy" "depth" {
  for_each           = local.scaling
  name               = "${var.name}-${each.key}"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.consumer.service_namespace
  scalable_dimension = aws_appautoscaling_target.consumer.scalable_dimension
  resource_id        = aws_appautoscaling_target.consumer.resource_id

  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    cooldown                = each.value.cooldown
    metric_aggregation_type = "Maximum"

    dynamic "step_adjustment" {
      for_each = each.value.steps
      content {
        metric_interval_lower_bound = step_adjustment.value.from
        metric_interval_upper_bound = step_adjustment.value.to
        scaling_adjustment          = step_adjustment.value.by
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "depth" {
  for_each = {
    out = { comparison = "GreaterThanOrEqualToThreshold", threshold = 100, minutes = 1, missing = "notBreaching" }
    # SQS publishes no metrics for a queue that has been idle for hours. Such a queue is empty.
    in = { comparison = "LessThanThreshold", threshold = 10, minutes = 10, missing = "breaching" }
  }
  alarm_name          = "${var.name}-scale-${each.key}"
  alarm_description   = "Used by auto scaling: scales the consumer ${each.key}. No action is needed."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.webhooks.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = each.value.minutes
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  treat_missing_data  = each.value.missing
  alarm_actions       = [aws_appautoscaling_policy.depth[each.key].arn]
  tags                = var.tags
}
