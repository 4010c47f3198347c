# KMS keys of yours, instead of the keys that AWS owns. The module does not create or change a key:
# the output key_policy_statements has what its policy needs beside the usual statement, which
# leaves the key's use to the IAM policies of the account.

locals {
  # What a role needs to use a key through a service. The condition keeps it from using the key
  # directly.
  key_uses = {
    queues = { key = var.kms_key_arns.queues, service = "sqs", actions = ["kms:Decrypt", "kms:GenerateDataKey"] }
    tables = { key = var.kms_key_arns.tables, service = "dynamodb", actions = ["kms:Decrypt"] }
  }
  key_statements = {
    for use, each in local.key_uses : use => each.key == null ? [] : [{
      Sid       = each.service == "sqs" ? "EncryptMessages" : "DecryptItems"
      Effect    = "Allow"
      Action    = each.actions
      Resource  = each.key
      Condition = { StringEquals = { "kms:ViaService" = "${each.service}.${local.region}.amazonaws.com" } }
    }]
  }

  secrets_key_statements = length(var.kms_key_arns.secrets) == 0 ? [] : [{
    Sid      = "DecryptSecrets"
    Effect   = "Allow"
    Action   = "kms:Decrypt"
    Resource = var.kms_key_arns.secrets
  }]

  # These depend on names alone, so that the policy of a key can exist before the module uses it.
  key_policy_statements = {
    queues = [{
      Sid       = "AllowEventBridge"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = "*"
      Condition = { ArnEquals = { "aws:SourceArn" = "arn:${local.partition}:events:${local.region}:${local.account}:rule/${local.event_rule}" } }
    }]
    logs = [{
      Sid       = "AllowCloudWatchLogs"
      Effect    = "Allow"
      Principal = { Service = "logs.${local.region}.amazonaws.com" }
      Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
      Resource  = "*"
      Condition = { ArnEquals = { "kms:EncryptionContext:aws:logs:arn" = [for name in values(local.log_group_names) : "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${name}"] } }
    }]
  }
}
