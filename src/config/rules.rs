//! Resolves `[[rule]]`.

use crate::domain::report::ReportForm;
use crate::domain::rules::glob::GlobFilter;
use crate::domain::rules::pipeline_name::NamePattern;
use crate::domain::rules::placeholder::Placeholder;
use crate::domain::rules::rule::{On, Rule, Rules, Start, Update};

use crate::config::environment::Environment;
use crate::config::problem::Place;
use crate::config::words::{Diagnostics, Located, Table};
use crate::config::{changes, limits, preview, report, repository_file, retention, template};

/// Reads every rule. Mistakes go to the diagnostics. `reports` is the richest form of report for
/// which `[github]` has credentials.
pub(super) fn read(
    diagnostics: &Diagnostics<'_>,
    root: &Table<'_, '_>,
    environment: &impl Environment,
    reports: Option<ReportForm>,
) -> Rules {
    let Some(tables) = root.tables("rule") else {
        let what = "missing: without a [[rule]] no webhook creates a pipeline";
        diagnostics.note(format!("{}: rule", root.place()), what);
        return Rules::new(Vec::new());
    };
    let mut rules: Vec<Rule> = Vec::new();
    for (number, table) in (1..).zip(tables) {
        let name = table.text("name");
        if let Some(located) = name
            .as_ref()
            .filter(|located| located.value.trim().is_empty())
        {
            let what = "empty: give the rule a name, or remove the key";
            diagnostics.note(&located.place, what);
        }
        if let Some(located) = name
            .as_ref()
            .filter(|located| rules.iter().any(|rule| rule.name == located.value))
        {
            diagnostics.note(
                &located.place,
                format!(
                    "another rule has the name '{}': give each rule its own",
                    located.value
                ),
            );
        }
        let name = name.map_or_else(|| format!("rule {number}"), |located| located.value);
        if let Some(rule) = rule(diagnostics, &table, name, environment, reports) {
            refuse_shadowed(diagnostics, &table, &rules, &rule);
            refuse_shared_stacks(diagnostics, &table, &rules, &rule);
            refuse_teardown(diagnostics, &table, &rule);
            rules.push(rule);
        }
        table.finish();
    }
    Rules::new(rules)
}

/// Reads one rule. `None` if an essential value is missing or wrong, which is reported.
fn rule(
    diagnostics: &Diagnostics<'_>,
    table: &Table<'_, '_>,
    name: String,
    environment: &impl Environment,
    reports: Option<ReportForm>,
) -> Option<Rule> {
    let repository = required(diagnostics, table, "repository", table.texts("repository"));
    let on = subject_kind(diagnostics, table);
    let repository = repository.and_then(|globs| repositories(diagnostics, globs));
    let base = table.texts("base");
    let branches = table
        .texts("branches")
        .and_then(|located| patterns(diagnostics, located));
    let drafts = table.flag("drafts");
    refuse_forks(diagnostics, table);
    let changes = changes::read(diagnostics, table, on, environment);
    let start = chosen(diagnostics, table.text("start"), Start::Auto, &STARTS);
    let template = template::read(diagnostics, table, on, start, reports.is_some());
    let file = repository_file::read(diagnostics, table, on, start, reports.is_some());
    let update = chosen(
        diagnostics,
        table.text("update"),
        Update::NextStart,
        &UPDATES,
    );
    let stop_on_close = table.flag("stop_on_close");
    let max_active = limits::max_active(diagnostics, table);
    if table.has("max_active") && !table.has("name") {
        let what =
            "a rule with max_active needs a name, under which its clones are counted: set name";
        diagnostics.note(table.place(), what);
    }
    let retention = retention::read(diagnostics, table);
    let pipeline_name = pipeline_name(diagnostics, table, on);
    let report = report::form(diagnostics, table, reports);
    let context = report::context(diagnostics, table, &name);
    let comment = report::comment(diagnostics, table, report, on);
    let deployment = preview::deployment(diagnostics, table, on, report);
    match on {
        Some(On::Branch) => {
            let keys = ["base", "drafts", "forks", "keep_label"];
            refuse_keys(diagnostics, table, On::Branch, &keys);
        }
        Some(On::MergeGroup) => {
            let keys = [
                "branches",
                "drafts",
                "forks",
                "idle",
                "max_age",
                "keep_label",
                "on_full",
            ];
            refuse_keys(diagnostics, table, On::MergeGroup, &keys);
        }
        Some(On::PullRequest) | None => {}
    }
    let template = template?;
    let rule = Rule {
        name,
        digest: table.digest_without("name"),
        repository: repository?,
        on: on?,
        base: base
            .and_then(|located| patterns(diagnostics, located))
            .unwrap_or_default(),
        branches: branches.unwrap_or_default(),
        drafts: drafts.is_none_or(|located| located.value),
        template: template.name,
        template_file: template.file,
        pipeline_name: pipeline_name?,
        overrides: changes?,
        repository_file: file?,
        start: start?,
        update: update?,
        stop_on_close: stop_on_close.is_some_and(|located| located.value),
        max_active: max_active?,
        retention: retention?,
        report: report?,
        context: context?,
        comment: comment?,
        deployment: deployment?,
    };
    if rule.start == Start::Push && rule.uses(Placeholder::Sha) {
        let what = "{sha} is not known to an execution that the clone starts by itself: use start = \"commit\"";
        diagnostics.note(table.place(), what);
    }
    Some(rule)
}

