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

    /// Returns each variable in a text that does not exist, and what is missing.
    pub(super) fn missing_in<'t>(&self, text: &'t str) -> Vec<(&'t str, String)> {
        let all = text.match_indices("#{").filter_map(|(start, found)| {
            let reference = text.get(start + found.len()..)?.split_once('}')?.0;
            let (namespace, name) = reference.split_once('.')?;
            let missing = match namespace {
                CODEPIPELINE => return None,
                VARIABLES if self.variables.contains(name) => return None,
                VARIABLES => format!("the clone has no variable {name}"),
                _ if self.namespaces.contains(namespace) => return None,
                _ => format!("no action of the clone has the namespace {namespace}"),
            };
            Some((reference, missing))
        });
        all.collect()
    }
}

/// Returns the namespaces whose variables the code of the pull request may set: those of every
/// action but the sources, because a build exports what it likes.
pub(super) fn own_outputs(clone: &Declaration) -> impl Iterator<Item = &str> {
    let actions = clone.actions().filter(|action| action.category != "Source");
    actions.filter_map(|action| action.namespace)
}

/// Returns the names of the variables of a namespace that a text refers to.
pub(super) fn references<'a>(
    text: &'a str,
    namespace: &str,
) -> impl Iterator<Item = &'a str> + use<'a> {
    let beginning = format!("#{{{namespace}.");
    let starts: Vec<usize> = text
        .match_indices(&beginning)
        .map(|(index, found)| index + found.len())
        .collect();
    starts
        .into_iter()
        .filter_map(|start| Some(text.get(start..)?.split_once('}')?.0))
}
