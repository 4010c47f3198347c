# Alarms for people. What to do about each belongs into docs/OPERATING.md, under the alarm's own name.

locals {
  alarms = {
    queue-age = {
      metric = "AWS/SQS ApproximateAgeOfOldestMessage Maximum", dimensions = { QueueName = aws_sqs_queue.webhooks.name }
      above  = 900, minutes = 5, missing = "notBreaching"
      means  = "A webhook has waited for 15 minutes"
    }
    internal-queue-age = {
      metric = "AWS/SQS ApproximateAgeOfOldestMessage Maximum", dimensions = { QueueName = aws_sqs_queue.internal.name }
      above  = 900, minutes = 5, missing = "notBreaching"
      means  = "A repair has waited for 15 minutes"
    }
    dead-letters = {
      metric = "AWS/SQS ApproximateNumberOfMessagesVisible Maximum", dimensions = { QueueName = aws_sqs_queue.dead_letters.name }
      above  = 0, minutes = 1, missing = "notBreaching"
      means  = "Something could not be processed"
    }
    quarantine = {
      metric = "AWS/SQS ApproximateNumberOfMessagesVisible Maximum", dimensions = { QueueName = aws_sqs_queue.quarantine.name }
      above  = 0, minutes = 1, missing = "notBreaching"
      means  = "Something is not proven to be GitHub's: a wrong secret, or a forgery"
    }
    api-refuses = {
      metric = "AWS/ApiGateway 4XXError Sum", dimensions = { ApiName = aws_api_gateway_rest_api.webhooks.name }
      above  = 5, minutes = 5, missing = "notBreaching"
      means  = "The API refuses webhooks, or throttles them"
    }
    api-fails = {
      metric = "AWS/ApiGateway 5XXError Sum", dimensions = { ApiName = aws_api_gateway_rest_api.webhooks.name }
      above  = 0, minutes = 1, missing = "notBreaching"
      means  = "The API could not hand a webhook to the queue"
    }
    # A task that runs tells its CPU once a minute, without extra cost; silence is no task.
    no-consumer = {
      metric = "AWS/ECS CPUUtilization SampleCount", dimensions = { ClusterName = aws_ecs_cluster.consumer.name, ServiceName = aws_ecs_service.consumer.name }
      below  = 1, minutes = 5, missing = "breaching"
      means  = "No daemon is running"
    }
    table-throttles = {
      metric = "AWS/DynamoDB WriteThrottleEvents Sum", dimensions = { TableName = aws_dynamodb_table.mappings.name }
      above  = 0, minutes = 5, missing = "notBreaching"
      means  = "DynamoDB throttles writes to the table"
    }
    aws-throttles = {
      metric = "${var.name} AwsThrottled Sum", dimensions = {}
      above  = 0, minutes = 10, missing = "notBreaching" # few lines: the daemon then tries one message at a time
      means  = "AWS throttles the daemon's calls, and webhooks wait"
    }
    aws-denies = {
      metric = "${var.name} AwsDenied Sum", dimensions = {}
      above  = 0, minutes = 1, missing = "notBreaching"
      means  = "AWS denies the daemon something it needs"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "people" {
  # A consumer that is stopped on purpose is nobody's alarm.
  for_each            = { for key, alarm in local.alarms : key => alarm if key != "no-consumer" || var.min_tasks > 0 }
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.value.means}. What to do: docs/OPERATING.md#${each.key}"
  namespace           = split(" ", each.value.metric)[0]
  metric_name         = split(" ", each.value.metric)[1]
  statistic           = split(" ", each.value.metric)[2]
  dimensions          = each.value.dimensions
  comparison_operator = can(each.value.below) ? "LessThanThreshold" : "GreaterThanThreshold"
  threshold           = try(each.value.below, each.value.above)
  period              = 60
  evaluation_periods  = each.value.minutes
  treat_missing_data  = each.value.missing
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
}

# CodePipeline has no metric for either, so they are counted where the daemon says them.
resource "aws_cloudwatch_log_metric_filter" "outcome" {
  for_each       = { AwsThrottled = "aws-throttled", AwsDenied = "aws-denied" }
  name           = "${var.name}-${each.value}"
  log_group_name = aws_cloudwatch_log_group.consumer.name
  # The journal line of a message, and the lines about AWS itself. Metric lines have an outcome as well, but no disposition.
  pattern = "{ ($.outcome = \"${each.value}\" && $.disposition = \"*\") || ($.fault = \"${each.value}:*\") }"

  metric_transformation {
    name      = each.key
    namespace = var.name
    value     = "1"
  }
}
