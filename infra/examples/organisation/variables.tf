variable "region" {
  description = "The AWS Region."
  type        = string
}

variable "organisation" {
  description = "The GitHub organisation, in the case that GitHub shows."
  type        = string
}

variable "templates" {
  description = "The template pipeline of each repository, by the repository's name: { api = \"api-template\" }."
  type        = map(string)
}

variable "name" {
  description = "Name of the table, and prefix of all other names."
  type        = string
  default     = "branchline"
}

variable "image" {
  description = "The container image of the daemon, by digest."
  type        = string
}

variable "pipeline_role_arns" {
  description = "The roles of the templates."
  type        = list(string)
}

variable "build_role_arn" {
  description = "The role that runs the buildspec of pull requests."
  type        = string
}

variable "connection_arns" {
  description = "The connections in the source actions of the templates."
  type        = list(string)
}

variable "webhook_secret" {
  description = "The secret that GitHub signs webhooks with: 64 random characters, from the environment as TF_VAR_webhook_secret."
  type        = string
  sensitive   = true
  validation {
    condition     = length(var.webhook_secret) >= 32
    error_message = "The secret must have at least 32 characters."
  }
}

variable "webhook_secret_version" {
  description = "A number that changes with the secret."
  type        = number
  default     = 1
}

variable "vpc_id" {
  description = "The VPC of the tasks."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets with a route to AWS and to the registry of the image."
  type        = list(string)
}

variable "alarm_emails" {
  description = "E-mail addresses that are notified of alarms."
  type        = list(string)
}

variable "manage_api_gateway_account" {
  description = "True if `aws apigateway get-account` shows no cloudwatchRoleArn, and otherwise false."
  type        = bool
}
