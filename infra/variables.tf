# What runs, where, and how it is watched. variables_rules.tf has what the daemon does and may do,
# and variables_front_door.tf who may call it.

variable "name" {
  description = "Name of the table, value of the pipelines' tag, and prefix of all other names."
  type        = string
  default     = "branchline"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "The name must be 3 to 31 characters of a-z, 0-9 and hyphen, and start with a letter."
  }
}

variable "image" {
  description = "The container image of the daemon, preferably by digest: ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME@sha256:..."
  type        = string
}

variable "environment" {
  description = "Further environment variables of the daemon, such as { OTEL_EXPORTER_OTLP_ENDPOINT = \"http://127.0.0.1:4318\" } for traces. They are readable in the task definition: values that are secret, such as OTEL_EXPORTER_OTLP_HEADERS with a key, belong into secrets."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for name in keys(var.environment) : can(regex("^[A-Za-z_][A-Za-z0-9_]*$", name)) && !can(regex("^(AWS_(ACCESS|SECRET|SESSION)|BRANCHLINE|ECS|WEBHOOK_SECRET)_", name))])
    error_message = "A name must be of letters, digits and _, and not begin with BRANCHLINE_, ECS_ or WEBHOOK_SECRET_, which the module sets, or be a credential of AWS: the daemon has a role."
  }
  validation {
    condition     = length(setintersection(keys(var.environment), keys(var.secrets))) == 0
    error_message = "A variable is either in environment or in secrets."
  }
}

variable "cpu_architecture" {
  description = "CPU architecture of the image: ARM64, which costs a fifth less, or X86_64."
  type        = string
  default     = "ARM64"
  validation {
    condition     = contains(["ARM64", "X86_64"], var.cpu_architecture)
    error_message = "Fargate supports ARM64 and X86_64."
  }
}

variable "min_tasks" {
  description = "Minimum number of tasks. 0 stops the daemon; the queues keep messages for 4 days."
  type        = number
  default     = 1
}

variable "max_tasks" {
  description = "Maximum number of tasks, for a deep webhook queue."
  type        = number
  default     = 4
  validation {
    condition     = var.max_tasks >= max(1, var.min_tasks)
    error_message = "max_tasks must be at least 1 and at least min_tasks."
  }
}

variable "wait_for_steady_state" {
  description = "Whether an apply waits until the new tasks run, and fails if they do not: for instance because a secret has no value, or a setting is wrong. It takes about 3 minutes, and at most 20."
  type        = bool
  default     = true
}

variable "drain_timeout" {
  description = "Seconds that a stopping task has to finish the messages it has received."
  type        = number
  default     = 25
  validation {
    condition     = var.drain_timeout >= 0 && var.drain_timeout <= 100
    error_message = "drain_timeout must be 0 to 100: Fargate kills a stopping task after at most 120 seconds, and the daemon needs some of them for its last acknowledgements."
  }
}

variable "vpc_id" {
  description = "The VPC of the daemon tasks."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets of that VPC with a route to the AWS endpoints."
  type        = list(string)
}

variable "assign_public_ip" {
  description = "Whether tasks get a public IP address: true for public subnets without a NAT gateway. The security group allows no inbound traffic."
  type        = bool
  default     = false
}

variable "metrics" {
  description = "Whether the daemon writes metrics to CloudWatch, with a dashboard. Costs 15 to 21 USD a month: docs/OBSERVABILITY.md."
  type        = bool
  default     = false
}

variable "log_retention_days" {
  description = "Days that logs are retained."
  type        = number
  default     = 90
}

variable "alarm_topic_arns" {
  description = "SNS topics that are notified when an alarm starts and ends. Without any, alarms only show in the console."
  type        = list(string)
  default     = []
}

variable "silence_hours" {
  description = "Creates an alarm that starts when no webhook has arrived for this many hours, 1 to 24: the webhook was deleted or disabled at GitHub, or has another URL. It also starts on a quiet weekend. Null: no alarm."
  type        = number
  default     = null
  validation {
    condition     = var.silence_hours == null ? true : contains(range(1, 25), var.silence_hours)
    error_message = "CloudWatch evaluates at most a day: silence_hours must be a whole number from 1 to 24."
  }
}

variable "runbook_url" {
  description = "The address of docs/OPERATING.md, which has a section for each alarm. The descriptions of the alarms link to it, so it must be one that a person on call can open."
  type        = string
  default     = "https://github.com/OWNER/branchline/blob/v0.1.0/docs/OPERATING.md"
  validation {
    condition     = can(regex("^https://[^\\s#]+$", var.runbook_url))
    error_message = "runbook_url must be an https:// address without an anchor."
  }
}

variable "deletion_protection" {
  description = "Whether the table is protected from deletion. Apply false before you remove branchline."
  type        = bool
  default     = true
}
