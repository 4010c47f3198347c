# Alarms for operators. docs/OPERATING.md has a section for each, under the key of the alarm.

locals {
  alarms = {
    queue-age = {
      metric     = "AWS/SQS ApproximateAgeOfOldestMessage Maximum"
      dimensions = { QueueName = aws_sqs_queue.webhooks.name }
      above      = 900, minutes = 5, missing = "notBreaching"
      summary    = "A webhook has waited for 15 minutes"
    }
    internal-queue-age = {
      metric     = "AWS/SQS ApproximateAgeOfOldestMessage Maximum"
      dimensions = { QueueName = aws_sqs_queue.internal.name }
      above      = 900, minutes = 5, missing = "notBreaching"
      summary    = "A repair or an event of a pipeline has waited for 15 minutes"
    }
    # SQS publishes the depth of a queue that was idle up to 15 minutes late, and this at once.
    events-fail = {
      metric     = "AWS/Events FailedInvocations Sum"
      dimensions = { RuleName = aws_cloudwatch_event_rule.pipelines.name }
      above      = 0, minutes = 1, missing = "notBreaching"
      summary    = "EventBridge could not send an event of a pipeline to the internal queue"
    }
    events-lost = {
      metric     = "AWS/Events InvocationsFailedToBeSentToDlq Sum"
      dimensions = { RuleName = aws_cloudwatch_event_rule.pipelines.name }
      above      = 0, minutes = 1, missing = "notBreaching"
      summary    = "EventBridge could not keep an event of a pipeline that it could not send"
    }
    undelivered-events = {
      metric     = "AWS/SQS ApproximateNumberOfMessagesVisible Maximum"
      dimensions = { QueueName = aws_sqs_queue.undelivered_events.name }
      above      = 0, minutes = 1, missing = "notBreaching"
      summary    = "An event of a pipeline did not reach the internal queue"
    }
    dead-letters = {
      metric     = "AWS/SQS ApproximateNumberOfMessagesVisible Maximum"
      dimensions = { QueueName = aws_sqs_queue.dead_letters.name }
      above      = 0, minutes = 1, missing = "notBreaching"
      summary    = "A message could not be processed"
    }
    quarantine = {
      metric     = "AWS/SQS ApproximateNumberOfMessagesVisible Maximum"
      dimensions = { QueueName = aws_sqs_queue.quarantine.name }
      above      = 0, minutes = 1, missing = "notBreaching"
      summary    = "A message could not be verified: the secret is wrong, or the message is forged"
    }
    api-refuses = {
      metric     = "AWS/ApiGateway 4XXError Sum"
      dimensions = { ApiName = aws_api_gateway_rest_api.webhooks.name }
      above      = 5, minutes = 5, missing = "notBreaching"
      summary    = "The API rejects or throttles requests"
    }
    # A webhook that GitHub sent and the API refused. It is lost until it is redelivered, so one is
    # enough.
    github-refused = {
      create     = var.access_logs
      metric     = "${var.name} GitHubRefused Sum"
      dimensions = {}
      above      = 0, minutes = 1, missing = "notBreaching"
      summary    = "The API refused a webhook that GitHub sent"
    }
    # SQS publishes nothing for a queue that has been idle for hours.
    silence = {
      create     = var.silence_hours != null
      metric     = "AWS/SQS NumberOfMessagesSent Sum"
      dimensions = { QueueName = aws_sqs_queue.webhooks.name }
      below      = 1, minutes = 60 * coalesce(var.silence_hours, 1), missing = "breaching"
      period     = 60 * 60
      summary    = "No webhook has arrived for ${coalesce(var.silence_hours, 1)} hours"
    }
    api-fails = {
      metric     = "AWS/ApiGateway 5XXError Sum"
      dimensions = { ApiName = aws_api_gateway_rest_api.webhooks.name }
      above      = 0, minutes = 1, missing = "notBreaching"
      summary    = "The API could not send a webhook to the queue"
    }
    # ECS publishes the CPU utilization of a running task once a minute, at no extra cost. Missing
    # data means that no task is running.
    no-consumer = {
      # min_tasks = 0 stops the consumer on purpose, so its absence needs no alarm.
      create = var.min_tasks > 0
      metric = "AWS/ECS CPUUtilization SampleCount"
      dimensions = {
        ClusterName = local.cluster_name
        ServiceName = aws_ecs_service.consumer.name
      }
      below   = 1, minutes = 5, missing = "breaching"
      summary = "No daemon is running"
    }
    table-throttles = {
      metric     = "AWS/DynamoDB WriteThrottleEvents Sum"
      dimensions = { TableName = aws_dynamodb_table.mappings.name }
      above      = 0, minutes = 5, missing = "notBreaching"
      summary    = "DynamoDB throttles writes to the table"
    }
    audit-table-throttles = {
      metric     = "AWS/DynamoDB WriteThrottleEvents Sum"
      dimensions = { TableName = aws_dynamodb_table.audit.name }
      above      = 0, minutes = 5, missing = "notBreaching"
      summary    = "DynamoDB throttles writes to the audit trail"
    }
    aws-throttles = {
      metric     = "${var.name} AwsThrottled Sum"
      dimensions = {}
      # While it is throttled, the daemon tries one message at a time and logs few lines.
      above   = 0, minutes = 10, missing = "notBreaching"
      summary = "AWS throttles the calls of the daemon, and webhooks wait"
    }
    aws-denies = {
      metric     = "${var.name} AwsDenied Sum"
      dimensions = {}
      above      = 0, minutes = 1, missing = "notBreaching"
      summary    = "The daemon lacks a permission"
    }
    stacks-left-behind = {
      metric     = "${var.name} StacksLeftBehind Sum"
      dimensions = {}
      # The daemons log it once a minute for as long as it is so.
      above   = 0, minutes = 5, missing = "notBreaching"
      summary = "Stacks of a closed pull request could not be deleted"
    }
  }
  # A line of a message with this outcome, or a line about an outage of a service. Metric lines have
  # an outcome as well, but no disposition.
  outcome_pattern = "{ ($.outcome = \"%[1]s\" && $.disposition = \"*\") || ($.fault = \"%[1]s:*\") }"
  log_patterns = {
    AwsThrottled     = format(local.outcome_pattern, "aws-throttled")
    AwsDenied        = format(local.outcome_pattern, "aws-denied")
    StacksLeftBehind = "{ $.left_behind > 0 }"
  }
}

