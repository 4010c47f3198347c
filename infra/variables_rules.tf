# The configuration of the daemon, and what its permissions are derived from.

variable "rules" {
  description = "The rules, in the order in which they are tried. Their keys are those of a [[rule]] in docs/CONFIGURATION.md, where globs are always lists. raw_variables are variables with raw = true. template is the fallback of template_file, if that is set. The names of templates and clones, and the roles, are part of the daemon's permissions: write repositories in the case that GitHub shows."
  type = list(object({
    name            = optional(string)
    repository      = list(string)
    on              = string
    template        = string
    base            = optional(list(string))
    branches        = optional(list(string))
    drafts          = optional(bool)
    pipeline_name   = optional(string)
    source_action   = optional(string)
    start           = optional(string)
    update          = optional(string)
    stages          = optional(string)
    keep_stages     = optional(list(string))
    drop_stages     = optional(list(string))
    drop_actions    = optional(list(string))
    role_arn        = optional(string)
    build_role_arn  = optional(string)
    action_role_arn = optional(string)
    tags            = optional(map(string))
    variables       = optional(map(string))
    raw_variables   = optional(map(string))
    environment     = optional(map(string))
    buildspec       = optional(string)
    configuration   = optional(map(string))
    repository_file = optional(object({ path = string, from = optional(string), allow = list(string), images = optional(list(string)) }))
    build           = optional(object({ image = optional(string), compute = optional(string), privileged = optional(bool), timeout = optional(number), cache = optional(string) }))
    template_file   = optional(object({ file = string, from = optional(string), actions = optional(list(string)), projects = optional(list(string)) }))
    preview         = optional(object({ stack_suffix = optional(string), parameters = optional(map(string)), teardown = optional(string), url = optional(string), deployment = optional(bool), environment = optional(string) }))
    shared_targets  = optional(bool)
    execution_mode  = optional(string)
    secrets         = optional(map(string))
    max_active      = optional(number)
    on_full         = optional(string)
    idle            = optional(string)
    max_age         = optional(string)
    keep_label      = optional(string)
    report          = optional(string)
    context         = optional(string)
    comment         = optional(string)
    stop_on_close   = optional(bool)
  }))
  default  = []
  nullable = false
  validation {
    condition     = length(var.rules) > 0 || can(regex("(?m)^\\s*\\[\\[rule\\]\\]", var.rules_toml))
    error_message = "At least one rule is required, in rules or in rules_toml."
  }
  validation {
    condition     = alltrue([for rule in var.rules : contains(["pull_request", "branch", "merge_group"], rule.on)])
    error_message = "on must be pull_request, branch or merge_group."
  }
  validation {
    condition     = alltrue([for rule in var.rules : length(rule.repository) > 0 && alltrue([for glob in rule.repository : can(regex("^!?[^/\\s]+(/[^\\s]+)?$", glob)) && (glob == "**" || strcontains(glob, "/"))])])
    error_message = "repository must be a list of owner/name, or of globs over it."
  }
  validation {
    condition     = alltrue([for rule in var.rules : can(regex("^[A-Za-z0-9.@_-]{1,100}$", rule.template))])
    error_message = "template must be the name of one pipeline, without wildcards."
  }
  validation {
    condition     = alltrue([for rule in var.rules : rule.pipeline_name == null ? true : can(regex("^([A-Za-z0-9.@_-]|\\{[a-z_]+\\})+$", rule.pipeline_name))])
    error_message = "pipeline_name may have letters, digits, . @ _ - and placeholders such as {number}."
  }
  validation {
    condition     = alltrue([for rule in var.rules : rule.name == null ? true : trimspace(rule.name) != ""]) && length(distinct(compact(var.rules[*].name))) == length(compact(var.rules[*].name))
    error_message = "The name of a rule must not be empty, nor that of another rule."
  }
  validation {
    condition = alltrue([for rule in var.rules : alltrue([
      rule.base == null || rule.on != "branch",
      rule.branches == null || rule.on != "merge_group",
      rule.drafts == null || rule.on == "pull_request",
      coalesce(rule.comment, "never") == "never" || rule.on == "pull_request",
    ])])
    error_message = "base is not for rules on a branch, branches not for rules on merge groups, and drafts and comment are for rules on pull requests alone."
  }
  validation {
    condition     = alltrue([for rule in var.rules : rule.pipeline_name == null ? true : can(regex(rule.on == "pull_request" ? "\\{number\\}" : "\\{branch(_slug)?\\}", rule.pipeline_name))])
    error_message = "pipeline_name must have {number} in a rule on pull requests, and otherwise {branch} or {branch_slug}: without it, two of them would share a pipeline."
  }
  validation {
    condition = alltrue(flatten([
      for rule in var.rules : [
        for text in concat([coalesce(rule.pipeline_name, "-")], flatten([for each in [rule.variables, rule.raw_variables, rule.environment, rule.configuration, try(rule.preview.parameters, null)] : values(coalesce(each, {}))]), compact([try(rule.preview.stack_suffix, null), try(rule.preview.url, null)])) : [
          # {{ and }} stand for braces.
          for found in regexall("\\{([a-z_]+)\\}", replace(replace(text, "{{", ""), "}}", "")) : contains(concat(
            ["repository", "owner", "repo", "branch", "branch_slug", "sha"],
            rule.on == "branch" ? [] : ["base", "base_slug"],
            rule.on == "pull_request" ? ["number", "author", "author_slug", "title", "title_slug"] : [],
          ), found[0])
        ]
      ]
    ]))
    error_message = "A placeholder must be {repository}, {owner}, {repo}, {branch}, {branch_slug} or {sha}; for pull requests and merge groups also {base} or {base_slug}; for pull requests also {number}, {author}, {author_slug}, {title} or {title_slug}."
  }
  validation {
    condition     = alltrue([for rule in var.rules : rule.keep_stages == null || (rule.stages == null && rule.drop_stages == null)])
    error_message = "keep_stages takes the place of stages and drop_stages: set it or the others."
  }
  validation {
    condition     = alltrue([for rule in var.rules : alltrue([for each in concat([coalesce(rule.source_action, "Stage/Action")], coalesce(rule.drop_actions, [])) : can(regex("^[^/]+/[^/]+$", each))])])
    error_message = "source_action and drop_actions must be Stage/Action."
  }
  validation {
    condition     = alltrue([for rule in var.rules : alltrue([for key in keys(coalesce(rule.configuration, {})) : can(regex("^[^/]+/[^/]+/[^/]+$", key))])])
    error_message = "configuration of a rule must be { \"Stage/Action/Key\" = \"...\" }."
  }
  validation {
    condition     = alltrue([for rule in var.rules : try(rule.preview.stack_suffix, null) == null ? true : can(regex(rule.on == "pull_request" ? "\\{number\\}" : "\\{branch(_slug)?\\}", rule.preview.stack_suffix))])
    error_message = "preview.stack_suffix must have {number} in a rule on pull requests, and otherwise {branch_slug}: without it, two of them would share a stack."
  }
  validation {
    condition     = alltrue([for rule in var.rules : alltrue([for key, value in coalesce(rule.secrets, {}) : can(regex("^[^/]+/[^/]+/[^/]+$", key)) && can(regex("^env:[A-Z][A-Z0-9_]*$", value))])])
    error_message = "secrets of a rule must be { \"Stage/Action/Key\" = \"env:NAME\" }, with NAME in secrets of the module, never the secret itself."
  }
  validation {
    condition     = alltrue([for rule in var.rules : alltrue(concat([for key in keys(coalesce(rule.environment, {})) : can(regex("^[A-Za-z_][A-Za-z0-9_]*$", key))], [for key in keys(coalesce(rule.tags, {})) : !can(regex("(?i)^(aws|branchline):", key))]))])
    error_message = "A name in environment must be of letters, digits and _, and a key of tags must not begin with aws: or branchline:, which are reserved."
  }
  validation {
    condition     = alltrue([for rule in var.rules : rule.max_active == null ? true : rule.name != null && rule.max_active >= 1 && rule.max_active <= 10000 && floor(rule.max_active) == rule.max_active])
    error_message = "max_active must be a whole number from 1 to 10,000, in a rule with a name."
  }
  validation {
    condition     = alltrue([for rule in var.rules : alltrue([for limit in compact([rule.idle, rule.max_age]) : can(regex("^0*[1-9][0-9]*[smhd]$", limit))])])
    error_message = "idle and max_age must be a time from 1m to 365d, such as 14d."
  }
  validation {
    condition     = alltrue([for rule in var.rules : alltrue([for arn in compact([rule.role_arn, rule.action_role_arn, rule.build_role_arn]) : can(regex("^arn:[^:]+:iam::[0-9]{12}:role/[^*?]+$", arn)) || (arn == "template" && rule.build_role_arn != "template")])])
    error_message = "role_arn and action_role_arn must be the complete ARN of one role, or \"template\", and build_role_arn the complete ARN of one role."
  }
  validation {
    condition = alltrue([for rule in var.rules : alltrue([
      contains(["commit", "head", "push"], coalesce(rule.start, "commit")),
      contains(["next-start", "never"], coalesce(rule.update, "never")),
      contains(["safe", "all"], coalesce(rule.stages, "all")),
      contains(["SUPERSEDED", "QUEUED", "PARALLEL"], coalesce(rule.execution_mode, "QUEUED")),
      contains(["check", "status", "none"], coalesce(rule.report, "none")),
      contains(["failures", "always", "never"], coalesce(rule.comment, "never")),
      contains(["wait", "evict-idle"], coalesce(rule.on_full, "wait")),
      contains(["base", "head"], coalesce(try(rule.repository_file.from, null), "base")),
      contains(["base", "head"], coalesce(try(rule.template_file.from, null), "base")),
    ])])
    error_message = "start must be commit, head or push; update next-start or never; stages safe or all; execution_mode SUPERSEDED, QUEUED or PARALLEL; report check, status or none; comment failures, always or never; on_full wait or evict-idle; from of repository_file and template_file base or head."
  }
}

