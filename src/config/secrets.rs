//! Resolves references to secrets, once at start. A secret is never printed, and never in the file.

use crate::domain::intake::authenticated::{SecretScope, Secrets};
use crate::domain::rules::glob::GlobFilter;
use crate::domain::secret::Secret;

use crate::config::environment::Environment;
use crate::config::problem::Place;
use crate::config::words::{Diagnostics, Located, Table};

/// The most characters of a secret's name, which is a label of a metric.
const NAME_LENGTH: usize = 100;

/// A webhook secret as configured: an item of `secrets`, or a `[[github.secret]]`.
struct Configured {
    /// Where it stands, for mistakes.
    place: Place,
    /// `secret 1`, counted within its key; empty for a table, whose place has the number.
    prefix: String,
    name: String,
    reference: String,
    repositories: Option<GlobFilter>,
    /// False if its name or its repositories are wrong, which is reported. Such a secret proves
    /// nothing: it must not lose its binding.
    is_valid: bool,
}

/// Resolves every webhook secret of `[github]`. Mistakes go to the diagnostics.
pub(super) fn read(
    diagnostics: &Diagnostics<'_>,
    github: &Table<'_, '_>,
    environment: &impl Environment,
) -> Secrets {
    let configured = configured(diagnostics, github);
    if !github.has("secrets") && !github.has("secret") {
        let what = "missing: webhooks cannot be authenticated without a secret; set it to [\"env:NAME\"], or write a [[github.secret]]";
        diagnostics.note(github.place().key("secrets"), what);
    }
    let mut secrets = Secrets::default();
    let mut values: Vec<(Vec<u8>, String)> = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for one in &configured {
        let note = |what: String| diagnostics.note(&one.place, one.prefix.clone() + &what);
        if names.contains(&one.name.as_str()) {
            note(format!(
                "another secret has the name '{}': give each its own with name, and list each reference once",
                one.name
            ));
        }
        names.push(&one.name);
        let value = match resolve(&one.reference, environment) {
            Ok(value) => value,
            Err(why) => {
                note(why);
                continue;
            }
        };
        let same = values.iter().find(|(other, _)| *other == value);
        if let Some((_, other)) = same.filter(|(_, other)| *other != one.name)
            && !environment.hides_secrets()
        {
            note(format!(
                "has the same value as '{other}', so neither tells who signed: give each its own value"
            ));
        }
        one.add_to(&mut secrets, &value);
        values.push((value, one.name.clone()));
    }
    secrets
}

/// Resolves the webhook secrets that can be read, and says why the others cannot.
pub(super) fn readable(
    diagnostics: &Diagnostics<'_>,
    github: &Table<'_, '_>,
    environment: &impl Environment,
) -> (Option<Secrets>, Vec<String>) {
    let (mut secrets, mut unreadable) = (Secrets::default(), Vec::new());
    for one in configured(diagnostics, github) {
        match resolve(&one.reference, environment) {
            Ok(value) => one.add_to(&mut secrets, &value),
            Err(why) => {
                secrets.add_unreadable();
                unreadable.push(format!("secret '{}': {why}", one.name));
            }
        }
    }
    let is_empty = secrets.scopes().next().is_none();
    ((!is_empty).then_some(secrets), unreadable)
}

impl Configured {
    fn add_to(&self, secrets: &mut Secrets, value: &[u8]) {
        if self.is_valid {
            let scope = SecretScope {
                name: self.name.clone(),
                repositories: self.repositories.clone(),
            };
            secrets.add(scope, value);
        }
    }
}

/// Reads `secrets`, whose items are for all repositories, and each `[[github.secret]]`.
fn configured(diagnostics: &Diagnostics<'_>, github: &Table<'_, '_>) -> Vec<Configured> {
    let mut configured = Vec::new();
    if let Some(references) = github.texts("secrets") {
        if references.value.is_empty() {
            diagnostics.note(
                &references.place,
                "an empty list authenticates nothing; set it to [\"env:NAME\"]",
            );
        }
        let numbered = (1..).zip(references.value);
        configured.extend(numbered.map(|(number, reference)| Configured {
            place: references.place.clone(),
            prefix: format!("secret {number}: "),
            name: name_of(&reference, number),
            reference,
            repositories: None,
            is_valid: true,
        }));
    }
    let first = configured.len() + 1;
    for (number, table) in (first..).zip(github.tables("secret").unwrap_or_default()) {
        configured.extend(table_secret(diagnostics, &table, number));
        table.finish();
    }
    configured
}

