# The daemon's code fixes the keys and the index: see ARCHITECTURE.md, "The table".
resource "aws_dynamodb_table" "mappings" {
  name                        = local.table
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = var.deletion_protection

  dynamic "attribute" {
    for_each = ["pk", "sk", "state", "updated_at"]
    content {
      name = attribute.value
      type = "S"
    }
  }

  # A sparse index: only mappings have the attribute `state`, so the index contains nothing else.
  global_secondary_index {
    name            = "by-state"
    hash_key        = "state"
    range_key       = "updated_at"
    projection_type = "ALL"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }
}
