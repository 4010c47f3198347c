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

variable "github" {
  description = "As whom branchline shows results at GitHub: an App or a token. See docs/GITHUB.md and the module's variable."
  type        = map(string)
  default     = {}
}

variable "secrets" {
  description = "The ARNs of the secrets that github refers to as \"env:NAME\", by NAME."
  type        = map(string)
  default     = {}
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

variable "path_tokens" {
  description = "Names of the webhook URLs, each with a random path. Two during a rotation: see infra/README.md."
  type        = set(string)
  default     = ["a"]
}

# GitHub publishes the addresses that it sends webhooks from, and changes them from time to time. A
# webhook from an address that is missing here is lost. So do not rely on this copy, of November
# 2026: let your pipeline pass the current list.
#   terraform apply -var "source_cidrs=$(curl -fsS https://api.github.com/meta | jq -c .hooks)"
# For GitHub Enterprise Server, use the addresses of your server.
variable "source_cidrs" {
  description = "Address ranges that may call the webhook URLs. The default is `hooks` of https://api.github.com/meta, which changes: see above. Empty allows all."
  type        = list(string)
  default = [
    "192.30.252.0/22",
    "185.199.108.0/22",
    "140.82.112.0/20",
    "143.55.64.0/20",
    "2a0a:a440::/29",
    "2606:50c0::/32",
  ]
}

variable "web_acl_rate" {
  description = "Creates a WAF web ACL that blocks an address outside source_cidrs above this many requests in 5 minutes. Costs 6 USD a month and 0.60 per million requests."
  type        = number
  default     = null
}

variable "alarm_topic_arns" {
  description = "SNS topics that are notified of alarms."
  type        = list(string)
  default     = []
}

variable "silence_hours" {
  description = "Creates an alarm that starts when no webhook has arrived for this many hours, 1 to 24."
  type        = number
  default     = null
}

variable "metrics" {
  description = "Where the daemon's metrics go: none, cloudwatch (with a dashboard) or prometheus."
  type        = string
  default     = "none"
}

variable "min_tasks" {
  description = "Minimum number of tasks. 0 stops the daemon and removes its alarm."
  type        = number
  default     = 1
}

variable "manage_api_gateway_account" {
  description = "True if `aws apigateway get-account` shows no cloudwatchRoleArn, which the API needs to write logs, and otherwise false."
  type        = bool
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
