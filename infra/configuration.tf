# Where the configuration is kept. ECS gives its text to a task as an environment variable.

locals {
  configuration_arn = one(concat(aws_ssm_parameter.configuration[*].arn, aws_secretsmanager_secret_version.configuration[*].arn))

  # At least the number of bytes: a character outside ASCII has more than one.
  configuration_bytes = ceil(length(base64encode(local.configuration)) * 3 / 4)

  toml_problems = concat(
    [for line in local.toml_mistakes : "rules_toml is not TOML, at or after: ${substr(line, 0, 100)} (V stands for a value)"],
    [for table in local.toml_other_tables : "rules_toml may have [[rule]], tables of it such as [rule.variables], and [[github.secret]], but not ${table} (V stands for a text)"],
    local.toml_begins ? [] : ["rules_toml must begin with [[rule]] or [[github.secret]]: keys before it would belong to the last table of the module"],
  )
}

resource "aws_ssm_parameter" "configuration" {
  count       = var.configuration_store == "parameter" ? 1 : 0
  name        = "/${var.name}/configuration"
  description = "branchline.toml. It refers to the secrets by name and contains none."
  type        = "String"
  tier        = "Intelligent-Tiering" # up to 4 KB is free
  value       = local.configuration
  tags        = var.tags

  lifecycle {
    precondition {
      condition     = length(local.toml_problems) == 0
      error_message = join("; ", local.toml_problems)
    }
    precondition {
      condition     = local.configuration_bytes <= 8192 && !strcontains(local.configuration, "{{")
      error_message = "Parameter Store takes at most 8 KB, and no {{: set configuration_store = \"secret\", or shorten the rules with globs and lists."
    }
  }
}

resource "aws_secretsmanager_secret" "configuration" {
  count                   = var.configuration_store == "secret" ? 1 : 0
  name_prefix             = "${var.name}/configuration-" # the name of a deleted secret is blocked for a while
  description             = "branchline.toml. It refers to the secrets by name and contains none."
  recovery_window_in_days = 7
  tags                    = var.tags

  lifecycle {
    precondition {
      condition     = length(local.toml_problems) == 0
      error_message = join("; ", local.toml_problems)
    }
    precondition {
      condition     = local.configuration_bytes <= 65536
      error_message = "Secrets Manager takes at most 64 KB: shorten the rules with globs and lists."
    }
  }
}

resource "aws_secretsmanager_secret_version" "configuration" {
  count         = length(aws_secretsmanager_secret.configuration)
  secret_id     = aws_secretsmanager_secret.configuration[0].id
  secret_string = local.configuration
}
