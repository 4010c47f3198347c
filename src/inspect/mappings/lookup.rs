//! Which subject a person means.

use crate::domain::fault::Fault;
use crate::domain::ids::{Branch, PipelineName, RepositoryName, Subject, SubjectKind};
use crate::domain::state::mapping::{Mapping, State};
use crate::inspect::mappings::filter::Filter;
use crate::inspect::mappings::listing::Listing;
use crate::ports::StoreReader;

/// Whom somebody means by `acme/api#7`, `acme/api@feature/x` or the name of a pipeline.
///
/// # Errors
/// One sentence: it is none of these, or the table knows no such thing; or the table did not answer.
pub async fn subject<S: StoreReader>(text: &str, store: &S) -> Result<Subject, String> {
    let parts = text
        .split_once('#')
        .map(|(name, number)| (name, Some(number), None));
    // A branch may hold a '#', a repository's name holds neither.
    let branch = text
        .split_once('@')
        .map(|(name, branch)| (name, None, Some(branch)));
    let whole = [branch, parts].into_iter().flatten();
    let mut whole = whole.filter_map(|(name, number, branch)| {
        Some((RepositoryName::parse(name).ok()?, number, branch))
    });
    if let Some((name, number, branch)) = whole.next() {
        let kind = match (number.map(str::parse), branch.map(Branch::parse)) {
            (Some(Ok(number)), _) => SubjectKind::PullRequest(number),
            (_, Some(Ok(branch))) => SubjectKind::Branch(branch),
            _ => {
                return Err(format!(
                    "'{text}' names no pull request and no branch: want acme/api#7 or acme/api@feature/x"
                ));
            }
        };
        let repository = store.repository(&name).await.map_err(told)?;
        let repository =
            repository.ok_or_else(|| format!("the table knows no repository '{name}'"))?;
        return Ok(Subject { repository, kind });
    }
    let name = PipelineName::parse(text)
        .map_err(|_| format!("'{text}' is neither a subject (acme/api#7, acme/api@feature/x) nor the name of a pipeline"))?;
    match store.owner(&name).await.map_err(told)? {
        Some(owner) => Ok(owner),
        None => gone(&name, store).await,
    }
}

/// Whose pipeline it was, by the mappings that are gone: a pipeline that is deleted has its name no longer.
async fn gone<S: StoreReader>(name: &PipelineName, store: &S) -> Result<Subject, String> {
    let filter = Filter {
        states: vec![State::Gone],
        ..Filter::default()
    };
    let mut listing = Listing::of(store, filter);
    let mut had = Vec::new();
    while let Some(batch) = listing.next().await.map_err(told)? {
        let rows = batch.rows.into_iter();
        had.extend(rows.filter(|row| row.spec().is_some_and(|spec| spec.pipeline == *name)));
    }
    match had.as_slice() {
        [] => Err(format!(
            "no subject has the pipeline '{name}', and none that is gone had it last"
        )),
        [one] => Ok(one.subject.clone()),
        several => {
            let display = |row: &Mapping| row.subject.display(&row.repository);
            let several: Vec<_> = several.iter().map(display).collect();
            Err(format!(
                "no subject has the pipeline '{name}' any more; name one of those that had it: {}",
                several.join(", ")
            ))
        }
    }
}

fn told(fault: Fault) -> String {
    format!("{fault}")
}
