variable "region" {
  description = "Where everything is."
  type        = string
}

variable "name" {
  description = "The beginning of every name, and the table."
  type        = string
  default     = "branchline"
}

variable "repository" {
  description = "The repository on GitHub, as owner/name. Upper and lower case as GitHub shows it: the connection asks for that."
  type        = string
  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", var.repository))
    error_message = "Want owner/name."
  }
}

variable "base" {
  description = "The branch that the template builds, and against which pull requests get a pipeline."
  type        = string
  default     = "main"
}

variable "image" {
  description = "The daemon's image, by digest."
  type        = string
}

variable "cpu_architecture" {
  description = "What the image was built for: ARM64 or X86_64."
  type        = string
  default     = "ARM64"
}

variable "vpc_id" {
  description = "The VPC of the daemon."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets from which AWS's endpoints and the image's registry can be reached."
  type        = list(string)
}

variable "assign_public_ip" {
  description = "True for public subnets without a NAT gateway. Nothing can connect to it."
  type        = bool
  default     = false
}

variable "source_cidrs" {
  description = "GitHub's ranges (the key hooks of its /meta API), where only these may call. Empty for anybody."
  type        = list(string)
  default     = []
}

variable "alarm_topic_arns" {
  description = "SNS topics that are told of alarms."
  type        = list(string)
  default     = []
}

variable "metrics" {
  description = "Whether the daemon's metrics go to CloudWatch."
  type        = bool
  default     = false
}

variable "min_tasks" {
  description = "Tasks that always run. 0 stops the daemon, and its alarm."
  type        = number
  default     = 1
}

variable "manage_api_gateway_account" {
  description = "True where `aws apigateway get-account` shows no cloudwatchRoleArn: the API's log needs one in the account and Region."
  type        = bool
  default     = false
}

variable "webhook_secrets" {
  description = "Names of the webhook's secrets. Each is made once, at random. Two while one is replaced: see infra/README.md."
  type        = set(string)
  default     = ["a"]
}

variable "deletion_protection" {
  description = "Whether the table refuses to be deleted. Apply false before you remove everything."
  type        = bool
  default     = true
}
