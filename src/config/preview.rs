//! Reads what gives each subject deployment targets of its own: `[rule.preview]`.

use crate::domain::clone::declaration::ActionPath;
use crate::domain::clone::overrides::{PreviewStacks, PreviewUrl, TeardownPolicy};
use crate::domain::foreign_text::{clean, is_web_page};
use crate::domain::report::ReportForm;
use crate::domain::rules::placeholder::{FormatString, Placeholder};
use crate::domain::rules::rule::On;

use crate::config::formats::{every, pattern};
use crate::config::words::{Diagnostics, Located, Table};

/// The longest name of a parameter, in characters (CloudFormation user guide, "Parameters").
const NAME_LIMIT: usize = 255;

/// The longest suffix, in characters: a stack's name has at most 128 (CloudFormation API reference,
/// CreateStack), and the template's part of it is needed too.
const SUFFIX_LIMIT: usize = 64;

/// The longest name of an environment, in characters (GitHub Docs, "Managing environments for
/// deployment").
const ENVIRONMENT_LIMIT: usize = 255;

/// The keys about deployments at GitHub.
const DEPLOYMENT: &str = "deployment";
const ENVIRONMENT: &str = "environment";
/// The key of the suffix of stacks.
pub(super) const STACK_SUFFIX: &str = "stack_suffix";
/// The key of the link to the environment.
const URL: &str = "url";
/// The schemes of the web, in lower case.
const SCHEMES: [&str; 2] = ["https://", "http://"];

/// Reads the table. `None` if a value is wrong, which is reported.
pub(super) fn read(
    diagnostics: &Diagnostics<'_>,
    rule: &Table<'_, '_>,
    on: Option<On>,
) -> Option<PreviewStacks> {
    let table = rule.table("preview");
    let suffix = stack_suffix(diagnostics, &table, on);
    let parameters = parameters(diagnostics, &table.table("parameters"), on);
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

fn parameters(
    diagnostics: &Diagnostics<'_>,
    table: &Table<'_, '_>,
    on: Option<On>,
) -> Option<Vec<(String, FormatString)>> {
    let named = table.named_texts().into_iter();
    let read = named.map(|(name, value)| pattern(diagnostics, name, value, on, check_name));
    let parameters = every(read)?;
    let checked = PreviewStacks::check_parameters(&parameters);
    diagnostics.record_error(table.place(), checked.map(|()| parameters))
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
    if let (Some(None), Some(url)) = (form, table.text(URL)) {
        let what = "nothing shows it without reports: set github.app or github.token, and no report = \"none\", or remove it";
        diagnostics.note(url.place, what);
        return None;
    }
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
    let has_environment = table.has(STACK_SUFFIX) || table.has(URL);
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
    let longest = format.longest();
    if longest > ENVIRONMENT_LIMIT {
        let what = format!(
            "too long: GitHub accepts the name of an environment with at most {ENVIRONMENT_LIMIT} characters, and this may have {longest}"
        );
        diagnostics.note(place, what);
        return None;
    }
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
    let Some(located) = table.text(STACK_SUFFIX) else {
        return (!table.has(STACK_SUFFIX)).then_some(None);
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
    let Some(mut located) = table.text(URL) else {
        return (!table.has(URL)).then_some(None);
    };
    let scheme = SCHEMES.into_iter().find(|scheme| {
        let start = located.value.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    if let Some(scheme) = scheme {
        located.value.replace_range(..scheme.len(), scheme);
        return link(diagnostics, located, on).map(|format| Some(PreviewUrl::Format(format)));
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

/// Reads a URL with placeholders.
fn link(
    diagnostics: &Diagnostics<'_>,
    located: Located<String>,
    on: Option<On>,
) -> Option<FormatString> {
    let place = located.place.clone();
    let host = located.value.split('/').nth(2).unwrap_or_default();
    if host.contains('@') {
        let what = "a name or a password before the host would be shown to everyone who reads the pull request: remove it";
        diagnostics.note(place, what);
        return None;
    }
    diagnostics.record_error(&place, check_host(host))?;
    let (_, format) = pattern(diagnostics, String::new(), located, on, |_| Ok(()))?;
    let checked = check_link(&format.example()).map(|()| format);
    diagnostics.record_error(place, checked)
}

/// Refuses an address that would never be linked, whatever its placeholders stand for.
fn check_link(example: &str) -> Result<(), &'static str> {
    let shown = clean(example);
    // A text that is too long is cut.
    let has_secret = shown != example && !shown.ends_with('…');
    match (is_web_page(example), has_secret) {
        (true, _) => Ok(()),
        (false, true) => Err(
            "a token or a password in the address would be shown to everyone who reads the pull request: remove it",
        ),
        (false, false) => Err(
            "it would not be linked: expected at most 600 visible ASCII characters, without quotes and < > \\ ^ ` { | }",
        ),
    }
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
        false => Err(
            "not the name of a parameter of CloudFormation: expected 1 to 255 letters and digits",
        ),
    }
}