/// Reads one `[[github.secret]]`. `None` if it has no value, which is reported.
fn table_secret(
    diagnostics: &Diagnostics<'_>,
    table: &Table<'_, '_>,
    number: usize,
) -> Option<Configured> {
    let value = table.text("value");
    if value.is_none() && !table.has("value") {
        diagnostics.note(
            table.place().key("value"),
            "missing: set it to \"env:NAME\" or \"file:PATH\"",
        );
    }
    let name = table.text("name").and_then(|name| {
        let valid = secret_name(&name.value);
        diagnostics.record_error(&name.place, valid.map(|()| name.value))
    });
    let repositories = table.texts("repositories");
    let repositories = repositories.and_then(|globs| bound_to(diagnostics, globs));
    let is_valid = (name.is_some() || !table.has("name"))
        && (repositories.is_some() || !table.has("repositories"));
    let value = value?;
    Some(Configured {
        place: value.place,
        prefix: String::new(),
        name: name.unwrap_or_else(|| name_of(&value.value, number)),
        reference: value.value,
        repositories,
        is_valid,
    })
}

fn bound_to(diagnostics: &Diagnostics<'_>, globs: Located<Vec<String>>) -> Option<GlobFilter> {
    if globs.value.is_empty() {
        let what = "an empty list binds it to nothing: give globs over owner/name, or remove it";
        diagnostics.note(&globs.place, what);
        return None;
    }
    let parsed = GlobFilter::parse_repositories(&globs.value).map_err(|(index, why)| {
        let glob = globs.value.get(index).map_or("", String::as_str);
        format!("invalid glob '{glob}': {why}")
    });
    diagnostics.record_error(&globs.place, parsed)
}

fn secret_name(name: &str) -> Result<(), String> {
    let length = name.chars().count();
    match (1..=NAME_LENGTH).contains(&length) && !name.chars().any(char::is_control) {
        true => Ok(()),
        false => Err(format!(
            "expected 1 to {NAME_LENGTH} characters, without control characters"
        )),
    }
}

/// Returns the name of a secret without one: its reference. A text that is not a reference, or a
/// long one, is replaced by its number: it could be the secret itself.
fn name_of(reference: &str, number: usize) -> String {
    let is_reference = reference.starts_with("env:") || reference.starts_with("file:");
    match is_reference && secret_name(reference).is_ok() {
        true => reference.to_owned(),
        false => format!("secret {number}"),
    }
}

/// Resolves a secret that is text: of a clone, since AWS accepts nothing else, or a token.
pub(super) fn text(reference: &str, environment: &impl Environment) -> Result<Secret, String> {
    let secret = String::from_utf8(resolve(reference, environment)?);
    let secret = secret.map_err(|_| "the secret is not UTF-8 text".to_owned())?;
    if environment.hides_secrets() {
        Ok(Secret::hidden())
    } else {
        Ok(Secret::new(secret))
    }
}

/// Resolves a reference. Errors contain the reference, but never a text that could be a secret
/// itself.
pub(super) fn resolve(reference: &str, environment: &impl Environment) -> Result<Vec<u8>, String> {
    let (secret, source) = match reference.split_once(':') {
        Some(("env", name)) => {
            let value = environment.variable(name)?;
            (
                value
                    .ok_or_else(|| format!("the variable {name} is not set"))?
                    .into_bytes(),
                name,
            )
        }
        Some(("file", path)) => {
            let bytes = environment
                .file(path)
                .map_err(|error| format!("the file {path} cannot be read: {error}"))?;
            (without_line_end(bytes), path)
        }
        Some(_) | None => {
            return Err(
                "not a reference: expected env:NAME or file:PATH, never the secret itself"
                    .to_owned(),
            );
        }
    };
    if secret.is_empty() {
        Err(format!("{source} is empty"))
    } else {
        Ok(secret)
    }
}

/// Removes the line end that editors and `echo` write, since it is not part of the secret in
/// GitHub.
fn without_line_end(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    bytes
}