variable "rules_toml" {
  description = "Further [[rule]] and [[github.secret]] tables as TOML text, after those of rules, for what rules cannot express. Their templates, clones and roles belong into template_names, clone_names, pipeline_role_arns and build_role_arns."
  type        = string
  default     = ""
  nullable    = false
  validation {
    condition     = !can(regex("(?m)^\\s*\\[(aws|queue|store|github)\\b", var.rules_toml))
    error_message = "The module writes [aws], [queue], [store] and [github] itself: give only [[rule]] and [[github.secret]] tables."
  }
}

variable "configuration_store" {
  description = "Where the configuration is kept: parameter (Parameter Store: at most 8 KB, no {{, free up to 4 KB and otherwise 0.05 USD a month) or secret (Secrets Manager: at most 64 KB, 0.40 USD a month). The daemon gets the same text from either."
  type        = string
  default     = "parameter"
  nullable    = false
  validation {
    condition     = contains(["parameter", "secret"], var.configuration_store)
    error_message = "configuration_store must be parameter or secret."
  }
}

variable "template_names" {
  description = "Names of further template pipelines, beside those of rules: of rules_toml, or of rules to come. * and ? are wildcards, as in IAM. The daemon is explicitly denied to change, tag, start or stop templates."
  type        = list(string)
  default     = []
  nullable    = false
  validation {
    condition     = alltrue([for name in var.template_names : can(regex("^[A-Za-z0-9.@_*?-]+$", name))])
    error_message = "A name may contain letters, digits, . @ _ - and the wildcards * and ?."
  }
}

