# The daemon's code fixes the keys and the index: see ARCHITECTURE.md, "The table".
resource "aws_dynamodb_table" "mappings" {
  name                        = local.table
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = var.deletion_protection
  tags                        = var.tags

  dynamic "attribute" {
    for_each = ["pk", "sk", "state", "updated_at"]
    content {
      name = attribute.value
      type = "S"
    }
  }

  # A sparse index: only mappings have the attribute `state`, so the index contains nothing else.
  global_secondary_index {
    name = "by-state"
    key_schema {
      attribute_name = "state"
      key_type       = "HASH"
    }
    key_schema {
      attribute_name = "updated_at"
      key_type       = "RANGE"
    }
    projection_type = "ALL"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  # Without a key of yours, DynamoDB encrypts with its own.
  server_side_encryption {
    enabled     = var.kms_key_arns.tables != null
    kms_key_arn = var.kms_key_arns.tables
  }

  point_in_time_recovery {
    enabled = true
  }
}

# The audit trail: items are only added. It has no time to live, by which anybody who may put an
# item could remove one. The daemon derives the name from that of the other table.
resource "aws_dynamodb_table" "audit" {
  name                        = "${local.table}-audit"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = var.deletion_protection
  tags                        = var.tags

  dynamic "attribute" {
    for_each = ["pk", "sk", "day", "processed_at"]
    content {
      name = attribute.value
      type = "S"
    }
  }

  # All entries by the UTC day and the time at which they were made.
  global_secondary_index {
    name = "by-time"
    key_schema {
      attribute_name = "day"
      key_type       = "HASH"
    }
    key_schema {
      attribute_name = "processed_at"
      key_type       = "RANGE"
    }
    projection_type = "ALL"
  }

  server_side_encryption {
    enabled     = var.kms_key_arns.tables != null
    kms_key_arn = var.kms_key_arns.tables
  }

  # Exports to S3 need it as well: docs/OPERATING.md.
  point_in_time_recovery {
    enabled = true
  }
}

# Administrators are denied as well, until they remove this policy, which CloudTrail records. No
# policy can demand that a PutItem has a condition, so the roles limit who may put what.
resource "aws_dynamodb_resource_policy" "audit" {
  resource_arn = aws_dynamodb_table.audit.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "DenyChangesOfEntries"
      Effect    = "Deny"
      Principal = "*"
      Action = [
        "dynamodb:BatchWriteItem",
        "dynamodb:DeleteItem",
        "dynamodb:PartiQLDelete",
        "dynamodb:PartiQLInsert",
        "dynamodb:PartiQLUpdate",
        "dynamodb:UpdateItem",
      ]
      Resource = aws_dynamodb_table.audit.arn
    }]
  })
}
