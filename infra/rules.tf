# The rules as TOML, and what the permissions need to know of them: the names of templates and
# clones, and the roles of clones.

locals {
  # JSON strings, numbers and lists of strings are valid TOML. A table is an inline table. With
  # template_file, the template is a table, and the rule's template its fallback.
  rules_toml = join("\n", [
    for index, rule in var.rules : join("\n", concat(
      ["[[rule]]"],
      [
        for key, value in merge(rule, { template_file = null }, [for file in [rule.template_file] : { template = merge(file, { fallback = rule.template }) } if file != null]...) : format("%s = %s", key,
          !can(keys(value)) ? jsonencode(value) :
          format("{ %s }", join(", ", [
            for name, inner in value : format("%s = %s", jsonencode(name),
              !can(keys(inner)) ? jsonencode(inner) :
              format("{ %s }", join(", ", [for each, text in inner : format("%s = %s", jsonencode(each), jsonencode(text))]))
            ) if inner != null
          ]))
        ) if value != null && !contains(["variables", "raw_variables"], key)
      ],
      length(local.rule_variables[index]) == 0 ? [] : [format("variables = { %s }", join(", ", local.rule_variables[index]))],
      [""],
    ))
  ])

  rule_variables = [
    for rule in var.rules : concat(
      [for name, text in coalesce(rule.variables, {}) : format("%s = %s", jsonencode(name), jsonencode(text))],
      [for name, text in coalesce(rule.raw_variables, {}) : format("%s = { value = %s, raw = true }", jsonencode(name), jsonencode(text))],
    )
  ]

  bound_secrets_toml = join("\n", [
    for secret in var.github.secret : join("\n", concat(
      ["[[github.secret]]"],
      [for key, value in secret : format("%s = %s", key, jsonencode(value)) if value != null],
      [""],
    ))
  ])

  # --- Names for IAM ---

  # The name of a clone as a pattern of IAM. The owner and the name of a repository are known unless
  # a glob selects it; every other placeholder can be any text. If all globs exclude, everything
  # else matches.
  clone_patterns = distinct(flatten([
    for rule in var.rules : [
      for glob in alltrue([for each in rule.repository : startswith(each, "!")]) ? ["**"] : rule.repository : replace(replace(replace(replace(
        coalesce(rule.pipeline_name, rule.on == "pull_request" ? "{repo}-pr-{number}" : "{repo}@{branch}"),
        "{owner}", can(regex("^[A-Za-z0-9_.-]+/", glob)) ? split("/", glob)[0] : "*"),
        "{repo}", can(regex("/[A-Za-z0-9_.-]+$", glob)) ? split("/", glob)[1] : "*"),
      "/\\{[a-z_]+\\}/", "*"), "/\\*+/", "*")
      if !startswith(glob, "!")
    ]
  ]))

  # Those with which environments are removed are read as well, and never changed.
  teardown_names = [for rule in var.rules : trimprefix(rule.preview.teardown, "pipeline:") if startswith(coalesce(try(rule.preview.teardown, null), "-"), "pipeline:")]
  template_names = distinct(concat(var.template_names, [for rule in var.rules : rule.template], local.teardown_names))
  clone_names    = distinct(concat(var.clone_names, local.clone_patterns))

  # Whether the daemon deletes stacks itself.
  toml_deletes_stacks = can(regex("(?m)^[^#\\n]*\\bteardown[ \\t]*=[ \\t]*[\"']stacks[\"']", var.rules_toml))
  deletes_stacks      = local.toml_deletes_stacks || anytrue([for rule in var.rules : try(rule.preview.teardown, null) == "stacks"])

  # A project of a clone begins with the name of the clone, where CodeBuild allows its characters.
  project_names = var.codebuild_projects == null ? [] : distinct([
    for name in local.clone_names : "${replace(replace(name, "/[^A-Za-z0-9_*?-]/", "-"), "/^[_-]+/", "")}-*"
  ])
  template_project_names = try(var.codebuild_projects.templates, [])

  # "template" keeps the template's role.
  rule_roles = distinct([
    for arn in flatten([for rule in var.rules : [rule.role_arn, rule.action_role_arn]]) : arn if arn != null && arn != "template"
  ])
  pipeline_role_arns = distinct(concat(var.pipeline_role_arns, local.rule_roles))
  build_role_arns    = distinct(concat(var.build_role_arns, [for rule in var.rules : rule.build_role_arn if rule.build_role_arn != null]))

  # --- TOML text of others ---

  # Terraform cannot parse TOML. This takes it apart from the inside: texts, comments, the names of
  # tables, numbers, and then lists and inline tables become V or nothing. What is left of a line
  # must be `key = V` or empty.
  toml_texts    = replace(replace(var.rules_toml, "/\"\"\"(?s:.*?)\"\"\"|'''(?s:.*?)'''/", "V"), "/\"(?:[^\"\\\\\\n]|\\\\.)*\"|'[^'\\n]*'/", "V")
  toml_bare     = replace(local.toml_texts, "/#[^\\n]*/", "")
  toml_plain    = replace(local.toml_bare, "/(?m)^[ \\t]*(?:\\[\\[[A-Za-z0-9_. -]+\\]\\]|\\[[A-Za-z0-9_. -]+\\])[ \\t]*$/", "")
  toml_values   = replace(local.toml_plain, "/([=\\[,]\\s*)(?:true|false|[+-]?[0-9][0-9_.eE+:TZ-]*)/", "$${1}V")
  toml_nested   = "/\\[\\s*(?:V\\s*(?:,\\s*V\\s*)*,?\\s*)?\\]|\\{[ \\t]*(?:[A-Za-z0-9_.-]+[ \\t]*=[ \\t]*V[ \\t]*(?:,[ \\t]*[A-Za-z0-9_.-]+[ \\t]*=[ \\t]*V[ \\t]*)*)?\\}/"
  toml_flat     = replace(replace(replace(replace(local.toml_values, local.toml_nested, "V"), local.toml_nested, "V"), local.toml_nested, "V"), local.toml_nested, "V")
  toml_mistakes = [for line in split("\n", local.toml_flat) : trimspace(line) if !can(regex("^\\s*(?:[A-Za-z0-9_.-]+\\s*=\\s*V)?\\s*$", line))]

  # Of a table with another name, the daemon would know no key.
  toml_tables       = [for match in regexall("(?m)^[ \\t]*(\\[.*\\])[ \\t]*$", local.toml_bare) : match[0]]
  toml_other_tables = [for table in local.toml_tables : table if !can(regex("^(\\[\\[ *(rule|github *[.] *secret) *\\]\\]|\\[ *rule *[.][A-Za-z0-9_. -]+\\])$", table))]
  toml_begins       = trimspace(local.toml_bare) == "" || can(regex("^\\s*\\[\\[", local.toml_bare))

  # A template is a name, the fallback of a file, or what removes environments.
  toml_teardowns = [for match in regexall("(?m)^[^#\\n]*\\bteardown[ \\t]*=[ \\t]*[\"']pipeline:([^\"'\\n]+)[\"']", var.rules_toml) : match[0]]
  toml_templates = distinct(concat(local.toml_teardowns, [for match in regexall("(?m)^[ \\t]*(?:template|[^#\\n]*\\bfallback)[ \\t]*=[ \\t]*[\"']([^\"'\\n]+)[\"']", var.rules_toml) : match[0]]))
  unknown_templates = [
    for name in local.toml_templates : name
    if !anytrue([for pattern in local.template_names : can(regex(format("^%s$", replace(replace(replace(pattern, ".", "[.]"), "*", ".*"), "?", ".")), name))])
  ]
}
