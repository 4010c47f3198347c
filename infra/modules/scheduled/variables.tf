variable "name" {
  description = "Name of the schedule and its group, and prefix of the role."
  type        = string
  default     = "branchline-scheduled"
}

variable "schedule" {
  description = "When branchline runs: rate(5 minutes), or cron(...) in UTC. A webhook waits at most that long, and a pipeline starts about a minute later."
  type        = string
  default     = "rate(5 minutes)"
  validation {
    condition     = can(regex("^(rate\\([1-9][0-9]* (minute|minutes|hour|hours)\\)|cron\\(.+\\))$", var.schedule))
    error_message = "The schedule must be a rate in minutes or hours, such as rate(5 minutes), or a cron(...) expression."
  }
}

variable "cluster_arn" {
  description = "The ECS cluster of the main module."
  type        = string
}

variable "task_definition_arn" {
  description = "The task definition of the main module, with or without a revision: the newest one is run."
  type        = string
}

variable "task_role_arns" {
  description = "The task role and the execution role of the task definition, which the schedule passes to ECS."
  type        = list(string)
  validation {
    condition     = length(var.task_role_arns) > 0 && alltrue([for arn in var.task_role_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[^*]+$", arn))])
    error_message = "These must be ARNs of roles, without a wildcard."
  }
}

variable "subnet_ids" {
  description = "Subnets with a route to the AWS endpoints and to the registry of the image: those of the main module."
  type        = list(string)
  validation {
    condition     = length(var.subnet_ids) > 0
    error_message = "At least one subnet is needed."
  }
}

variable "security_group_ids" {
  description = "Security groups of the tasks: that of the main module, which allows outbound HTTPS alone."
  type        = list(string)
}

variable "assign_public_ip" {
  description = "Whether tasks get a public IP address: true for public subnets without a NAT gateway."
  type        = bool
  default     = false
}

variable "spot" {
  description = "Whether to use Fargate Spot. The cluster needs the capacity provider FARGATE_SPOT."
  type        = bool
  default     = false
}

variable "permissions_boundary" {
  description = "The permissions boundary of the role."
  type        = string
  default     = null
}
