variable "name" {
  description = "Name of the table, value of the pipelines' tag, and prefix of all other names."
  type        = string
  default     = "branchline"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "The name must be 3 to 31 characters of a-z, 0-9 and hyphen, and start with a letter."
  }
}

variable "rules" {
  description = "The [[rule]] tables of the configuration, and its [[github.secret]] tables if there are any, as TOML text. See docs/CONFIGURATION.md."
  type        = string
  validation {
    condition     = can(regex("(?m)^\\s*\\[\\[rule\\]\\]", var.rules))
    error_message = "There must be at least one [[rule]] table."
  }
  validation {
    condition     = !can(regex("(?m)^\\s*\\[(aws|queue|store|github)\\b", var.rules))
    error_message = "The module writes [aws], [queue], [store] and [github] itself: give only [[rule]] and [[github.secret]] tables."
  }
  validation {
    condition     = !strcontains(var.rules, "{{")
    error_message = "Parameter Store rejects values that contain {{: put another character between the braces."
  }
  validation {
    condition     = length(var.rules) <= 7000
    error_message = "Parameter Store limits values to 8 KB, of which the module uses one: shorten the rules with globs and lists."
  }
}

variable "codepipeline_rate" {
  description = "Maximum calls to CodePipeline per second and task. AWS throttles per account, so lower this for more tasks."
  type        = number
  default     = 10
}

variable "concurrency" {
  description = "Maximum number of messages that one task processes at the same time."
  type        = number
  default     = 32
}

variable "image" {
  description = "The container image of the daemon, preferably by digest: ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME@sha256:..."
  type        = string
}

variable "webhook_secret_arns" {
  description = "Secrets Manager secrets that contain the webhook secret as plain text. Two during a rotation. Empty if every webhook has a secret of its own, in a [[github.secret]] table of rules."
  type        = list(string)
  validation {
    condition     = length(var.webhook_secret_arns) > 0 || can(regex("(?m)^\\s*\\[\\[github\\.secret\\]\\]", var.rules))
    error_message = "At least one secret is required to verify webhooks."
  }
  validation {
    condition     = alltrue([for arn in var.webhook_secret_arns : can(regex("^arn:[^:]+:secretsmanager:", arn))])
    error_message = "Each value must be the ARN of a secret in Secrets Manager."
  }
}

variable "secrets" {
  description = "Further secrets that rules and github refer to as \"env:NAME\": the value of a [[github.secret]], a token in the secrets of a rule, the key of a GitHub App. Keys are the names, values the ARNs of secrets in Secrets Manager. ARN:KEY:: takes one key of a JSON secret."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for name in keys(var.secrets) : can(regex("^[A-Z][A-Z0-9_]*$", name)) && !can(regex("^(AWS|BRANCHLINE|ECS|WEBHOOK_SECRET)_", name))])
    error_message = "A name must be of A-Z, 0-9 and _, begin with one of A-Z, and not with AWS_, BRANCHLINE_, ECS_ or WEBHOOK_SECRET_, which have a meaning already."
  }
  validation {
    condition     = alltrue([for arn in values(var.secrets) : can(regex("^arn:[^:]+:secretsmanager:[^:]+:[0-9]{12}:secret:[^:]+(:[^:]*:[^:]*:[^:]*)?$", arn))])
    error_message = "Each value must be the ARN of a secret in Secrets Manager, or that ARN with :KEY:VERSION-STAGE:VERSION-ID, of which any may be empty."
  }
  validation {
    condition     = length(setsubtract(flatten(regexall("[\"']env:([A-Z][A-Z0-9_]*)[\"']", var.rules)), keys(var.secrets))) == 0
    error_message = "The rules refer to a variable that the task does not get: add each \"env:NAME\" in rules to secrets."
  }
}

variable "github" {
  description = "As whom branchline shows results at GitHub: a GitHub App (app is its client id, private_key its key in PEM), or a token. private_key and token are \"env:NAME\", with NAME in secrets. api_url is for GitHub Enterprise. Empty: branchline does not call GitHub. See docs/CONFIGURATION.md."
  type = object({
    app         = optional(string)
    private_key = optional(string)
    token       = optional(string)
    api_url     = optional(string)
  })
  default = {}
  validation {
    condition     = (var.github.app == null) == (var.github.private_key == null)
    error_message = "An App needs both app and private_key."
  }
  validation {
    condition     = var.github.app == null || var.github.token == null
    error_message = "Give an App or a token, not both."
  }
  validation {
    condition     = alltrue([for value in [var.github.private_key, var.github.token] : value == null ? true : contains([for name in keys(var.secrets) : "env:${name}"], value)])
    error_message = "private_key and token must be \"env:NAME\", with NAME in secrets."
  }
}

variable "secrets_kms_key_arns" {
  description = "Your KMS keys that encrypt these secrets, of webhooks and others. Empty for the AWS managed key."
  type        = list(string)
  default     = []
}

variable "template_names" {
  description = "Names of the template pipelines in the rules. * and ? are wildcards, as in IAM. The daemon is explicitly denied to change, tag, start or stop them."
  type        = list(string)
  validation {
    condition     = alltrue([for name in var.template_names : can(regex("^[A-Za-z0-9.@_*?-]+$", name))])
    error_message = "A name may contain letters, digits, . @ _ - and the wildcards * and ?."
  }
}

