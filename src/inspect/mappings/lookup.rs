//! Finds the subject that a person names.

use crate::domain::fault::Fault;
use crate::domain::ids::{Branch, PipelineName, RepositoryName, Subject, SubjectKind};
use crate::domain::state::mapping::{Mapping, State};
use crate::inspect::mappings::filter::Filter;
use crate::inspect::mappings::listing::Listing;
use crate::ports::StoreReader;

/// Returns the subject of `acme/api#7`, `acme/api@feature/x`, the table's key
/// (`REPO#1001/PR#0000000007`) or the name of a pipeline.
///
/// # Errors
/// One sentence: the text is none of these, the table has no such subject, or the table did not
/// answer.
pub async fn subject<S: StoreReader>(text: &str, store: &S) -> Result<Subject, String> {
    if let Some(subject) = Subject::from_table_key(text) {
        return Ok(subject);
    }
    let parts = text
        .split_once('#')
        .map(|(name, number)| (name, Some(number), None));
    // A branch may contain '#'; a repository's name contains neither '#' nor '@'.
    let branch = text
        .split_once('@')
        .map(|(name, branch)| (name, None, Some(branch)));
    let mut subjects =
        [branch, parts]
            .into_iter()
            .flatten()
            .filter_map(|(name, number, branch)| {
                Some((RepositoryName::parse(name).ok()?, number, branch))
            });
    if let Some((name, number, branch)) = subjects.next() {
        let kind = match (number.map(str::parse), branch.map(Branch::parse)) {
            (Some(Ok(number)), _) => SubjectKind::PullRequest(number),
            (_, Some(Ok(branch))) => SubjectKind::Branch(branch),
            _ => {
                return Err(format!(
                    "'{text}' names no pull request and no branch: expected acme/api#7 or acme/api@feature/x"
                ));
            }
        };
        let repository = store.repository(&name).await.map_err(message)?;
        let repository =
            repository.ok_or_else(|| format!("the table has no repository '{name}'"))?;
        return Ok(Subject { repository, kind });
    }
    let name = PipelineName::parse(text)
        .map_err(|_| format!("'{text}' is neither a subject (acme/api#7, acme/api@feature/x) nor the name of a pipeline"))?;
    match store.owner(&name).await.map_err(message)? {
        Some(owner) => Ok(owner),
        None => last_owner(&name, store).await,
    }
}

/// Returns the last subject of a pipeline that was deleted, and whose name is therefore no longer
/// reserved. Reads all mappings in the state `gone`.
async fn last_owner<S: StoreReader>(name: &PipelineName, store: &S) -> Result<Subject, String> {
    let filter = Filter {
        states: vec![State::Gone],
        ..Filter::default()
    };
    let mut listing = Listing::new(store, filter);
    let mut owners = Vec::new();
    while let Some(batch) = listing.next().await.map_err(message)? {
        let rows = batch.rows.into_iter();
        owners.extend(rows.filter(|row| row.spec().is_some_and(|spec| spec.pipeline == *name)));
    }
    match owners.as_slice() {
        [] => Err(format!(
            "no subject has the pipeline '{name}', and no deleted mapping had it last"
        )),
        [one] => Ok(one.subject.clone()),
        several => {
            let display = |row: &Mapping| row.subject.display(&row.repository);
            let subjects: Vec<_> = several.iter().map(display).collect();
            Err(format!(
                "no subject has the pipeline '{name}' any more; name one of those that had it: {}",
                subjects.join(", ")
            ))
        }
    }
}

fn message(fault: Fault) -> String {
    fault.to_string()
}
