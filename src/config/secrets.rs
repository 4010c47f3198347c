//! The meaning of `[github] secrets`: references, resolved once. A secret is never printed, and never in the file.

use crate::domain::intake::authenticated::Secrets;
use crate::domain::secret::Secret;

use crate::config::environment::Environment;
use crate::config::words::{Diagnostics, Table};

/// Resolves every reference; what is wrong is noted.
pub(super) fn read(
    diagnostics: &Diagnostics<'_>,
    github: &Table<'_, '_>,
    environment: &impl Environment,
) -> Secrets {
    let words = github.texts("secrets");
    if words.is_none() && !github.has("secrets") {
        let what =
            "missing: without a secret no webhook can be proven to be GitHub's; use [\"env:NAME\"]";
        diagnostics.note(format!("{}.secrets", github.place()), what);
    }
    let Some(words) = words else {
        return Secrets::new::<Vec<u8>>([]);
    };
    if words.value.is_empty() {
        diagnostics.note(
            words.place.as_str(),
            "an empty list proves nothing; use [\"env:NAME\"]",
        );
    }
    let resolved = (1..).zip(&words.value).filter_map(|(number, reference)| {
        let secret = resolve(reference, environment);
        diagnostics.record_error(
            &words.place,
            secret.map_err(|why| format!("secret {number}: {why}")),
        )
    });
    Secrets::new(resolved)
}

/// A secret that a clone is given: text, since AWS takes nothing else.
pub(super) fn of_clone(reference: &str, environment: &impl Environment) -> Result<Secret, String> {
    let secret = String::from_utf8(resolve(reference, environment)?);
    let secret = secret.map_err(|_| "the secret is not UTF-8 text".to_owned())?;
    Ok(Secret::new(secret))
}

/// Errors name the reference, where it is one, and never quote anything that could be a secret.
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
                "not a reference: use env:NAME or file:PATH, never the secret itself".to_owned(),
            );
        }
    };
    if secret.is_empty() {
        Err(format!("{source} is empty"))
    } else {
        Ok(secret)
    }
}

/// Editors and `echo` end a file with a line end that nobody typed into GitHub's form.
fn without_line_end(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    bytes
}
