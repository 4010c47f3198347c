//! Variables of CodePipeline in the texts of a declaration: `#{Namespace.NAME}`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::domain::clone::declaration::Declaration;

/// The namespace of pipeline variables.
pub(super) const VARIABLES: &str = "variables";
/// The namespace of CodePipeline's own variables.
pub(super) const CODEPIPELINE: &str = "codepipeline";

/// The variables that the texts of a clone may refer to.
pub(super) struct Declared<'a> {
    variables: BTreeSet<&'a str>,
    namespaces: BTreeSet<&'a str>,
}

impl<'a> Declared<'a> {
    /// Collects the variables of a clone, and the namespaces of its actions.
    pub(super) fn by(clone: &'a Declaration) -> Self {
        let variables = clone.0.get("variables").and_then(Value::as_array);
        let variables = variables.into_iter().flatten();
        Self {
            variables: variables
                .filter_map(|one| one.get("name")?.as_str())
                .collect(),
            namespaces: clone
                .actions()
                .filter_map(|action| action.namespace)
                .collect(),
        }
    }

    /// Returns each variable in a text that does not exist, as it is in the text, and what is
    /// missing.
    pub(super) fn missing_in<'t>(&self, text: &'t str) -> impl Iterator<Item = (&'t str, String)> {
        all_references(text).filter_map(|reference| {
            let (namespace, name) = parts(reference)?;
            let missing = match namespace {
                CODEPIPELINE => return None,
                VARIABLES if self.variables.contains(name) => return None,
                VARIABLES => format!("the clone has no variable {name}"),
                _ if self.namespaces.contains(namespace) => return None,
                _ => format!("no action of the clone has the namespace {namespace}"),
            };
            Some((reference, missing))
        })
    }
}

/// Returns the namespaces whose variables the code of the pull request may set: those of every
/// action but the sources, because a build exports what it likes.
pub(super) fn own_outputs(clone: &Declaration) -> impl Iterator<Item = &str> {
    let actions = clone.actions().filter(|action| action.category != "Source");
    actions.filter_map(|action| action.namespace)
}

/// Returns true if a text may have a variable, whose value is not known before the clone runs.
pub(super) fn has_variable(text: &str) -> bool {
    text.contains("#{")
}

/// Returns the names of the variables of a namespace that a text refers to.
pub(super) fn references<'a>(text: &'a str, namespace: &str) -> impl Iterator<Item = &'a str> {
    let of_namespace = move |reference| parts(reference).filter(|(of, _)| *of == namespace);
    all_references(text)
        .filter_map(of_namespace)
        .map(|(_, name)| name)
}

/// Returns the variables in a text. One that does not end goes on to the end of the text.
pub(super) fn all_references(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("#{").filter_map(|(start, _)| {
        let rest = text.get(start..)?;
        let end = rest.find('}').map_or(rest.len(), |end| end + 1);
        rest.get(..end)
    })
}

/// Returns the namespace and the name of a variable; `None` if it does not end or has no namespace.
pub(super) fn parts(reference: &str) -> Option<(&str, &str)> {
    let inner = reference.strip_prefix("#{")?.strip_suffix('}')?;
    inner.split_once('.')
}
