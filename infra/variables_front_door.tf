# The API that GitHub calls.

variable "path_tokens" {
  description = "Names of the webhook URLs. Each gets a random path, once, and every other path is refused. Two during a rotation: see infra/README.md."
  type        = set(string)
  default     = ["a"]
  nullable    = false
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
  nullable    = false
  validation {
    condition     = alltrue([for range in var.source_cidrs : can(cidrhost(range, 0))])
    error_message = "Each value must be an address range such as 192.0.2.0/24."
  }
}

variable "domain" {
  description = "A host name of yours for the webhook URLs, with the ARN of its certificate in ACM, in the Region of the API. With zone_id, the module creates the record in that Route 53 zone; otherwise create one to the output domain_target. only = true turns the API's own host name off, and with it the URLs from before: set it after GitHub's form has the new one."
  type = object({
    name            = string
    certificate_arn = string
    zone_id         = optional(string)
    only            = optional(bool, false)
  })
  default = null
  validation {
    condition     = var.domain == null ? true : can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?[.])+[a-z]{2,}$", var.domain.name))
    error_message = "domain.name must be a host name in lower case, such as hooks.example.com."
  }
  validation {
    condition     = var.domain == null ? true : can(regex("^arn:[^:]+:acm:[^:]+:[0-9]{12}:certificate/", var.domain.certificate_arn))
    error_message = "domain.certificate_arn must be the ARN of a certificate in ACM."
  }
  validation {
    condition     = try(var.domain.zone_id, null) == null ? true : can(regex("^Z[A-Z0-9]+$", var.domain.zone_id))
    error_message = "domain.zone_id must be the ID of a Route 53 zone, such as Z0123456789ABCDEFGHIJ, not its name."
  }
}

variable "throttle" {
  description = "Maximum requests per second, and burst, that each webhook URL accepts. It limits the cost. Keep it far above what GitHub sends: GitHub gets a 429 for the others and does not redeliver them by itself."
  type        = object({ rate = number, burst = number })
  default     = { rate = 200, burst = 1000 }
  nullable    = false
  validation {
    condition     = var.throttle.rate > 0 && var.throttle.burst > 0 && floor(var.throttle.burst) == var.throttle.burst
    error_message = "The rate and the burst must be above 0, because with 0 the API would accept nothing, and the burst a whole number."
  }
}

variable "web_acl_rate" {
  description = "Creates a WAF web ACL for the API that blocks an address above this many requests in 5 minutes, except those in source_cidrs. Without source_cidrs it counts GitHub's addresses as well: set it far above what GitHub sends from one of them. Costs 6 USD a month and 0.60 per million requests."
  type        = number
  default     = null
  validation {
    condition     = var.web_acl_rate == null ? true : var.web_acl_rate >= 10 && floor(var.web_acl_rate) == var.web_acl_rate
    error_message = "AWS WAF accepts whole numbers as rates from 10 requests in 5 minutes."
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
  validation {
    condition     = var.web_acl_arn == null ? true : can(regex("^arn:[^:]+:wafv2:[^:]+:[0-9]{12}:regional/webacl/", var.web_acl_arn))
    error_message = "web_acl_arn must be the ARN of a regional web ACL of AWS WAF: one of CloudFront (global) is not for an API."
  }
}

variable "access_logs" {
  description = "Whether the API logs each request, never its body. API Gateway needs a role for that, of which each account and Region has one: see manage_api_gateway_account. Without these logs, there is no alarm for a refused webhook (github-refused)."
  type        = bool
  default     = true
  nullable    = false
}

variable "manage_api_gateway_account" {
  description = "Whether this module sets the role with which API Gateway writes logs: true if `aws apigateway get-account` shows no cloudwatchRoleArn, false if it shows one. Each account and Region has one such role. With true, the module would replace it, and remove it on destroy, so that other APIs log nothing any more. Required with access_logs."
  type        = bool
  default     = null
  validation {
    condition     = !var.access_logs || var.manage_api_gateway_account != null
    error_message = "Run `aws apigateway get-account`. If it shows a cloudwatchRoleArn, set manage_api_gateway_account = false, and otherwise true. Terraform cannot find this out, and without the role the stage would be refused. access_logs = false needs no role."
  }
}