fn subject_kind(diagnostics: &Diagnostics<'_>, table: &Table<'_, '_>) -> Option<On> {
    let located = required(diagnostics, table, "on", table.text("on"))?;
    let mut all = On::ALL.into_iter();
    let on = all.find(|on| on.as_str() == located.value);
    let wrong = "expected \"pull_request\", \"branch\" or \"merge_group\"";
    diagnostics.record_error(&located.place, on.ok_or(wrong))
}

fn repositories(diagnostics: &Diagnostics<'_>, globs: Located<Vec<String>>) -> Option<GlobFilter> {
    if globs.value.is_empty() {
        let what = "an empty list matches nothing: give globs over owner/name";
        diagnostics.note(&globs.place, what);
    }
    let parsed = GlobFilter::parse_repositories(&globs.value);
    checked(diagnostics, globs, parsed)
}

fn pipeline_name(
    diagnostics: &Diagnostics<'_>,
    table: &Table<'_, '_>,
    on: Option<On>,
) -> Option<NamePattern> {
    let Some(text) = table.text("pipeline_name") else {
        return NamePattern::parse(on?.default_pipeline_name()).ok();
    };
    let pattern = diagnostics.record_error(&text.place, NamePattern::parse(&text.value))?;
    check_pattern(diagnostics, &text.place, &pattern, on?);
    Some(pattern)
}

/// Refuses `forks = true`: the template's connection fetches the base repository, so the clone
/// would build its branch of the same name and record the fork's commit as built.
fn refuse_forks(diagnostics: &Diagnostics<'_>, table: &Table<'_, '_>) {
    let forks = table.flag("forks");
    if let Some(located) = forks.filter(|located| located.value) {
        let what = "pull requests from forks cannot be built yet: a clone would build the branch of the same name in the base repository, not the fork's commit; remove forks, or set it to false";
        diagnostics.note(located.place, what);
    }
}

/// Refuses a rule that never applies, since an earlier one admits all that it admits.
fn refuse_shadowed(
    diagnostics: &Diagnostics<'_>,
    table: &Table<'_, '_>,
    earlier: &[Rule],
    rule: &Rule,
) {
    if let Some(earlier) = earlier.iter().find(|earlier| earlier.shadows(rule)) {
        let what = format!(
            "never applies: '{}' above admits everything that this rule admits, and the first rule that matches is used; put this rule first, or narrow the other",
            earlier.name
        );
        diagnostics.note(table.place(), what);
    }
}

/// Refuses stacks that a branch and a pull request could share: a person who may push could name a
/// branch so that its stack is that of a pull request.
fn refuse_shared_stacks(
    diagnostics: &Diagnostics<'_>,
    table: &Table<'_, '_>,
    earlier: &[Rule],
    rule: &Rule,
) {
    let Some(suffix) = &rule.overrides.preview.stack_suffix else {
        return;
    };
    let shares = |other: &&Rule| {
        let theirs = other.overrides.preview.stack_suffix.as_ref();
        other.on != rule.on
            && other.template == rule.template
            && theirs.is_some_and(|theirs| theirs.may_begin_like(suffix))
    };
    if let Some(other) = earlier.iter().find(shares) {
        let what = format!(
            "preview.stack_suffix: a {} could have the stack of a {} of rule '{}': let the two suffixes begin with different words, such as \"-pr-{{number}}\" and \"-branch-{{branch_slug}}\"",
            rule.on.in_words(),
            other.on.in_words(),
            other.name
        );
        diagnostics.note(table.place(), what);
    }
}

