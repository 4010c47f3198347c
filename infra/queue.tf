locals {
  days = 24 * 60 * 60
}

# What GitHub said, in GitHub's bytes. A standard queue: order comes from what the webhooks say, and one that is
# delivered again within five minutes must not be swallowed.
resource "aws_sqs_queue" "webhooks" {
  name                       = "${var.name}-webhooks"
  message_retention_seconds  = 4 * local.days
  max_message_size           = 1048576 # 1 MiB, the most that SQS takes: a larger webhook is a 400 at GitHub
  visibility_timeout_seconds = 60      # the daemon asks for as much with each receive
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    # The daemon dead-letters a message itself, with the reason, after 30 failures. Receives that are nobody's failure count
    # here too, so this net hangs far below.
    maxReceiveCount = 100
  })
}

# Repairs that operators and the daemon send. They are never sent to the queue of webhooks: a message here is trusted because of
# who may write here (IAM and the policy below), not because of a signature.
resource "aws_sqs_queue" "internal" {
  name                       = "${var.name}-internal"
  message_retention_seconds  = 4 * local.days
  max_message_size           = 1048576
  visibility_timeout_seconds = 60
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = 100
  })
}

# What could not be processed. A message that SQS moves here keeps its age, so this queue keeps longer than the one above.
resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.name}-dead-letters"
  message_retention_seconds = 14 * local.days
  max_message_size          = 1048576
  sqs_managed_sse_enabled   = true
}

# What is not proven to be GitHub's. Anybody can fill it, so it is kept apart from the dead letters, and not for long.
resource "aws_sqs_queue" "quarantine" {
  name                      = "${var.name}-quarantine"
  message_retention_seconds = 4 * local.days
  max_message_size          = 1048576
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue_redrive_allow_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.url
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.webhooks.arn, aws_sqs_queue.internal.arn]
  })
}

locals {
  queues = {
    webhooks     = aws_sqs_queue.webhooks
    internal     = aws_sqs_queue.internal
    dead_letters = aws_sqs_queue.dead_letters
    quarantine   = aws_sqs_queue.quarantine
  }

  queue_guards = {
    for key, queue in local.queues : key => [
      {
        Sid       = "OnlyOverTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = queue.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "OnlyThisAccount"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = queue.arn
        Condition = { StringNotEquals = { "aws:PrincipalAccount" = local.account } }
      },
    ]
  }

  queue_senders = {
    webhooks = [{
      Sid       = "TheApiSends"
      Effect    = "Allow"
      Principal = { AWS = aws_iam_role.api.arn }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.webhooks.arn
    }]
    # Operators send, too, by their own policy: within one account either policy is enough, and their roles are not known here.
    internal = [{
      Sid       = "AllowDaemonSend"
      Effect    = "Allow"
      Principal = { AWS = aws_iam_role.daemon.arn }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.internal.arn
    }]
    dead_letters = []
    quarantine   = []
  }
}

resource "aws_sqs_queue_policy" "guard" {
  for_each  = local.queues
  queue_url = each.value.url
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat(local.queue_senders[each.key], local.queue_guards[each.key])
  })
}