variable "clone_names" {
  description = "Name patterns of the pipelines that branchline creates, such as api-pr-*. * and ? are wildcards, as in IAM. No pattern may cover a template, and the tighter a pattern, the fewer pipelines the daemon can ever touch."
  type        = list(string)
  validation {
    condition     = length(var.clone_names) > 0
    error_message = "At least one pattern is required: without it, the daemon can create no pipeline."
  }
  validation {
    condition     = alltrue([for name in var.clone_names : can(regex("^[A-Za-z0-9.@_*?-]+$", name))])
    error_message = "A pattern may contain letters, digits, . @ _ - and the wildcards * and ?."
  }
  validation {
    condition     = alltrue([for name in var.clone_names : can(regex("[A-Za-z0-9]", name))])
    error_message = "A pattern needs a letter or digit: with * alone, branchline could tag any pipeline and then change it."
  }
}

variable "pipeline_role_arns" {
  description = "Roles that clones run as: the roles of the templates and of their actions, and each role_arn in a rule. branchline may pass them to CodePipeline only, and no others."
  type        = list(string)
  validation {
    condition     = alltrue([for arn in var.pipeline_role_arns : can(regex("^arn:[^:]+:iam::[0-9]{12}:role/[^*?]+$", arn))])
    error_message = "Each value must be the complete ARN of one role, without * or ?."
  }
}

variable "build_role_arns" {
  description = "Roles that builds of clones run as: each ServiceRoleArnOverride in a template, and each build_role_arn in a rule. branchline may pass them to CodeBuild only, and no others."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for arn in var.build_role_arns : can(regex("^arn:[^:]+:iam::[0-9]{12}:role/[^*?]+$", arn))])
    error_message = "Each value must be the complete ARN of one role, without * or ?."
  }
}

variable "connection_arns" {
  description = "Connections in the source actions of the templates."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for arn in var.connection_arns : can(regex("^arn:[^:]+:(codeconnections|codestar-connections):", arn))])
    error_message = "Each value must be the ARN of a connection."
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

variable "drain_timeout" {
  description = "Seconds that a stopping task has to finish the messages it has received."
  type        = number
  default     = 25
  validation {
    condition     = var.drain_timeout >= 0 && var.drain_timeout <= 100
    error_message = "drain_timeout must be 0 to 100: Fargate kills a stopping task after at most 120 seconds, and the daemon needs some of them for its last acknowledgements."
  }
}

variable "path_tokens" {
  description = "Names of the webhook URLs. Each gets a random path, once, and every other path is refused. Two during a rotation: see infra/README.md."
  type        = set(string)
  default     = ["a"]
  validation {
    condition     = length(var.path_tokens) > 0 && length(var.path_tokens) < 3
    error_message = "There must be one URL, or two during a rotation."
  }
  validation {
    condition     = alltrue([for name in var.path_tokens : can(regex("^[a-z0-9-]{1,20}$", name))])
    error_message = "A name must be 1 to 20 characters of a-z, 0-9 and hyphen. It does not become part of the URL."
  }
}

variable "source_cidrs" {
  description = "Address ranges that may call the webhook URLs, such as GitHub's (`hooks` in its /meta API; examples/complete has them). Empty allows all; the URL is secret and signatures are verified in either case."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for range in var.source_cidrs : can(cidrhost(range, 0))])
    error_message = "Each value must be an address range such as 192.0.2.0/24."
  }
}

variable "throttle" {
  description = "Maximum requests per second, and burst, that each webhook URL accepts. It limits the cost. Keep it far above what GitHub sends: GitHub gets a 429 for the others and does not redeliver them by itself."
  type        = object({ rate = number, burst = number })
  default     = { rate = 200, burst = 1000 }
  validation {
    condition     = var.throttle.rate > 0 && var.throttle.burst > 0
    error_message = "The rate and the burst must be above 0: with 0, the API would accept nothing."
  }
}

variable "web_acl_rate" {
  description = "Creates a WAF web ACL for the API that blocks an address above this many requests in 5 minutes, except those in source_cidrs. Without source_cidrs it counts GitHub's addresses as well: set it far above what GitHub sends from one of them. Costs 6 USD a month and 0.60 per million requests."
  type        = number
  default     = null
  validation {
    condition     = var.web_acl_rate == null ? true : var.web_acl_rate >= 10
    error_message = "AWS WAF accepts rates from 10 requests in 5 minutes."
  }
}

variable "web_acl_arn" {
  description = "A regional WAF web ACL of yours for the API, instead of the one that web_acl_rate creates. It must let bodies of 1 MiB pass."
  type        = string
  default     = null
  validation {
    condition     = var.web_acl_arn == null || var.web_acl_rate == null
    error_message = "A stage has one web ACL: set web_acl_arn or web_acl_rate, not both."
  }
}

variable "access_logs" {
  description = "Whether the API logs each request (never its body). Requires the CloudWatch role of API Gateway in the account."
  type        = bool
  default     = true
}

variable "manage_api_gateway_account" {
  description = "Whether this module sets that role, for accounts where `aws apigateway get-account` shows none. There is one per account and Region, and destroying the module removes it: keep false where it is already set."
  type        = bool
  default     = false
}

variable "log_retention_days" {
  description = "Days that logs are retained."
  type        = number
  default     = 90
}

variable "metrics" {
  description = "Whether the daemon writes metrics to CloudWatch, with a dashboard. Costs 15 to 21 USD a month: docs/OBSERVABILITY.md."
  type        = bool
  default     = false
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
