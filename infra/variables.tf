# What runs, and where. The other files have what the daemon does and may do (variables_rules.tf),
# who may call the API (variables_front_door.tf), how it is watched (variables_watch.tf), and what
# the organisation prescribes (variables_account.tf).

variable "name" {
  description = "Prefix of all names. It is also the name of the table and the value of the pipelines' tag, unless table_name and owner are others."
  type        = string
  default     = "branchline"
  nullable    = false
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "The name must be 3 to 31 characters of a-z, 0-9 and hyphen, and start with a letter."
  }
}

variable "table_name" {
  description = "Name of the table, whose audit trail is the table with the suffix -audit. Null: the name. Another one is for tables that were restored from a backup: docs/RESTORE.md."
  type        = string
  default     = null
  validation {
    condition     = var.table_name == null ? true : can(regex("^[A-Za-z0-9_.-]{3,249}$", var.table_name))
    error_message = "A table's name must be 3 to 249 letters, digits and . _ -, so that that of the audit trail has at most 255."
  }
}

variable "owner" {
  description = "Name of this installation in the tag branchline:managed-by of its pipelines, which the daemon's permissions require. Null: the name. The pipelines of one owner are strangers to another: keep it for as long as there are any."
  type        = string
  default     = null
  validation {
    condition     = var.owner == null ? true : can(regex("^[A-Za-z0-9_.-]{1,255}$", var.owner))
    error_message = "An owner must be 1 to 255 letters, digits and . _ -."
  }
}

variable "image" {
  description = "The container image of the daemon, preferably by digest: ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME@sha256:... The default is the release of the module's version, which has no digest before it is made."
  type        = string
  default     = "ghcr.io/OWNER/branchline:0.1.0"
  nullable    = false
  validation {
    condition     = can(regex("^[A-Za-z0-9][^\\s@]*(@sha256:[0-9a-f]{64})?$", var.image))
    error_message = "image must be the name of an image, such as ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME@sha256:... with 64 hexadecimal digits."
  }
}

variable "environment" {
  description = "Further environment variables of the daemon, such as { OTEL_EXPORTER_OTLP_ENDPOINT = \"http://127.0.0.1:4318\" } for traces. They are readable in the task definition: values that are secret, such as OTEL_EXPORTER_OTLP_HEADERS with a key, belong into secrets."
  type        = map(string)
  default     = {}
  nullable    = false
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
  nullable    = false
  validation {
    condition     = contains(["ARM64", "X86_64"], var.cpu_architecture)
    error_message = "Fargate supports ARM64 and X86_64."
  }
}

variable "min_tasks" {
  description = "Minimum number of tasks. 0 stops the daemon; the queues keep messages for 4 days."
  type        = number
  default     = 1
  nullable    = false
  validation {
    condition     = var.min_tasks >= 0 && floor(var.min_tasks) == var.min_tasks
    error_message = "min_tasks must be a whole number from 0."
  }
}

variable "max_tasks" {
  description = "Maximum number of tasks, for a deep webhook queue."
  type        = number
  default     = 4
  nullable    = false
  validation {
    condition     = var.max_tasks >= max(1, var.min_tasks) && floor(var.max_tasks) == var.max_tasks
    error_message = "max_tasks must be a whole number, at least 1 and at least min_tasks."
  }
}

variable "wait_for_steady_state" {
  description = "Whether an apply waits until the new tasks run, and fails if they do not: for instance because a secret has no value, or a setting is wrong. It takes about 3 minutes, and at most 20."
  type        = bool
  default     = true
  nullable    = false
}

variable "check_with" {
  description = "The command or path of branchline on the machine that applies. With it, the last step of an apply that changes the daemon is `branchline check --daemon-role`, and a finding fails the apply. It needs the AWS CLI, jq for secrets with a key, and the permissions of operators. Null: no check."
  type        = string
  default     = null
  validation {
    condition     = var.check_with == null ? true : trimspace(var.check_with) != ""
    error_message = "check_with must be the command or path of branchline, or null for no check."
  }
}

variable "drain_timeout" {
  description = "Seconds that a stopping task has to finish the messages it has received."
  type        = number
  default     = 25
  nullable    = false
  validation {
    condition     = var.drain_timeout >= 0 && var.drain_timeout <= 100 && floor(var.drain_timeout) == var.drain_timeout
    error_message = "drain_timeout must be a whole number from 0 to 100: Fargate kills a stopping task after at most 120 seconds, and the daemon needs some of them for its last acknowledgements."
  }
}

