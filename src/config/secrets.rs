//! Resolves references to secrets, once at start. A secret is never printed, and never in the file.

use crate::domain::intake::authenticated::Secrets;
use crate::domain::secret::Secret;

use crate::config::environment::Environment;
use crate::config::words::{Diagnostics, Table};

/// Resolves every reference of `[github] secrets`. Mistakes go to the diagnostics.
pub(super) fn read(
    diagnostics: &Diagnostics<'_>,
    github: &Table<'_, '_>,
    environment: &impl Environment,
) -> Secrets {
    let references = github.texts("secrets");
    if references.is_none() && !github.has("secrets") {
        let what =
            "missing: webhooks cannot be authenticated without a secret; set it to [\"env:NAME\"]";
        diagnostics.note(format!("{}.secrets", github.place()), what);
    }
    let Some(references) = references else {
        return Secrets::new::<Vec<u8>>([]);
    };
    if references.value.is_empty() {
        diagnostics.note(
            references.place.as_str(),
            "an empty list authenticates nothing; set it to [\"env:NAME\"]",
        );
    }
    let resolved = (1..)
        .zip(&references.value)
        .filter_map(|(number, reference)| {
            let secret = resolve(reference, environment);
            diagnostics.record_error(
                &references.place,
                secret.map_err(|why| format!("secret {number}: {why}")),
            )
        });
    Secrets::new(resolved)
}

/// Resolves the references of `[github] secrets` that can be read, and says why the others cannot.
pub(super) fn readable(
    github: &Table<'_, '_>,
    environment: &impl Environment,
) -> (Option<Secrets>, Vec<String>) {
    let references = github.texts("secrets").map(|references| references.value);
    let (mut secrets, mut unreadable) = (Vec::new(), Vec::new());
    for (number, reference) in (1..).zip(references.iter().flatten()) {
        match resolve(reference, environment) {
            Ok(secret) => secrets.push(secret),
            Err(why) => unreadable.push(format!("secret {number}: {why}")),
        }
    }
    let secrets = (!secrets.is_empty()).then(|| Secrets::new(secrets));
    (secrets, unreadable)
}

/// Resolves a secret of a clone, which is text, since AWS accepts nothing else.
pub(super) fn for_clone(reference: &str, environment: &impl Environment) -> Result<Secret, String> {
    let secret = String::from_utf8(resolve(reference, environment)?);
    let secret = secret.map_err(|_| "the secret is not UTF-8 text".to_owned())?;
    if environment.hides_secrets() {
        Ok(Secret::hidden())
    } else {
        Ok(Secret::new(secret))
    }
}

/// Errors contain the reference, but never a text that could be a secret itself.
fn resolve(reference: &str, environment: &impl Environment) -> Result<Vec<u8>, String> {
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
