# Logs, metrics, alarms.

variable "metrics" {
  description = "Where the daemon's metrics go: none, cloudwatch (with a dashboard; 15 to 21 USD a month), or prometheus, which serves /metrics on port 9090 of each task, to a sidecar and to scrape_security_group_ids. See docs/OBSERVABILITY.md."
  type        = string
  default     = "none"
  nullable    = false
  validation {
    condition     = contains(["none", "cloudwatch", "prometheus"], var.metrics)
    error_message = "metrics must be none, cloudwatch or prometheus."
  }
}

variable "scrape_security_group_ids" {
  description = "Security groups that may read /metrics of the tasks, with metrics = \"prometheus\". The port has no authentication, and serves no secret. Empty: only a sidecar may."
  type        = list(string)
  default     = []
  nullable    = false
  validation {
    condition     = length(var.scrape_security_group_ids) == 0 || (var.metrics == "prometheus" && var.create_security_group)
    error_message = "scrape_security_group_ids needs metrics = \"prometheus\" and create_security_group = true: to a security group of yours, add the rule yourself."
  }
  validation {
    condition     = alltrue([for id in var.scrape_security_group_ids : can(regex("^sg-[0-9a-f]+$", id))])
    error_message = "Each value must be the ID of a security group, such as sg-0123456789abcdef0."
  }
}

variable "sidecars" {
  description = "Container definitions of further containers in each task, as ECS takes them: { name = \"adot\", image = \"...\", essential = false }. They share the task's memory, its role (the output task_role_name) and its loopback address, on which they find the daemon's metrics."
  type        = any
  default     = []
  nullable    = false
  validation {
    condition     = try(alltrue([for each in var.sidecars : each.name != "branchline" && can(regex("^\\S+$", each.image))]) && length(distinct(var.sidecars[*].name)) == length(var.sidecars), false)
    error_message = "sidecars must be a list. Each must have an image, and a name other than branchline and those of the others."
  }
}

variable "log_level" {
  description = "Which log lines the daemon writes: a level (error, warn, info, debug), or levels by module as in branchline=debug,info."
  type        = string
  default     = "info"
  nullable    = false
  validation {
    condition     = alltrue([for each in split(",", var.log_level) : can(regex("^([A-Za-z0-9_:-]+=)?(error|warn|info|debug|trace|off)$", each))])
    error_message = "log_level must be such as info or branchline=debug,info, with the levels error, warn, info, debug, trace and off."
  }
}

variable "log_retention_days" {
  description = "Days that logs are retained, of the daemon and of the API. 0: without end."
  type        = number
  default     = 90
  nullable    = false
  validation {
    condition     = contains([0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "CloudWatch Logs retains for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days, or 0 for no end."
  }
}

variable "alarm_topic_arns" {
  description = "SNS topics that are notified when an alarm starts and ends. Without any, and without alarm_emails, alarms only show in the console."
  type        = list(string)
  default     = []
  nullable    = false
  validation {
    condition     = alltrue([for arn in var.alarm_topic_arns : can(regex("^arn:[^:]+:sns:[^:]+:[0-9]{12}:[^:]+$", arn))])
    error_message = "Each value must be the ARN of an SNS topic."
  }
}

variable "alarm_emails" {
  description = "E-mail addresses that are notified when an alarm starts and ends, through a topic that the module creates. Each address gets a message with a link to confirm first."
  type        = list(string)
  default     = []
  nullable    = false
  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex("^[^@\\s]+@[^@\\s]+[.][^@\\s]+$", address))])
    error_message = "Each value must be an e-mail address."
  }
}

variable "create_alarms" {
  description = "Whether the module creates the alarms for operators. Without them, watch what docs/OBSERVABILITY.md recommends."
  type        = bool
  default     = true
  nullable    = false
}

variable "create_dashboard" {
  description = "Whether metrics = \"cloudwatch\" also creates a dashboard."
  type        = bool
  default     = true
  nullable    = false
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
  nullable    = false
  validation {
    condition     = can(regex("^https://[^\\s#]+$", var.runbook_url))
    error_message = "runbook_url must be an https:// address without an anchor."
  }
}
