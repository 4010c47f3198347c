# A clone must never be a template. The names of both may contain wildcards, so this file finds the
# pairs of patterns that have a name in common. The policy of the daemon (iam.tf) refuses them.

locals {
  name_pairs = [
    for pair in setproduct(local.clone_names, local.template_names) : { clone = pair[0], template = pair[1] }
  ]

  # Each pattern as a regular expression over other patterns: a character of a name also matches the
  # wildcard ?, which can stand for it.
  name_expressions = {
    for name in distinct(concat(local.clone_names, local.template_names)) :
    name => "^${join("", [for char in split("", name) : char == "*" ? ".*" : char == "?" ? "." : "[${char}?]"])}$"
  }

  # What a pattern with * begins and ends with, the end in reverse. Two such patterns have a name in
  # common if neither their beginnings nor their ends contradict each other, because each * takes
  # the rest of the other pattern.
  name_ends = {
    for name in keys(local.name_expressions) :
    name => [split("*", name)[0], strrev(reverse(split("*", name))[0])]
  }

  clones_over_templates = [
    for pair in local.name_pairs : "${pair.clone} covers ${pair.template}" if(
      !strcontains(pair.template, "*") ? can(regex(local.name_expressions[pair.clone], pair.template)) :
      !strcontains(pair.clone, "*") ? can(regex(local.name_expressions[pair.template], pair.clone)) :
      alltrue(flatten([
        for side in [0, 1] : [
          for at in range(min([for name in values(pair) : length(local.name_ends[name][side])]...)) :
          length(setsubtract(distinct([for name in values(pair) : substr(local.name_ends[name][side], at, 1)]), ["?"])) < 2
        ]
      ]))
    )
  ]
}
