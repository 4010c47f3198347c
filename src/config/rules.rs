//! The meaning of `[[rule]]`.

use crate::line::ids::PipelineName;
use crate::line::naming::{NamePattern, Placeholder};
use crate::line::rule::{On, Patterns, Rule, Rules};

use super::changes;
use super::words::{Reading, Table, Word};

/// Reads every rule; what is wrong is noted.
pub(super) fn read(reading: &Reading<'_>, root: &Table<'_, '_>) -> Rules {
    let Some(tables) = root.tables("rule") else {
        let what = "missing: without a [[rule]] no webhook would make a pipeline";
        reading.note(format!("{}: rule", root.place()), what);
        return Rules(Vec::new());
    };
    let mut rules: Vec<Rule> = Vec::new();
    for (number, table) in (1..).zip(tables) {
        let name = table.text("name");
        if let Some(word) = name
            .as_ref()
            .filter(|word| rules.iter().any(|rule| rule.name == word.value))
        {
            reading.note(
                word.place.as_str(),
                format!("another rule is called '{}' already", word.value),
            );
        }
        let name = name.map_or_else(|| format!("rule {number}"), |word| word.value);
        rules.extend(rule(reading, &table, name));
        table.finish();
    }
    Rules(rules)
}

/// `None` when something essential is missing or wrong; it is noted, then.
fn rule(reading: &Reading<'_>, table: &Table<'_, '_>, name: String) -> Option<Rule> {
    let repository = required(reading, table, "repository", table.texts("repository"));
    let on = required(reading, table, "on", table.text("on")).and_then(|word| {
        let on = match word.value.as_str() {
            "pull_request" => Ok(On::PullRequest),
            "branch" => Ok(On::Branch),
            _ => Err("want \"pull_request\" or \"branch\""),
        };
        reading.noted(&word.place, on)
    });
    let template = required(reading, table, "template", table.text("template"))
        .and_then(|word| reading.noted(&word.place, PipelineName::parse(word.value)));
    let repository = repository.and_then(|word| {
        if word.value.is_empty() {
            reading.note(
                word.place.as_str(),
                "an empty list matches nothing: name repositories as owner/name",
            );
        }
        patterns(reading, word)
    });
    let base = table.texts("base");
    let branches = table
        .texts("branches")
        .and_then(|word| patterns(reading, word));
    let (drafts, forks) = (table.flag("drafts"), table.flag("forks"));
    let changes = changes::read(reading, table);
    let pattern = table.text("pipeline_name").map(|word| {
        let pattern = reading.noted(&word.place, NamePattern::parse(&word.value))?;
        check_pattern(reading, &word.place, &pattern, on?);
        Some(pattern)
    });
    if on == Some(On::Branch) {
        for key in ["base", "drafts", "forks"]
            .into_iter()
            .filter(|key| table.has(key))
        {
            reading.note(
                table.place(),
                format!("'{key}' is about pull requests, and this rule is on = \"branch\""),
            );
        }
    }
    let pipeline_name = match pattern {
        Some(pattern) => pattern?,
        None => NamePattern::parse(default_pattern(on?)).ok()?,
    };
    Some(Rule {
        name,
        repository: repository?,
        on: on?,
        base: base
            .and_then(|word| patterns(reading, word))
            .unwrap_or_default(),
        branches: branches.unwrap_or_default(),
        drafts: drafts.is_none_or(|word| word.value),
        forks: forks.is_some_and(|word| word.value),
        template: template?,
        pipeline_name,
        changes: changes?,
    })
}

fn default_pattern(on: On) -> &'static str {
    match on {
        On::PullRequest => "{repo}-pr-{number}",
        On::Branch => "{repo}-{branch}",
    }
}

/// A pattern must tell the subjects of its rule apart, and may only name what they have.
fn check_pattern(reading: &Reading<'_>, place: &str, pattern: &NamePattern, on: On) {
    let (has_number, has_branch) = (
        pattern.has(Placeholder::Number),
        pattern.has(Placeholder::Branch),
    );
    match on {
        On::PullRequest if !has_number => {
            reading.note(
                place,
                "needs {number}: without it two pull requests would share a pipeline",
            );
        }
        On::Branch if has_number => reading.note(place, "a branch has no {number}: use {branch}"),
        On::Branch if !has_branch => {
            reading.note(
                place,
                "needs {branch}: without it two branches would share a pipeline",
            );
        }
        On::PullRequest | On::Branch => {}
    }
}

fn patterns(reading: &Reading<'_>, word: Word<Vec<String>>) -> Option<Patterns> {
    match Patterns::parse(&word.value) {
        Ok(patterns) => Some(patterns),
        Err((place, why)) => {
            let glob = word
                .value
                .get(place)
                .map(String::as_str)
                .unwrap_or_default();
            reading.note(
                word.place,
                format!("the glob '{glob}' cannot be read: {why}"),
            );
            None
        }
    }
}

fn required<T>(
    reading: &Reading<'_>,
    table: &Table<'_, '_>,
    key: &str,
    word: Option<Word<T>>,
) -> Option<Word<T>> {
    if word.is_none() && !table.has(key) {
        reading.note(format!("{}.{key}", table.place()), "missing");
    }
    word
}
