//! Reads what gives each subject deployment targets of its own: `[rule.preview]`.

use crate::domain::clone::declaration::ActionPath;
use crate::domain::clone::overrides::{PreviewStacks, PreviewUrl, TeardownPolicy};
use crate::domain::report::ReportForm;
use crate::domain::rules::placeholder::{FormatString, Placeholder};
use crate::domain::rules::rule::On;

use crate::config::formats::{every, pattern};
use crate::config::words::{Diagnostics, Table};

/// The longest name of a parameter, in characters (CloudFormation user guide, "Parameters").
const NAME_LIMIT: usize = 255;

/// The longest suffix, in characters: a stack's name has at most 128 (CloudFormation API reference,
/// CreateStack), and the template's part of it is needed too.
const SUFFIX_LIMIT: usize = 64;

/// The keys about deployments at GitHub.
const DEPLOYMENT: &str = "deployment";
const ENVIRONMENT: &str = "environment";

/// Reads the table. `None` if a value is wrong, which is reported.
pub(super) fn read(
    diagnostics: &Diagnostics<'_>,
    rule: &Table<'_, '_>,
    on: Option<On>,
) -> Option<PreviewStacks> {
    let table = rule.table("preview");
    let suffix = stack_suffix(diagnostics, &table, on);
    let parameters = table.table("parameters").named_texts().into_iter();
    let parameters =
        every(parameters.map(|(name, value)| pattern(diagnostics, name, value, on, check_name)));
    let teardown = teardown(diagnostics, &table);
    let url = url(diagnostics, &table, on);
    table.expect(DEPLOYMENT);
    table.expect(ENVIRONMENT);
    table.finish();
    Some(PreviewStacks {
        stack_suffix: suffix?,
        parameters: parameters?,
        teardown: teardown?,
        url: url?,
    })
}

/// Reads whether commits have deployments at GitHub, and the name of their environment. By default
/// they have, if the rule gives each subject an environment and is reported. The outer `None` is a
/// mistake, which is reported. `form` and `on` are `None` if they are mistakes themselves.
pub(super) fn deployment(
    diagnostics: &Diagnostics<'_>,
    rule: &Table<'_, '_>,
    on: Option<On>,
    form: Option<Option<ReportForm>>,
) -> Option<Option<FormatString>> {
    let table = rule.table("preview");
    let is_wanted = table.flag(DEPLOYMENT);
    let name = table.text(ENVIRONMENT);
    if is_wanted.is_none() && table.has(DEPLOYMENT) || name.is_none() && table.has(ENVIRONMENT) {
        return None;
    }
    let (is_on, is_off) = match &is_wanted {
        Some(located) => (located.value, !located.value),
        None => (name.is_some(), false),
    };
    let asked = is_wanted.map(|located| located.place);
    if let Some(name) = name.as_ref().filter(|_| is_off) {
        let what = "has no effect with deployment = false: remove one of the two";
        diagnostics.note(&name.place, what);
        return None;
    }
    if is_on && form?.is_none() {
        let place = asked.or(name.map(|name| name.place));
        let what =
            "deployments need reports: set github.app or github.token, and no report = \"none\"";
        diagnostics.note(place?, what);
        return None;
    }
    let has_environment = table.has("stack_suffix") || table.has("url");
    if is_off || !(is_on || has_environment) || form?.is_none() {
        return Some(None);
    }
    let Some(name) = name else {
        return FormatString::parse(on?.default_environment())
            .ok()
            .map(Some);
    };
    let place = name.place.clone();
    let (_, format) = pattern(diagnostics, String::new(), name, on, |_| Ok(()))?;
    let format = match (on?.tells_apart(&format), on?) {
        (true, _) => Ok(Some(format)),
        (false, On::PullRequest) => Err(
            "two pull requests would share an environment: the name needs {number}, such as \"preview/pr-{number}\"",
        ),
        (false, On::Branch | On::MergeGroup) => Err(
            "two branches would share an environment: the name needs {branch_slug} and no other placeholder but {repo}, such as \"preview/{branch_slug}\"",
        ),
    };
    diagnostics.record_error(place, format)
}

fn teardown(diagnostics: &Diagnostics<'_>, table: &Table<'_, '_>) -> Option<TeardownPolicy> {
    let Some(located) = table.text("teardown") else {
        return (!table.has("teardown")).then(TeardownPolicy::default);
    };
    diagnostics.record_error(&located.place, TeardownPolicy::parse(&located.value))
}

