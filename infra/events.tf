# Events of CodePipeline: EventBridge sends those of the clones to the internal queue, unchanged.

locals {
  event_rule = "${var.name}-pipeline-events"

  # What each pattern of clone_names begins with. A pattern that begins with a wildcard selects
  # every pipeline of the account: the daemon drops the events of the others.
  clone_prefixes = distinct([for name in local.clone_names : split("*", replace(name, "?", "*"))[0]])

  pipeline_events = {
    source = ["aws.codepipeline"]
    detail-type = [
      "CodePipeline Pipeline Execution State Change",
      "CodePipeline Stage Execution State Change",
      "CodePipeline Action Execution State Change",
    ]
  }
  events_of_clones = merge(local.pipeline_events, {
    detail = { pipeline = [for prefix in local.clone_prefixes : { prefix = prefix }] }
  })

  # EventBridge refuses patterns of more than 2,048 characters.
  selects_clones = !contains(local.clone_prefixes, "") && length(jsonencode(local.events_of_clones)) <= 2048
}

resource "aws_cloudwatch_event_rule" "pipelines" {
  name          = local.event_rule
  description   = "Sends the events of branchline's pipelines to its internal queue"
  event_pattern = local.selects_clones ? jsonencode(local.events_of_clones) : jsonencode(local.pipeline_events)
  tags          = var.tags
}

resource "aws_cloudwatch_event_target" "internal_queue" {
  rule      = aws_cloudwatch_event_rule.pipelines.name
  target_id = "internal-queue"
  arn       = aws_sqs_queue.internal.arn

  # An event that is an hour late reports nothing new: the daemon asks CodePipeline by itself.
  retry_policy {
    maximum_event_age_in_seconds = 3600
    maximum_retry_attempts       = 185
  }

  dead_letter_config {
    arn = aws_sqs_queue.undelivered_events.arn
  }

  # Without permission to send, EventBridge does not retry.
  depends_on = [aws_sqs_queue_policy.access]
}

# Events that EventBridge could not send to the internal queue, each with the reason in its
# attributes. EventBridge does not retry when the queue or the permission is missing.
resource "aws_sqs_queue" "undelivered_events" {
  name                      = "${var.name}-undelivered-events"
  message_retention_seconds = 14 * local.days
  max_message_size          = 1048576
  sqs_managed_sse_enabled   = local.sqs_managed_key
  kms_master_key_id         = var.kms_key_arns.queues
  tags                      = var.tags
}
