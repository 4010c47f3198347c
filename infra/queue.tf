locals {
  days = 24 * 60 * 60

  # SQS encrypts with its own key, unless there is another one.
  sqs_managed_key = var.kms_key_arns.queues == null ? true : null
}

# Webhooks, byte for byte as GitHub sent them. A standard queue, not FIFO: the daemon orders events
# by the times in the webhooks, and FIFO deduplication would drop a redelivery within five minutes.
resource "aws_sqs_queue" "webhooks" {
  name                       = "${var.name}-webhooks"
  message_retention_seconds  = 4 * local.days
  max_message_size           = 1048576 # 1 MiB, the maximum of SQS; a larger webhook gets a 400
  visibility_timeout_seconds = 60      # the daemon sets the same timeout with each receive
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = local.sqs_managed_key
  kms_master_key_id          = var.kms_key_arns.queues
  tags                       = var.tags

  redrive_policy = local.redrive_policy
}

# Repairs, sent by operators and by the daemon, and events of pipelines (events.tf). Messages on
# this queue carry no signature: they are trusted because IAM and the queue's policy decide who may
# send here. They are never sent to the webhook queue.
resource "aws_sqs_queue" "internal" {
  name                       = "${var.name}-internal"
  message_retention_seconds  = 4 * local.days
  max_message_size           = 1048576
  visibility_timeout_seconds = 60
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = local.sqs_managed_key
  kms_master_key_id          = var.kms_key_arns.queues
  tags                       = var.tags

  redrive_policy = local.redrive_policy
}

locals {
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    # A safety net. The daemon dead-letters a message itself, with the reason, after 30 failures.
    # SQS also counts receives that are not failures, so its own limit is far above that.
    maxReceiveCount = 100
  })
}

# Messages that could not be processed. A message that SQS moves here keeps its original age, so
# this queue retains messages for longer than the source queues.
resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.name}-dead-letters"
  message_retention_seconds = 14 * local.days
  max_message_size          = 1048576
  sqs_managed_sse_enabled   = local.sqs_managed_key
  kms_master_key_id         = var.kms_key_arns.queues
  tags                      = var.tags
}

# Messages whose signature does not verify. Anybody who knows the URL can fill this queue, so it is
# separate from the dead-letter queue and retains messages for a shorter time.
resource "aws_sqs_queue" "quarantine" {
  name                      = "${var.name}-quarantine"
  message_retention_seconds = 4 * local.days
  max_message_size          = 1048576
  sqs_managed_sse_enabled   = local.sqs_managed_key
  kms_master_key_id         = var.kms_key_arns.queues
  tags                      = var.tags
}

resource "aws_sqs_queue_redrive_allow_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.url
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.webhooks.arn, aws_sqs_queue.internal.arn]
  })
}

locals {
  # The queues of the configuration.
  queues = {
    webhooks     = aws_sqs_queue.webhooks
    internal     = aws_sqs_queue.internal
    dead_letters = aws_sqs_queue.dead_letters
    quarantine   = aws_sqs_queue.quarantine
  }
  all_queues = merge(local.queues, { undelivered_events = aws_sqs_queue.undelivered_events })

  # EventBridge sends as a service, which is of no account.
  event_queues = ["internal", "undelivered_events"]

  queue_denials = {
    for key, queue in local.all_queues : key => [
      {
        Sid       = "DenyInsecureTransport"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = queue.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "DenyOtherAccounts"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = queue.arn
        Condition = merge(
          { StringNotEquals = { "aws:PrincipalAccount" = local.account } },
          contains(local.event_queues, key) ? { Bool = { "aws:PrincipalIsAWSService" = "false" } } : {},
        )
      },
    ]
  }

  event_senders = {
    for key in local.event_queues : key => {
      Sid       = "AllowPipelineEvents"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = local.all_queues[key].arn
      Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.pipelines.arn } }
    }
  }

  queue_senders = {
    webhooks = [{
      Sid       = "AllowApiGatewaySend"
      Effect    = "Allow"
      Principal = { AWS = aws_iam_role.api.arn }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.webhooks.arn
    }]
    # Operators may send as well. Their own policy (iam.tf) grants that: within one account either
    # policy is sufficient, and the module does not know which roles the operators have.
    internal = [local.event_senders["internal"], {
      Sid       = "AllowDaemonSend"
      Effect    = "Allow"
      Principal = { AWS = aws_iam_role.daemon.arn }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.internal.arn
    }]
    dead_letters       = []
    quarantine         = []
    undelivered_events = [local.event_senders["undelivered_events"]]
  }
}

resource "aws_sqs_queue_policy" "access" {
  for_each  = local.all_queues
  queue_url = each.value.url
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat(local.queue_senders[each.key], local.queue_denials[each.key])
  })
}