/// Refuses a way to remove environments that cannot work for this rule.
fn refuse_teardown(diagnostics: &Diagnostics<'_>, table: &Table<'_, '_>, rule: &Rule) {
    if rule.overrides.preview.teardown.template() == Some(&rule.template) {
        let what = "preview.teardown names the template of the rule, which deploys: name a pipeline that removes the environment";
        diagnostics.note(table.place(), what);
    }
}

/// Refuses the keys that say nothing about this kind of subject.
fn refuse_keys(diagnostics: &Diagnostics<'_>, table: &Table<'_, '_>, on: On, keys: &[&str]) {
    for key in keys.iter().filter(|key| table.has(key)) {
        let what = format!(
            "'{key}' does not apply to a rule with on = \"{}\": remove it",
            on.as_str()
        );
        diagnostics.note(table.place(), what);
    }
}

/// The values of `start`.
const STARTS: [(&str, Start); 3] = [
    ("commit", Start::Commit),
    ("head", Start::Head),
    ("push", Start::Push),
];
/// The values of `update`.
const UPDATES: [(&str, Update); 2] = [("next-start", Update::NextStart), ("never", Update::Never)];

/// Returns the value with this name, or the default. `None` if no value has it.
fn chosen<T: Copy>(
    diagnostics: &Diagnostics<'_>,
    located: Option<Located<String>>,
    default: T,
    values: &[(&str, T)],
) -> Option<T> {
    let Some(located) = located else {
        return Some(default);
    };
    let found = values.iter().find(|(name, _)| *name == located.value);
    let names: Vec<String> = values
        .iter()
        .map(|(name, _)| format!("\"{name}\""))
        .collect();
    let found = found.ok_or_else(|| format!("expected one of {}", names.join(", ")));
    diagnostics
        .record_error(&located.place, found)
        .map(|(_, value)| *value)
}

/// Checks that a pattern gives each subject of its rule another name, and uses only placeholders
/// that they have.
fn check_pattern(diagnostics: &Diagnostics<'_>, place: &Place, pattern: &NamePattern, on: On) {
    let has = |wanted: &[Placeholder]| pattern.placeholders().any(|found| wanted.contains(&found));
    let has_number = has(&[Placeholder::Number]);
    let missing = pattern.placeholders().find(|found| !on.has(*found));
    let has_branch = has(&[Placeholder::Branch, Placeholder::BranchSlug]);
    match on {
        On::PullRequest if !has_number => {
            diagnostics.note(
                place,
                "needs {number}: without it two pull requests would share a pipeline",
            );
        }
        On::Branch | On::MergeGroup if let Some(wrong) = missing => {
            let what = format!(
                "a {} has no {{{}}}: use {{branch}}",
                on.in_words(),
                wrong.as_str()
            );
            diagnostics.note(place, what);
        }
        On::Branch | On::MergeGroup if !has_branch => {
            diagnostics.note(
                place,
                "needs {branch}: without it two branches would share a pipeline",
            );
        }
        On::PullRequest | On::Branch | On::MergeGroup => {}
    }
}

fn patterns(diagnostics: &Diagnostics<'_>, located: Located<Vec<String>>) -> Option<GlobFilter> {
    let parsed = GlobFilter::parse(&located.value);
    checked(diagnostics, located, parsed)
}

/// Returns the filter, or records which of the globs is not valid.
fn checked(
    diagnostics: &Diagnostics<'_>,
    located: Located<Vec<String>>,
    parsed: Result<GlobFilter, (usize, String)>,
) -> Option<GlobFilter> {
    match parsed {
        Ok(patterns) => Some(patterns),
        Err((place, why)) => {
            let glob = located
                .value
                .get(place)
                .map(String::as_str)
                .unwrap_or_default();
            diagnostics.note(located.place, format!("invalid glob '{glob}': {why}"));
            None
        }
    }
}

fn required<T>(
    diagnostics: &Diagnostics<'_>,
    table: &Table<'_, '_>,
    key: &str,
    located: Option<Located<T>>,
) -> Option<Located<T>> {
    if located.is_none() && !table.has(key) {
        diagnostics.note(table.place().key(key), "missing: every rule needs it");
    }
    located
}
