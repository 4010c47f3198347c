//! Resolves `template` of a `[[rule]]`: the name of a pipeline, or a file of the repository with
//! the pipeline that gives it roles, artifact stores and the source.

use std::collections::BTreeSet;

use crate::domain::ids::PipelineName;
use crate::domain::rules::rule::{On, Start};
use crate::domain::rules::template_file::{FileAction, TemplateFileRule};

use crate::config::formats::words;
use crate::config::repository_file::{check_use, from_of, path_of};
use crate::config::words::{Diagnostics, Located, Table};

/// The longest name of a CodeBuild project, in characters (CodeBuild API reference,
/// `CreateProject.name`).
const MAX_PROJECT: usize = 150;

/// The template of a rule.
pub(super) struct RuleTemplate {
    /// The pipeline.
    pub(super) name: PipelineName,
    /// The file that declares the clone in its place.
    pub(super) file: Option<TemplateFileRule>,
}

/// Reads the template of a rule. `has_github` is true if `[github]` has credentials. `None` if a
/// value is missing or wrong, which is reported.
pub(super) fn read(
    diagnostics: &Diagnostics<'_>,
    rule: &Table<'_, '_>,
    on: Option<On>,
    start: Option<Start>,
    has_github: bool,
) -> Option<RuleTemplate> {
    if !rule.is_table("template") {
        let name = rule.text("template");
        if name.is_none() && !rule.has("template") {
            diagnostics.note(rule.place().key("template"), "missing: every rule needs it");
        }
        let name = pipeline(diagnostics, name)?;
        return Some(RuleTemplate { name, file: None });
    }
    let table = rule.table("template");
    let path = table.text("file");
    let from = table.text("from");
    let fallback = table.text("fallback");
    let actions = table.texts("actions");
    let projects = table.texts("projects");
    let fallback_missing = "missing: name the pipeline that gives the clone its role, artifact stores and source, and that is cloned for a commit without the file";
    for (key, what) in [
        ("file", "missing: name the file in the repository"),
        ("fallback", fallback_missing),
    ] {
        if !table.has(key) {
            diagnostics.note(table.place().key(key), what);
        }
    }
    let path = path_of(diagnostics, path);
    let from = from_of(diagnostics, from);
    check_use(diagnostics, &table, (on, from, start), has_github);
    let name = pipeline(diagnostics, fallback);
    let actions = match actions {
        Some(located) => words(diagnostics, &located, &FileAction::ALL, FileAction::as_str),
        None => Some(FileAction::DEFAULT.into()),
    };
    let projects = match projects {
        Some(located) => names(diagnostics, located).map(Some),
        None => Some(None),
    };
    table.finish();
    let file = TemplateFileRule {
        path: path?,
        from: from?,
        actions: actions?,
        projects: projects?,
    };
    Some(RuleTemplate {
        name: name?,
        file: Some(file),
    })
}

fn pipeline(
    diagnostics: &Diagnostics<'_>,
    located: Option<Located<String>>,
) -> Option<PipelineName> {
    let located = located?;
    diagnostics.record_error(&located.place, PipelineName::parse(located.value))
}

fn names(diagnostics: &Diagnostics<'_>, located: Located<Vec<String>>) -> Option<BTreeSet<String>> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let is_name =
        |name: &String| (1..=MAX_PROJECT).contains(&name.len()) && name.chars().all(legal);
    let are_names = !located.value.is_empty() && located.value.iter().all(is_name);
    let found = are_names.then(|| located.value.into_iter().collect());
    let what = "expected a list of names of CodeBuild projects";
    diagnostics.record_error(&located.place, found.ok_or(what))
}
