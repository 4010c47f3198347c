//! Finds the subject that a person names.

use crate::domain::fault::Fault;
use crate::domain::ids::{Branch, PipelineName, RepositoryName, Subject, SubjectKind};
use crate::domain::state::mapping::{Mapping, State};
use crate::inspect::mappings::filter::Filter;
use crate::inspect::mappings::listing::Listing;
use crate::ports::StoreReader;

/// The way in which a person names a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// By the table's key: `REPO#1001/PR#0000000007`.
    Key(Subject),
    /// By its repository and its number or branch: `acme/api#7`, `acme/api@feature/x`, or the URL
    /// of its page at GitHub.
    Subject(RepositoryName, SubjectKind),
    /// By the name of its pipeline.
    Pipeline(PipelineName),
}

/// Parses the name of a subject.
///
/// # Errors
/// One sentence that states what was expected.
pub fn parse(text: &str) -> Result<Named, String> {
    if let Some(subject) = Subject::from_table_key(text) {
        return Ok(Named::Key(subject));
    }
    if let Some(page) = page(text) {
        return page;
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
        return match (number.map(str::parse), branch.map(Branch::parse)) {
            (Some(Ok(number)), _) => Ok(Named::Subject(name, SubjectKind::PullRequest(number))),
            (_, Some(Ok(branch))) => Ok(Named::Subject(name, SubjectKind::Branch(branch))),
            _ => Err(format!(
                "'{text}' names no pull request and no branch: expected acme/api#7 or acme/api@feature/x"
            )),
        };
    }
    PipelineName::parse(text).map(Named::Pipeline).map_err(|_| {
        format!("'{text}' is neither a subject (acme/api#7, acme/api@feature/x) nor the name of a pipeline")
    })
}

/// Parses the URL of a page at GitHub, or at a server of your own. `None` if the text is not a URL.
fn page(text: &str) -> Option<Result<Named, String>> {
    let path = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))?;
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut parts = path.trim_end_matches('/').splitn(5, '/').skip(1);
    let mut next = || parts.next().unwrap_or_default();
    let (owner, name, kind, rest) = (next(), next(), next(), next());
    let repository = RepositoryName::parse(format!("{owner}/{name}")).ok();
    let number = || rest.split('/').next()?.parse().ok();
    let kind = match kind {
        "pull" => number().map(SubjectKind::PullRequest),
        "tree" => Branch::parse(rest).ok().map(SubjectKind::Branch),
        _ => None,
    };
    let named = repository.zip(kind);
    Some(named.map_or_else(
        || {
            Err(format!(
                "'{text}' is not the page of a pull request or a branch: expected https://github.com/acme/api/pull/7 or https://github.com/acme/api/tree/feature/x"
            ))
        },
        |(repository, kind)| Ok(Named::Subject(repository, kind)),
    ))
}

/// Returns the subject of `acme/api#7`, `acme/api@feature/x`, the URL of either, the table's key
/// (`REPO#1001/PR#0000000007`) or the name of a pipeline.
///
/// # Errors
/// One sentence: the text is none of these, the table has no such subject, or the table did not
/// answer.
pub async fn subject<S: StoreReader>(text: &str, store: &S) -> Result<Subject, String> {
    match parse(text)? {
        Named::Key(subject) => Ok(subject),
        Named::Subject(name, kind) => {
            let repository = store.repository(&name).await.map_err(message)?;
            let repository =
                repository.ok_or_else(|| format!("the table has no repository '{name}'"))?;
            Ok(Subject { repository, kind })
        }
        Named::Pipeline(name) => match store.owner(&name).await.map_err(message)? {
            Some(owner) => Ok(owner),
            None => last_owner(&name, store).await,
        },
    }
}

/// Returns the last subject of a pipeline that was deleted, and whose name is therefore no longer
/// reserved. Reads all mappings without a pipeline.
async fn last_owner<S: StoreReader>(name: &PipelineName, store: &S) -> Result<Subject, String> {
    let filter = Filter {
        states: vec![State::Gone, State::Asleep],
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_named_by_its_text_or_its_page() {
        let pull = Named::Subject(
            RepositoryName::parse("acme/api").unwrap(),
            SubjectKind::PullRequest(7),
        );
        for text in [
            "acme/api#7",
            "https://github.com/acme/api/pull/7",
            "https://github.com/acme/api/pull/7/files?w=1#diff-1",
            "http://git.acme.example/acme/api/pull/7/",
        ] {
            assert_eq!(parse(text), Ok(pull.clone()), "{text}");
        }
        let branch = Named::Subject(
            RepositoryName::parse("acme/api").unwrap(),
            SubjectKind::Branch(Branch::parse("feature/x").unwrap()),
        );
        for text in [
            "acme/api@feature/x",
            "https://github.com/acme/api/tree/feature/x",
        ] {
            assert_eq!(parse(text), Ok(branch.clone()), "{text}");
        }
        for text in [
            "https://github.com/acme/api",
            "https://github.com/acme/api/pull/x",
        ] {
            assert!(
                parse(text).unwrap_err().contains("is not the page of"),
                "{text}"
            );
        }
    }
}
