variable "name" {
  description = "Name of the schedule and its group, and prefix of the role."
  type        = string
  default     = "branchline-scheduled"
  nullable    = false
  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{1,40}$", var.name))
    error_message = "The name must be 1 to 40 letters, digits and _ . -, so that the name of the role has at most 64."
  }
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
  description = "The ECS cluster of the main module: its output cluster_arn."
  type        = string
  validation {
    condition     = can(regex("^arn:[^:]+:ecs:[^:]+:[0-9]{12}:cluster/[^/]+$", var.cluster_arn))
    error_message = "cluster_arn must be the ARN of an ECS cluster."
  }
}

variable "task_definition_arn" {
  description = "The task definition of the main module, with or without a revision, because the newest one is run: its output task_definition_arn."
  type        = string
  validation {
    condition     = can(regex("^arn:[^:]+:ecs:[^:]+:[0-9]{12}:task-definition/[^/:]+(:[0-9]+)?$", var.task_definition_arn))
    error_message = "task_definition_arn must be the ARN of a task definition."
  }
}

variable "task_role_arns" {
  description = "The task role and the execution role of the task definition, which the schedule passes to ECS: the outputs task_role_arn and execution_role_arn."
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
  validation {
    condition     = alltrue([for id in var.subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))])
    error_message = "Each value must be the ID of a subnet, such as subnet-0123456789abcdef0."
  }
}

variable "security_group_ids" {
  description = "Security groups of the tasks: that of the main module, which allows outbound HTTPS alone (its output security_group_id)."
  type        = list(string)
  validation {
    condition     = length(var.security_group_ids) > 0 && alltrue([for id in var.security_group_ids : can(regex("^sg-[0-9a-f]+$", id))])
    error_message = "At least one security group is needed, such as sg-0123456789abcdef0: the VPC's default group would be used."
  }
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

variable "permissions_boundary_arn" {
  description = "The permissions boundary of the role."
  type        = string
  default     = null
}

variable "role_path" {
  description = "The IAM path of the role, such as /teams/ci/."
  type        = string
  default     = "/"
  nullable    = false
}

variable "tags" {
  description = "Tags of the role and of the group of schedules, beside the default tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}