variable "clone_names" {
  description = "Further name patterns of the pipelines that branchline creates, such as api-pr-*, beside those of rules: of rules_toml, or of rules that were removed, until their clones are deleted. * and ? are wildcards, as in IAM. No pattern may cover a template, and the tighter a pattern, the fewer pipelines the daemon can ever touch."
  type        = list(string)
  default     = []
  nullable    = false
  validation {
    condition     = var.rules_toml == "" || length(var.clone_names) > 0
    error_message = "At least one pattern is required for the rules of rules_toml: without it, the daemon can create no pipeline."
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
  description = "Roles that clones run as: the roles of the templates and of their actions, where no rule replaces them. Each role_arn and action_role_arn of rules is included. branchline may pass them to CodePipeline only, and no others."
  type        = list(string)
  default     = []
  nullable    = false
  validation {
    condition     = length(var.pipeline_role_arns) > 0 || (var.rules_toml == "" && alltrue([for rule in var.rules : coalesce(rule.role_arn, "template") != "template"]))
    error_message = "A rule without role_arn keeps the role of its template, which belongs into pipeline_role_arns: without it, the daemon could create no clone."
  }
  validation {
    condition     = alltrue([for arn in var.pipeline_role_arns : can(regex("^arn:[^:]+:iam::[0-9]{12}:role/[^*?]+$", arn))])
    error_message = "Each value must be the complete ARN of one role, without * or ?."
  }
}

variable "build_role_arns" {
  description = "Roles that builds of clones run as: each ServiceRoleArnOverride in a template. Each build_role_arn of rules is included. branchline may pass them to CodeBuild only, and no others."
  type        = list(string)
  default     = []
  nullable    = false
  validation {
    condition     = alltrue([for arn in var.build_role_arns : can(regex("^arn:[^:]+:iam::[0-9]{12}:role/[^*?]+$", arn))])
    error_message = "Each value must be the complete ARN of one role, without * or ?."
  }
}

variable "codebuild_projects" {
  description = "For rules with build, and with image, compute or timeout in repository_file: the CodeBuild projects of the templates, which branchline copies for each clone, and the service roles of these projects. branchline may create projects with these roles, and change those that it created."
  type        = object({ templates = list(string), role_arns = list(string) })
  default     = null
  validation {
    condition     = var.codebuild_projects != null || alltrue([for rule in var.rules : rule.build == null && length(setintersection(["image", "compute", "timeout"], try(rule.repository_file.allow, []))) == 0])
    error_message = "A rule with build, or with image, compute or timeout in the allow of its repository_file, needs codebuild_projects: without it, the daemon could create no project for a clone."
  }
  validation {
    condition     = alltrue([for name in try(var.codebuild_projects.templates, []) : can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{1,149}$", name))]) && try(length(var.codebuild_projects.templates) > 0, true)
    error_message = "templates must be names of CodeBuild projects, without wildcards, and at least one."
  }
  validation {
    condition     = alltrue([for arn in try(var.codebuild_projects.role_arns, []) : can(regex("^arn:[^:]+:iam::[0-9]{12}:role/[^*?]+$", arn))]) && try(length(var.codebuild_projects.role_arns) > 0, true)
    error_message = "role_arns must be complete ARNs of roles, without * or ?, and at least one."
  }
}

variable "stack_names" {
  description = "For rules with stacks in preview: the names of these stacks, as patterns of IAM, such as *-pr-*. branchline looks whether a stack of that name is there before it creates a pipeline that would deploy it, and deletes them itself if a rule has teardown = \"stacks\"."
  type        = list(string)
  default     = []
  nullable    = false
  validation {
    condition     = alltrue([for name in var.stack_names : can(regex("^[A-Za-z0-9*?-]{1,128}$", name)) && can(regex("[A-Za-z0-9]", name))])
    error_message = "A pattern needs a letter or a digit, and may have letters, digits, - and the wildcards * and ?: without a text of its own, branchline could read and delete every stack."
  }
  validation {
    condition = length(var.stack_names) > 0 || alltrue([
      for rule in var.rules :
      try(rule.preview.teardown, null) != "stacks" &&
      (try(rule.preview.stack_suffix, null) == null || try(rule.preview.teardown, null) == "none")
    ])
    error_message = "A rule with stack_suffix in preview, or with teardown = \"stacks\", needs stack_names: without them, the daemon may not look whether such a stack is there, and creates no pipeline."
  }
}

variable "connection_arns" {
  description = "Connections in the source actions of the templates."
  type        = list(string)
  default     = []
  nullable    = false
  validation {
    condition     = alltrue([for arn in var.connection_arns : can(regex("^arn:[^:]+:(codeconnections|codestar-connections):", arn))])
    error_message = "Each value must be the ARN of a connection."
  }
}

variable "codepipeline_rate" {
  description = "Maximum calls to CodePipeline per second, which the tasks divide among them. AWS throttles per account."
  type        = number
  default     = 10
  nullable    = false
  validation {
    condition     = var.codepipeline_rate >= 1 && var.codepipeline_rate <= 1000 && floor(var.codepipeline_rate) == var.codepipeline_rate
    error_message = "codepipeline_rate must be a whole number from 1 to 1,000."
  }
}

variable "pipeline_limit" {
  description = "The account's quota of pipelines in the Region. Set it to what AWS granted: at this number, less pipeline_reserve, the daemon lets pull requests wait."
  type        = number
  default     = 1000
  nullable    = false
  validation {
    condition     = var.pipeline_limit >= 1 && var.pipeline_limit <= 1000000 && floor(var.pipeline_limit) == var.pipeline_limit
    error_message = "pipeline_limit must be a whole number from 1 to 1,000,000."
  }
}

variable "pipeline_reserve" {
  description = "How many pipelines of the quota the daemon leaves to others."
  type        = number
  default     = 10
  nullable    = false
  validation {
    condition     = var.pipeline_reserve >= 0 && var.pipeline_reserve <= 1000000 && floor(var.pipeline_reserve) == var.pipeline_reserve
    error_message = "pipeline_reserve must be a whole number from 0 to 1,000,000."
  }
  validation {
    condition     = var.pipeline_reserve < var.pipeline_limit
    error_message = "pipeline_reserve must be less than pipeline_limit: otherwise every pull request would wait."
  }
}

variable "concurrency" {
  description = "Maximum number of messages that one task processes at the same time."
  type        = number
  default     = 32
  nullable    = false
  validation {
    condition     = var.concurrency >= 1 && var.concurrency <= 1000 && floor(var.concurrency) == var.concurrency
    error_message = "concurrency must be a whole number from 1 to 1,000."
  }
}

variable "github" {
  description = "As whom branchline shows results at GitHub: a GitHub App (app is its client id, private_key its key in PEM), or a token. private_key and token are \"env:NAME\", with NAME in secrets. hooks are the webhooks that send to branchline, for a token to find the events that they missed (orgs/NAME/hooks/NUMBER or repos/OWNER/NAME/hooks/NUMBER). api_url is for GitHub Enterprise. Without an App and a token, branchline does not call GitHub. secret has webhook secrets with a name or of some repositories only ([[github.secret]]). See docs/CONFIGURATION.md."
  type = object({
    app         = optional(string)
    private_key = optional(string)
    token       = optional(string)
    hooks       = optional(list(string))
    api_url     = optional(string)
    secret = optional(list(object({
      value        = string
      name         = optional(string)
      repositories = optional(list(string))
    })), [])
  })
  default  = {}
  nullable = false
  validation {
    condition     = (var.github.app == null) == (var.github.private_key == null)
    error_message = "An App needs both app and private_key."
  }
  validation {
    condition     = var.github.app == null || var.github.token == null
    error_message = "Give an App or a token, not both."
  }
  validation {
    condition     = var.github.hooks == null || var.github.token != null
    error_message = "hooks is for a token: an App reads its own webhook."
  }
  validation {
    condition     = var.github.app == null ? true : can(regex("^(Iv.+|[0-9]+)$", var.github.app))
    error_message = "app must be the App's client id, which begins with Iv, or its App id, which is a number."
  }
  validation {
    condition     = var.github.api_url == null ? true : can(regex("^https://[^\\s/]+", var.github.api_url))
    error_message = "api_url must be an https:// address, such as https://git.example.com/api/v3."
  }
  validation {
    condition     = alltrue([for value in concat([var.github.private_key, var.github.token], var.github.secret[*].value) : value == null ? true : contains([for name in keys(var.secrets) : "env:${name}"], value)])
    error_message = "private_key, token and the value of a secret must be \"env:NAME\", with NAME in secrets."
  }
}

variable "webhook_secret_arns" {
  description = "Secrets Manager secrets that contain the webhook secret as plain text. Two during a rotation. Empty if every webhook has a secret of its own, in secret of github."
  type        = list(string)
  default     = []
  nullable    = false
  validation {
    condition     = length(var.webhook_secret_arns) + length(var.github.secret) > 0 || can(regex("(?m)^\\s*\\[\\[github\\.secret\\]\\]", var.rules_toml))
    error_message = "At least one secret is required to verify webhooks."
  }
  validation {
    condition     = alltrue([for arn in var.webhook_secret_arns : can(regex("^arn:[^:]+:secretsmanager:", arn))])
    error_message = "Each value must be the ARN of a secret in Secrets Manager."
  }
}

variable "secrets" {
  description = "Further secrets: those that rules and github refer to as \"env:NAME\" (the value of a [[github.secret]], a token in the secrets of a rule, the key of a GitHub App), and environment variables whose value is secret. Keys are the names, values the ARNs of secrets in Secrets Manager. ARN:KEY:: takes one key of a JSON secret."
  type        = map(string)
  default     = {}
  nullable    = false
  validation {
    condition     = alltrue([for name in keys(var.secrets) : can(regex("^[A-Z][A-Z0-9_]*$", name)) && !can(regex("^(AWS|BRANCHLINE|ECS|WEBHOOK_SECRET)_", name))])
    error_message = "A name must be of A-Z, 0-9 and _, begin with one of A-Z, and not with AWS_, BRANCHLINE_, ECS_ or WEBHOOK_SECRET_, which have a meaning already."
  }
  validation {
    condition     = alltrue([for arn in values(var.secrets) : can(regex("^arn:[^:]+:secretsmanager:[^:]+:[0-9]{12}:secret:[^:]+(:[^:]*:[^:]*:[^:]*)?$", arn))])
    error_message = "Each value must be the ARN of a secret in Secrets Manager, or that ARN with :KEY:VERSION-STAGE:VERSION-ID, of which any may be empty."
  }
  validation {
    condition     = length(setsubtract(flatten(regexall("[\"']env:([A-Z][A-Z0-9_]*)[\"']", join("", [jsonencode(var.rules), var.rules_toml]))), keys(var.secrets))) == 0
    error_message = "The rules refer to a variable that the task does not get: add each \"env:NAME\" in rules and rules_toml to secrets."
  }
}

variable "operators_read_secrets" {
  description = "Whether the policy for operators allows reading the webhook secrets and the further secrets, which `branchline check` needs. A person with the webhook secret can sign any webhook: with false, only those who may read the secrets anyway can run it."
  type        = bool
  default     = true
  nullable    = false
}