fn stack_suffix(
    diagnostics: &Diagnostics<'_>,
    table: &Table<'_, '_>,
    on: Option<On>,
) -> Option<Option<FormatString>> {
    let Some(located) = table.text("stack_suffix") else {
        return (!table.has("stack_suffix")).then_some(None);
    };
    let place = located.place.clone();
    let (_, suffix) = pattern(diagnostics, String::new(), located, on, |_| Ok(()))?;
    let on = on?;
    let suffix = match on.tells_apart(&suffix) {
        true => is_legal_suffix(&suffix).map(|()| Some(suffix)),
        false if suffix.placeholders().any(|one| one == Placeholder::Number) => Err(
            "two pull requests could share a stack: keep {number} apart from other digits and placeholders, such as \"-pr-{number}\"",
        ),
        false if on == On::PullRequest => Err(
            "two pull requests would share a stack: the suffix needs {number}, such as \"-pr-{number}\"",
        ),
        false => Err(
            "two branches would share a stack: the suffix needs {branch_slug} and no other placeholder but {repo}, such as \"-branch-{branch_slug}\"",
        ),
    };
    diagnostics.record_error(place, suffix)
}

/// Refuses what no name of a stack may have (CloudFormation API reference, CreateStack,
/// `StackName`): it would be replaced, so that the stack would have another name.
fn is_legal_suffix(suffix: &FormatString) -> Result<(), &'static str> {
    let is_legal = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !suffix.fixed_texts().all(is_legal) {
        return Err(
            "the names of stacks have letters, digits and - only, such as \"-pr-{number}\"",
        );
    }
    match suffix.fixed_texts().map(str::len).sum::<usize>() <= SUFFIX_LIMIT {
        true => Ok(()),
        false => Err(
            "too long: expected at most 64 characters besides the placeholders, because the name of a stack has at most 128",
        ),
    }
}

/// Reads a URL with placeholders, or the place of an output variable.
fn url(
    diagnostics: &Diagnostics<'_>,
    table: &Table<'_, '_>,
    on: Option<On>,
) -> Option<Option<PreviewUrl>> {
    let Some(located) = table.text("url") else {
        return (!table.has("url")).then_some(None);
    };
    if located.value.starts_with("https://") || located.value.starts_with("http://") {
        let host = located.value.split('/').nth(2);
        if host.is_some_and(|host| host.contains('@')) {
            let what = "a name or a password before the host would be shown to everyone who reads the pull request: remove it";
            diagnostics.note(&located.place, what);
            return None;
        }
        if let Err(what) = check_host(host.unwrap_or_default()) {
            diagnostics.note(&located.place, what);
            return None;
        }
        let (_, format) = pattern(diagnostics, String::new(), located, on, |_| Ok(()))?;
        return Some(Some(PreviewUrl::Format(format)));
    }
    let output = located.value.rsplit_once('/').and_then(|(action, key)| {
        let action = ActionPath::parse(action)?;
        let key = key.to_owned();
        (!key.is_empty()).then_some(PreviewUrl::Output { action, key })
    });
    let output =
        output.ok_or("expected \"https://...\" or an output variable, as \"Stage/Action/Name\"");
    diagnostics.record_error(&located.place, output).map(Some)
}

/// Refuses a host that the author of a pull request could choose: the link is shown to everyone who
/// reads it.
fn check_host(host: &str) -> Result<(), &'static str> {
    let written = ["{branch}", "{base}", "{author}", "{title}"];
    let domain = host.rsplit_once('}').map_or(host, |(_, end)| end);
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || "\\?#".contains(c)) {
        return Err(
            "the address has no host: expected one such as \"https://pr-{number}.example.com\"",
        );
    }
    if written.iter().any(|placeholder| host.contains(placeholder)) {
        return Err(
            "people write this part of the host, and could name a host of their own: use {number}, or the placeholder with _slug",
        );
    }
    match host == domain || domain.starts_with(['.', '-']) && domain.contains('.') {
        true => Ok(()),
        false => {
            Err("the host must end with a domain, such as .example.com, and not with a placeholder")
        }
    }
}

fn check_name(name: &str) -> Result<(), &'static str> {
    let is_legal = name.chars().all(|c| c.is_ascii_alphanumeric());
    match is_legal && (1..=NAME_LIMIT).contains(&name.len()) {
        true => Ok(()),
        false => Err("not the name of a parameter of CloudFormation: expected letters and digits"),
    }
}
