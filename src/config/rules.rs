//! The meaning of `[[rule]]`.

use crate::domain::ids::PipelineName;
use crate::domain::rules::pipeline_name::NamePattern;
use crate::domain::rules::placeholder::Placeholder;
use crate::domain::rules::rule::{GlobFilter, On, Rule, Rules, Start, Update};

use crate::config::environment::Surroundings;
use crate::config::words::{Reading, Table, Word};
use crate::config::{changes, limits};

/// Reads every rule; what is wrong is noted.
pub(super) fn read(
    reading: &Reading<'_>,
    root: &Table<'_, '_>,
    surroundings: &impl Surroundings,
) -> Rules {
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
        rules.extend(rule(reading, &table, name, surroundings));
        table.finish();
    }
    Rules(rules)
}

/// `None` when something essential is missing or wrong; it is noted, then.
fn rule(
    reading: &Reading<'_>,
    table: &Table<'_, '_>,
    name: String,
    surroundings: &impl Surroundings,
) -> Option<Rule> {
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
    let changes = changes::read(reading, table, on, surroundings);
    let start = chosen(reading, table.text("start"), Start::Auto, &STARTS);
    let update = chosen(reading, table.text("update"), Update::NextStart, &UPDATES);
    let stop_on_close = table.flag("stop_on_close");
    let max_active = limits::max_active(reading, table);
    if table.has("max_active") && !table.has("name") {
        let what = "a rule with max_active needs a name: its clones are counted under it";
        reading.note(table.place(), what);
    }
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
    let rule = Rule {
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
        overrides: changes?,
        start: start?,
        update: update?,
        stop_on_close: stop_on_close.is_some_and(|word| word.value),
        max_active: max_active?,
    };
    if rule.start == Start::Push && rule.uses(Placeholder::Sha) {
        let what =
            "an execution that the clone starts by itself is told no {sha}: use start = \"commit\"";
        reading.note(table.place(), what);
    }
    Some(rule)
}

/// The words of `start`.
const STARTS: [(&str, Start); 3] = [
    ("commit", Start::Commit),
    ("head", Start::Head),
    ("push", Start::Push),
];
/// The words of `update`.
const UPDATES: [(&str, Update); 2] = [("next-start", Update::NextStart), ("never", Update::Never)];

/// What a word means; `None` where it is none of these.
fn chosen<T: Copy>(
    reading: &Reading<'_>,
    word: Option<Word<String>>,
    default: T,
    words: &[(&str, T)],
) -> Option<T> {
    let Some(word) = word else {
        return Some(default);
    };
    let found = words.iter().find(|(name, _)| *name == word.value);
    let names: Vec<String> = words
        .iter()
        .map(|(name, _)| format!("\"{name}\""))
        .collect();
    let found = found.ok_or_else(|| format!("want one of {}", names.join(", ")));
    reading
        .noted(&word.place, found)
        .map(|(_, meaning)| *meaning)
}

fn default_pattern(on: On) -> &'static str {
    match on {
        On::PullRequest => "{repo}-pr-{number}",
        On::Branch => "{repo}-{branch}",
    }
}

/// A pattern must tell the subjects of its rule apart, and may only name what they have.
fn check_pattern(reading: &Reading<'_>, place: &str, pattern: &NamePattern, on: On) {
    let has = |wanted: &[Placeholder]| pattern.placeholders().any(|found| wanted.contains(&found));
    let has_number = has(&[Placeholder::Number]);
    let of_pulls = pattern
        .placeholders()
        .find(|found| found.is_of_pull_requests());
    let has_branch = has(&[Placeholder::Branch, Placeholder::Slug]);
    match on {
        On::PullRequest if !has_number => {
            reading.note(
                place,
                "needs {number}: without it two pull requests would share a pipeline",
            );
        }
        On::Branch if let Some(wrong) = of_pulls => {
            let what = format!("a branch has no {{{}}}: use {{branch}}", wrong.word());
            reading.note(place, what);
        }
        On::Branch if !has_branch => {
            reading.note(
                place,
                "needs {branch}: without it two branches would share a pipeline",
            );
        }
        On::PullRequest | On::Branch => {}
    }
}

fn patterns(reading: &Reading<'_>, word: Word<Vec<String>>) -> Option<GlobFilter> {
    match GlobFilter::parse(&word.value) {
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
