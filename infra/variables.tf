variable "name" {
  description = "Name of the table and of the pipelines' tag, and the beginning of every other name."
  type        = string
  default     = "branchline"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "The name must be 3 to 31 characters of a-z, 0-9 and hyphen, and start with a letter."
  }
}

variable "rules" {
  description = "The [[rule]] tables of branchline's configuration, as TOML text. See docs/CONFIGURATION.md."
  type        = string
  validation {
    condition     = can(regex("(?m)^\\s*\\[\\[rule\\]\\]", var.rules))
    error_message = "There must be at least one [[rule]] table."
  }
  validation {
    condition     = !can(regex("(?m)^\\s*\\[(aws|queue|store|github)\\b", var.rules))
    error_message = "The module writes [aws], [queue], [store] and [github] itself: give the rules alone."
  }
  validation {
    condition     = !strcontains(var.rules, "{{")
    error_message = "Parameter Store takes no value with two braces in a row: put another character between them."
  }
  validation {
    condition     = length(var.rules) <= 7000
    error_message = "Parameter Store holds 8 KB, and the module's own part takes one: shorten the rules with globs and lists."
  }
}

variable "codepipeline_rate" {
  description = "Calls to CodePipeline a second, at most, by each task. AWS throttles the account, so with more tasks give each less."
  type        = number
  default     = 10
}

variable "concurrency" {
  description = "Messages in work at once, by each task."
  type        = number
  default     = 32
}

variable "image" {
  description = "The container image of the daemon, best by digest: ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME@sha256:..."
  type        = string
}

variable "webhook_secret_arns" {
  description = "Secrets Manager secrets that hold the webhook's secret as plain text. Two while one is rotated."
  type        = list(string)
  validation {
    condition     = length(var.webhook_secret_arns) > 0
    error_message = "Without a secret nothing can be proven to be GitHub's."
  }
  validation {
    condition     = alltrue([for arn in var.webhook_secret_arns : can(regex("^arn:[^:]+:secretsmanager:", arn))])
    error_message = "Each must be the ARN of a secret in Secrets Manager."
  }
}

variable "secrets_kms_key_arns" {
  description = "KMS keys of yours that these secrets are encrypted with. Empty for the AWS managed key."
  type        = list(string)
  default     = []
}

variable "template_names" {
  description = "The template pipelines that the rules name. * and ? as in IAM."
  type        = list(string)
}

variable "clone_names" {
  description = "What the names of branchline's pipelines look like, * and ? as in IAM. The default is that of rules for pull requests."
  type        = list(string)
  default     = ["*-pr-*"]
  validation {
    condition     = alltrue([for name in var.clone_names : can(regex("[A-Za-z0-9]", name))])
    error_message = "A pattern needs a letter or digit: with * alone branchline could put its tag on any pipeline, and then change it."
  }
}

variable "pipeline_role_arns" {
  description = "Roles that a clone may have: those of the templates, and each role_arn of a rule. branchline may pass no other."
  type        = list(string)
  validation {
    condition     = alltrue([for arn in var.pipeline_role_arns : can(regex("^arn:[^:]+:iam::[0-9]{12}:role/[^*?]+$", arn))])
    error_message = "Each must be the whole ARN of one role, without * or ?."
  }
}

variable "connection_arns" {
  description = "Connections that the templates' source actions use."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for arn in var.connection_arns : can(regex("^arn:[^:]+:(codeconnections|codestar-connections):", arn))])
    error_message = "Each must be the ARN of a connection."
  }
}

variable "vpc_id" {
  description = "The VPC of the daemon's tasks."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets of that VPC from which AWS's endpoints can be reached."
  type        = list(string)
}

variable "assign_public_ip" {
  description = "Whether the tasks get a public address: true for public subnets without a NAT gateway. Nothing can connect to it."
  type        = bool
  default     = false
}

variable "cpu_architecture" {
  description = "What the image was built for: ARM64, which costs a fifth less, or X86_64."
  type        = string
  default     = "ARM64"
  validation {
    condition     = contains(["ARM64", "X86_64"], var.cpu_architecture)
    error_message = "Fargate has ARM64 and X86_64."
  }
}

variable "min_tasks" {
  description = "Tasks that always run. 0 stops the consumer; the queue keeps webhooks for 4 days."
  type        = number
  default     = 1
}

variable "max_tasks" {
  description = "Tasks at most, when the queue is deep."
  type        = number
  default     = 4
  validation {
    condition     = var.max_tasks >= max(1, var.min_tasks)
    error_message = "max_tasks must be at least 1 and at least min_tasks."
  }
}

variable "drain_timeout" {
  description = "Seconds that a stopping task has for the work it holds."
  type        = number
  default     = 25
  validation {
    condition     = var.drain_timeout >= 0 && var.drain_timeout <= 100
    error_message = "Fargate kills a task after 120 seconds at most, and the daemon needs some of them to say goodbye: 0 to 100."
  }
}

variable "source_cidrs" {
  description = "Who may call the webhook URL: GitHub's ranges (the key hooks of its /meta API). Empty for anybody; signatures are checked in any case."
  type        = list(string)
  default     = []
}

variable "throttle" {
  description = "Webhooks a second, and at once, that the API takes. What comes above gets a 429, which GitHub does not repeat by itself."
  type        = object({ rate = number, burst = number })
  default     = { rate = 50, burst = 100 }
}

variable "web_acl_arn" {
  description = "A regional WAF web ACL to put before the API. Costs extra."
  type        = string
  default     = null
}

variable "access_logs" {
  description = "Whether the API logs each request (never its body). Needs the account's CloudWatch role for API Gateway."
  type        = bool
  default     = true
}

variable "manage_api_gateway_account" {
  description = "Whether this module sets that role, where `aws apigateway get-account` shows none. It is one for the account and Region, and goes with the module: never true where somebody else has set it."
  type        = bool
  default     = false
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
  default     = 90
}

variable "metrics" {
  description = "Whether the daemon writes its metrics for CloudWatch, and a dashboard shows them. Costs 15 to 21 USD a month: docs/OBSERVABILITY.md."
  type        = bool
  default     = false
}

variable "alarm_topic_arns" {
  description = "SNS topics that are told of alarms, and of their end. Empty: alarms are only seen in the console."
  type        = list(string)
  default     = []
}

variable "deletion_protection" {
  description = "Whether the table refuses to be deleted. Apply false before you remove branchline."
  type        = bool
  default     = true
}