variable "cpu" {
  description = "CPU units of a task, 1,024 for a vCPU. A task has work for a quarter of one: see docs/SCALING.md."
  type        = number
  default     = 256
  nullable    = false
  validation {
    condition     = contains([256, 512, 1024, 2048, 4096], var.cpu)
    error_message = "cpu must be 256, 512, 1024, 2048 or 4096."
  }
}

variable "memory" {
  description = "Memory of a task in MiB. 32 messages in work take at most 32 MiB."
  type        = number
  default     = 512
  nullable    = false
  validation {
    condition = contains(lookup({
      256  = [512, 1024, 2048]
      512  = [for gib in range(1, 5) : gib * 1024]
      1024 = [for gib in range(2, 9) : gib * 1024]
      2048 = [for gib in range(4, 17) : gib * 1024]
      4096 = [for gib in range(8, 31) : gib * 1024]
    }, var.cpu, [var.memory]), var.memory)
    error_message = "Fargate does not have this much memory with this cpu: 512 to 2,048 MiB with 256, and from 2 to 8 times the CPU units with more, in whole GiB."
  }
}

variable "cluster_arn" {
  description = "An ECS cluster of yours for the service, which has the name of the installation there. Null: the module creates a cluster, with the service consumer."
  type        = string
  default     = null
  validation {
    condition     = var.cluster_arn == null ? true : can(regex("^arn:[^:]+:ecs:[^:]+:[0-9]{12}:cluster/[^/]+$", var.cluster_arn))
    error_message = "cluster_arn must be the ARN of an ECS cluster."
  }
}

variable "capacity_providers" {
  description = "Capacity providers of the tasks, with their weight and base: { FARGATE_SPOT = {} } costs about a third, and AWS may stop a task with a warning of 2 minutes, in which it drains. A cluster of yours must have the providers already. Empty: Fargate on demand."
  type        = map(object({ weight = optional(number, 1), base = optional(number, 0) }))
  default     = {}
  nullable    = false
  validation {
    condition     = length(setsubtract(keys(var.capacity_providers), ["FARGATE", "FARGATE_SPOT"])) == 0
    error_message = "The tasks run on FARGATE and FARGATE_SPOT only."
  }
  validation {
    condition     = length([for each in values(var.capacity_providers) : each if each.base > 0]) < 2
    error_message = "Only one of the providers can have a base."
  }
  validation {
    condition     = alltrue([for each in values(var.capacity_providers) : each.weight >= 0 && each.weight <= 1000 && each.base >= 0 && each.base <= 100000])
    error_message = "A weight must be 0 to 1,000, and a base 0 to 100,000."
  }
  validation {
    condition     = length(var.capacity_providers) == 0 || anytrue([for each in values(var.capacity_providers) : each.weight > 0])
    error_message = "At least one weight must be above 0: otherwise ECS starts no task."
  }
}

variable "vpc_id" {
  description = "The VPC of the tasks. Needed for the security group that the module creates."
  type        = string
  default     = null
  validation {
    condition     = var.create_security_group ? can(regex("^vpc-[0-9a-f]+$", var.vpc_id)) : true
    error_message = "vpc_id must be the ID of a VPC, such as vpc-0123456789abcdef0, unless create_security_group is false."
  }
}

variable "subnet_ids" {
  description = "Subnets of the tasks, with a route to AWS: through a NAT gateway, VPC endpoints, or an Internet gateway with assign_public_ip."
  type        = list(string)
  nullable    = false
  validation {
    condition     = length(var.subnet_ids) > 0
    error_message = "At least one subnet is required."
  }
  validation {
    condition     = alltrue([for id in var.subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))])
    error_message = "Each value must be the ID of a subnet, such as subnet-0123456789abcdef0."
  }
}

variable "create_security_group" {
  description = "Whether the module creates a security group for the tasks, without inbound traffic and with outbound HTTPS."
  type        = bool
  default     = true
  nullable    = false
}

variable "security_group_ids" {
  description = "Further security groups of the tasks, such as one that admits them to a collector, a proxy or VPC endpoints."
  type        = list(string)
  default     = []
  nullable    = false
  validation {
    condition     = var.create_security_group || length(var.security_group_ids) > 0
    error_message = "Without create_security_group, at least one security group is required: the VPC's default group would be used."
  }
  validation {
    condition     = alltrue([for id in var.security_group_ids : can(regex("^sg-[0-9a-f]+$", id))])
    error_message = "Each value must be the ID of a security group, such as sg-0123456789abcdef0."
  }
}

variable "assign_public_ip" {
  description = "Whether tasks get a public IP address: true for public subnets without a NAT gateway. The security group allows no inbound traffic."
  type        = bool
  default     = false
  nullable    = false
}
