variable "region" {
  description = "The AWS Region."
  type        = string
}

variable "name" {
  description = "Name of the table, and prefix of all other names."
  type        = string
  default     = "branchline"
}

variable "repository" {
  description = "The GitHub repository, as owner/name. The connection requires the same upper and lower case that GitHub shows."
  type        = string
  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", var.repository))
    error_message = "The repository must have the form owner/name."
  }
}

variable "base" {
  description = "The branch that the template builds. Pull requests into it get a pipeline."
  type        = string
  default     = "main"
}

variable "image" {
  description = "The container image of the daemon, by digest."
  type        = string
}

variable "cpu_architecture" {
  description = "CPU architecture of the image: ARM64 or X86_64."
  type        = string
  default     = "ARM64"
}

variable "vpc_id" {
  description = "The VPC of the daemon tasks."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets with a route to the AWS endpoints and to the registry of the image."
  type        = list(string)
}

variable "assign_public_ip" {
  description = "Whether tasks get a public IP address: true for public subnets without a NAT gateway."
  type        = bool
  default     = false
}

variable "source_cidrs" {
  description = "Address ranges that may call the webhook URL (`hooks` in GitHub's /meta API). Empty allows all."
  type        = list(string)
  default     = []
}

variable "alarm_topic_arns" {
  description = "SNS topics that are notified of alarms."
  type        = list(string)
  default     = []
}

variable "metrics" {
  description = "Whether the daemon writes metrics to CloudWatch, with a dashboard."
  type        = bool
  default     = false
}

variable "min_tasks" {
  description = "Minimum number of tasks. 0 stops the daemon and removes its alarm."
  type        = number
  default     = 1
}

variable "manage_api_gateway_account" {
  description = "True where `aws apigateway get-account` shows no cloudwatchRoleArn, which the API needs to write logs."
  type        = bool
  default     = false
}

variable "webhook_secrets" {
  description = "Names of the webhook secrets. Each is generated once. Two during a rotation: see infra/README.md."
  type        = set(string)
  default     = ["a"]
}

variable "deletion_protection" {
  description = "Whether the table is protected from deletion. Apply false before you remove branchline."
  type        = bool
  default     = true
}
