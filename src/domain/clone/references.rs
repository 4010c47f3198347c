//! Variables of CodePipeline in the texts of a declaration: `#{Namespace.NAME}`.

use crate::domain::clone::declaration::Declaration;

/// The namespace of pipeline variables.
pub(super) const VARIABLES: &str = "variables";

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
