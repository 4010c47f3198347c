//! The source action of a template that fetches a repository.

use serde_json::{Map, Value};

use super::declaration::{Action, Declaration};
use super::fault::{Fault, Reason, Room};
use super::ids::RepositoryName;

/// The source provider of GitHub, Bitbucket and GitLab repositories
/// (user guide, "CodeStarSourceConnection for Bitbucket Cloud, GitHub, ...").
pub(super) const CONNECTION: &str = "CodeStarSourceConnection";
/// What GetPipeline shows instead of a secret.
pub(super) const MASK: &str = "****";

/// The one source action that fetches `repository`, as stage and action.
pub(super) fn source(
    template: &Declaration,
    repository: &RepositoryName,
) -> Result<(String, String), Fault> {
    let connections = || {
        template
            .actions()
            .filter(|a| a.category == "Source" && a.provider == CONNECTION)
    };
    let fetches = |action: &Action<'_>| {
        let id = action
            .configuration
            .and_then(|words| words.get("FullRepositoryId"))
            .and_then(Value::as_str);
        // GitHub compares names without case.
        id.is_some_and(|id| id.eq_ignore_ascii_case(repository.as_str()))
    };
    let fault = |problem: String| {
        let candidates: Vec<String> = connections()
            .map(|a| format!("{}/{}", a.stage, a.name))
            .collect();
        let candidates = if candidates.is_empty() {
            "none".to_owned()
        } else {
            candidates.join(", ")
        };
        let name = template.name();
        let detail =
            format!("{problem} in template '{name}' (its {CONNECTION} actions: {candidates})");
        Fault::new(Room::Plan, Reason::TemplateSource, detail)
    };
    let mut found = connections().filter(fetches);
    match (found.next(), found.next()) {
        (Some(action), None) => Ok((action.stage.to_owned(), action.name.to_owned())),
        (None, _) => Err(fault(format!("no source action fetches {repository}"))),
        (Some(_), Some(_)) => Err(fault(format!("several source actions fetch {repository}"))),
    }
}

/// GetPipeline masks secrets, and a clone made from a mask would not have them.
pub(super) fn refuse_masked(template: &Declaration) -> Result<(), Fault> {
    let masked = template.actions().find_map(|action| {
        let is_masked = |(_, value): &(&String, &Value)| value.as_str() == Some(MASK);
        let (key, _) = action
            .configuration
            .into_iter()
            .flat_map(Map::iter)
            .find(is_masked)?;
        Some(format!("{key} of {}/{}", action.stage, action.name))
    });
    match masked {
        None => Ok(()),
        Some(place) => {
            let name = template.name();
            let detail = format!(
                "{place} in template '{name}' is a secret that GetPipeline masks, so a clone would not have it: use a CodeStarSourceConnection, or keep the secret out of the template"
            );
            Err(Fault::new(Room::Plan, Reason::TemplateMasked, detail))
        }
    }
}
