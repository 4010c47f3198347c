# The configuration of the daemon, and what its permissions are derived from.

variable "rules" {
  description = "The [[rule]] tables of the configuration, and its [[github.secret]] tables if there are any, as TOML text. See docs/CONFIGURATION.md."
  type        = string
  validation {
    condition     = can(regex("(?m)^\\s*\\[\\[rule\\]\\]", var.rules))
    error_message = "There must be at least one [[rule]] table."
  }
  validation {
    condition     = !can(regex("(?m)^\\s*\\[(aws|queue|store|github)\\b", var.rules))
    error_message = "The module writes [aws], [queue], [store] and [github] itself: give only [[rule]] and [[github.secret]] tables."
  }
  validation {
    condition     = !strcontains(var.rules, "{{")
    error_message = "Parameter Store rejects values that contain {{: put another character between the braces."
  }
  validation {
    condition     = length(var.rules) <= 7000
    error_message = "Parameter Store limits values to 8 KB, of which the module uses one: shorten the rules with globs and lists."
  }
}

variable "template_names" {
  description = "Names of the template pipelines in the rules. * and ? are wildcards, as in IAM. The daemon is explicitly denied to change, tag, start or stop them."
  type        = list(string)
  validation {
    condition     = alltrue([for name in var.template_names : can(regex("^[A-Za-z0-9.@_*?-]+$", name))])
    error_message = "A name may contain letters, digits, . @ _ - and the wildcards * and ?."
  }
}

variable "clone_names" {
  description = "Name patterns of the pipelines that branchline creates, such as api-pr-*. * and ? are wildcards, as in IAM. No pattern may cover a template, and the tighter a pattern, the fewer pipelines the daemon can ever touch."
  type        = list(string)
  validation {
    condition     = length(var.clone_names) > 0
    error_message = "At least one pattern is required: without it, the daemon can create no pipeline."
  }
  validation {
    condition     = alltrue([for name in var.clone_names : can(regex("^[A-Za-z0-9.@_*?-]+$", name))])
    error_message = "A pattern may contain letters, digits, . @ _ - and the wildcards * and ?."
  }
  validation {
    condition     = alltrue([for name in var.clone_names : can(regex("[A-Za-z0-9]", name))])
    error_message = "A pattern needs a letter or digit: with * alone, branchline could tag any pipeline and then change it."
  }
}

variable "pipeline_role_arns" {
  description = "Roles that clones run as: the roles of the templates and of their actions, and each role_arn in a rule. branchline may pass them to CodePipeline only, and no others."
  type        = list(string)
  validation {
    condition     = alltrue([for arn in var.pipeline_role_arns : can(regex("^arn:[^:]+:iam::[0-9]{12}:role/[^*?]+$", arn))])
    error_message = "Each value must be the complete ARN of one role, without * or ?."
  }
}

variable "build_role_arns" {
  description = "Roles that builds of clones run as: each ServiceRoleArnOverride in a template, and each build_role_arn in a rule. branchline may pass them to CodeBuild only, and no others."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for arn in var.build_role_arns : can(regex("^arn:[^:]+:iam::[0-9]{12}:role/[^*?]+$", arn))])
    error_message = "Each value must be the complete ARN of one role, without * or ?."
  }
}

variable "connection_arns" {
  description = "Connections in the source actions of the templates."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for arn in var.connection_arns : can(regex("^arn:[^:]+:(codeconnections|codestar-connections):", arn))])
    error_message = "Each value must be the ARN of a connection."
  }
}

variable "codepipeline_rate" {
  description = "Maximum calls to CodePipeline per second and task. AWS throttles per account, so lower this for more tasks."
  type        = number
  default     = 10
  validation {
    condition     = var.codepipeline_rate >= 1 && var.codepipeline_rate <= 1000 && floor(var.codepipeline_rate) == var.codepipeline_rate
    error_message = "codepipeline_rate must be a whole number from 1 to 1,000."
  }
}

variable "concurrency" {
  description = "Maximum number of messages that one task processes at the same time."
  type        = number
  default     = 32
  validation {
    condition     = var.concurrency >= 1 && var.concurrency <= 1000 && floor(var.concurrency) == var.concurrency
    error_message = "concurrency must be a whole number from 1 to 1,000."
  }
}

variable "github" {
  description = "As whom branchline shows results at GitHub: a GitHub App (app is its client id, private_key its key in PEM), or a token. private_key and token are \"env:NAME\", with NAME in secrets. api_url is for GitHub Enterprise. Empty: branchline does not call GitHub. See docs/CONFIGURATION.md."
  type = object({
    app         = optional(string)
    private_key = optional(string)
    token       = optional(string)
    api_url     = optional(string)
  })
  default = {}
  validation {
    condition     = (var.github.app == null) == (var.github.private_key == null)
    error_message = "An App needs both app and private_key."
  }
  validation {
    condition     = var.github.app == null || var.github.token == null
    error_message = "Give an App or a token, not both."
  }
  validation {
    condition     = alltrue([for value in [var.github.private_key, var.github.token] : value == null ? true : contains([for name in keys(var.secrets) : "env:${name}"], value)])
    error_message = "private_key and token must be \"env:NAME\", with NAME in secrets."
  }
}

variable "webhook_secret_arns" {
  description = "Secrets Manager secrets that contain the webhook secret as plain text. Two during a rotation. Empty if every webhook has a secret of its own, in a [[github.secret]] table of rules."
  type        = list(string)
  validation {
    condition     = length(var.webhook_secret_arns) > 0 || can(regex("(?m)^\\s*\\[\\[github\\.secret\\]\\]", var.rules))
    error_message = "At least one secret is required to verify webhooks."
  }
  validation {
    condition     = alltrue([for arn in var.webhook_secret_arns : can(regex("^arn:[^:]+:secretsmanager:", arn))])
    error_message = "Each value must be the ARN of a secret in Secrets Manager."
  }
}

variable "secrets" {
  description = "Further secrets: those that rules and github refer to as \"env:NAME\" (the value of a [[github.secret]], a token in the secrets of a rule, the key of a GitHub App), and environment variables whose value is secret. Keys are the names, values the ARNs of secrets in Secrets Manager. ARN:KEY:: takes one key of a JSON secret."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for name in keys(var.secrets) : can(regex("^[A-Z][A-Z0-9_]*$", name)) && !can(regex("^(AWS|BRANCHLINE|ECS|WEBHOOK_SECRET)_", name))])
    error_message = "A name must be of A-Z, 0-9 and _, begin with one of A-Z, and not with AWS_, BRANCHLINE_, ECS_ or WEBHOOK_SECRET_, which have a meaning already."
  }
  validation {
    condition     = alltrue([for arn in values(var.secrets) : can(regex("^arn:[^:]+:secretsmanager:[^:]+:[0-9]{12}:secret:[^:]+(:[^:]*:[^:]*:[^:]*)?$", arn))])
    error_message = "Each value must be the ARN of a secret in Secrets Manager, or that ARN with :KEY:VERSION-STAGE:VERSION-ID, of which any may be empty."
  }
  validation {
    condition     = length(setsubtract(flatten(regexall("[\"']env:([A-Z][A-Z0-9_]*)[\"']", var.rules)), keys(var.secrets))) == 0
    error_message = "The rules refer to a variable that the task does not get: add each \"env:NAME\" in rules to secrets."
  }
}

variable "operators_read_secrets" {
  description = "Whether the policy for operators allows reading the webhook secrets and the further secrets, which `branchline check` needs. A person with the webhook secret can sign any webhook: with false, only those who may read the secrets anyway can run it."
  type        = bool
  default     = true
}
