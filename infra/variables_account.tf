# What the organisation prescribes: tags, names of roles, keys, and protection.

variable "tags" {
  description = "Tags of all resources of the module, beside the default tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
  validation {
    condition     = alltrue([for key in keys(var.tags) : can(regex("^.{1,128}$", key)) && !can(regex("(?i)^aws:", key))])
    error_message = "A key must have 1 to 128 characters, and not begin with aws:, which is reserved."
  }
}

variable "role_name_prefix" {
  description = "What the names of the roles and of the policy for operators begin with. Null: the name and the Region, such as branchline-eu-west-1-."
  type        = string
  default     = null
  validation {
    condition     = var.role_name_prefix == null ? true : can(regex("^[A-Za-z0-9+=,.@_-]{1,54}$", var.role_name_prefix))
    error_message = "A prefix must be 1 to 54 letters, digits and + = , . @ _ -, so that the name of a role has at most 64."
  }
}

variable "role_path" {
  description = "The IAM path of the roles and of the policy for operators, such as /teams/ci/."
  type        = string
  default     = "/"
  nullable    = false
  validation {
    condition     = can(regex("^/([!-.0-~]+/)*$", var.role_path)) && length(var.role_path) <= 512
    error_message = "A path must begin and end with a slash, and have at most 512 characters."
  }
}

variable "permissions_boundary_arn" {
  description = "The permissions boundary of all roles of the module. It must allow what their policies allow: infra/README.md lists it."
  type        = string
  default     = null
  validation {
    condition     = var.permissions_boundary_arn == null ? true : can(regex("^arn:[^:]+:iam::([0-9]{12}|aws):policy/.+$", var.permissions_boundary_arn))
    error_message = "The boundary must be the ARN of a managed policy."
  }
}

variable "task_role_trust" {
  description = "Further statements in the trust policy of the daemon's role, for a daemon outside ECS: docs/HOMES.md has those for Kubernetes and EC2. Statements that are added by hand are removed by the next apply."
  type        = any
  default     = []
  nullable    = false
  validation {
    condition     = try(alltrue([for each in var.task_role_trust : each.Effect == "Allow" && length(each.Principal) > 0 && each.Principal != "*" && startswith(each.Action, "sts:")]), false)
    error_message = "task_role_trust must be a list of statements with Effect = \"Allow\", a Principal that is not everybody, and an Action of sts:."
  }
}

variable "kms_key_arns" {
  description = "KMS keys of yours, by what they encrypt: the five queues, the two tables, the logs, and the secrets that webhook_secret_arns and secrets name. Null: the service's own key, without a monthly price. The output key_policy_statements has what the policies of these keys need."
  type = object({
    queues  = optional(string)
    tables  = optional(string)
    logs    = optional(string)
    secrets = optional(list(string), [])
  })
  default  = {}
  nullable = false
  validation {
    condition     = alltrue([for arn in compact(concat([var.kms_key_arns.queues, var.kms_key_arns.tables, var.kms_key_arns.logs], var.kms_key_arns.secrets)) : can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/[^*?]+$", arn))])
    error_message = "Each value must be the ARN of a key, not of an alias."
  }
}

variable "create_operator_policy" {
  description = "Whether the module creates the policy for operators."
  type        = bool
  default     = true
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether the table is protected from deletion. Apply false before you remove branchline."
  type        = bool
  default     = true
  nullable    = false
}