resource "aws_cloudwatch_metric_alarm" "operators" {
  for_each            = { for key, alarm in local.alarms : key => alarm if var.create_alarms && try(alarm.create, true) }
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.value.summary}: ${var.runbook_url}#${each.key}"
  namespace           = split(" ", each.value.metric)[0]
  metric_name         = split(" ", each.value.metric)[1]
  statistic           = split(" ", each.value.metric)[2]
  dimensions          = each.value.dimensions
  comparison_operator = can(each.value.below) ? "LessThanThreshold" : "GreaterThanThreshold"
  threshold           = try(each.value.below, each.value.above)
  period              = try(each.value.period, 60)
  evaluation_periods  = each.value.minutes * 60 / try(each.value.period, 60)
  treat_missing_data  = each.value.missing
  alarm_actions       = local.alarm_topics
  ok_actions          = local.alarm_topics
  tags                = var.tags
}

# CodePipeline has no metric for throttled or denied calls, so both are counted in the logs of the
# daemon.
resource "aws_cloudwatch_log_metric_filter" "outcome" {
  for_each       = !var.create_alarms ? {} : local.log_patterns
  name           = "${var.name}-${each.key}"
  log_group_name = aws_cloudwatch_log_group.consumer.name
  pattern        = each.value

  metric_transformation {
    name      = each.key
    namespace = var.name
    value     = "1"
  }
}

# The metric 4XXError of the API also counts strangers. The log tells GitHub by its agent, which a
# stranger who knows the host name can imitate.
resource "aws_cloudwatch_log_metric_filter" "github_refused" {
  count          = var.create_alarms && var.access_logs ? 1 : 0
  name           = "${var.name}-github-refused"
  log_group_name = aws_cloudwatch_log_group.access[0].name
  pattern        = "{ $.agent = \"GitHub-Hookshot*\" && $.status = \"4*\" }"

  metric_transformation {
    name      = "GitHubRefused"
    namespace = var.name
    value     = "1"
  }
}

# A topic for e-mail. Each address gets a message with a link, and nothing else until the link
# was opened.
resource "aws_sns_topic" "alarms" {
  count = length(var.alarm_emails) > 0 ? 1 : 0
  name  = "${var.name}-alarms"
  tags  = var.tags
}

resource "aws_sns_topic_subscription" "email" {
  for_each  = toset(var.alarm_emails)
  topic_arn = aws_sns_topic.alarms[0].arn
  protocol  = "email"
  endpoint  = each.value
}

locals {
  alarm_topics = concat(var.alarm_topic_arns, aws_sns_topic.alarms[*].arn)
}
