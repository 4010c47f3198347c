//! The source actions of a clone: which one fetches the event's repository, on which branch, and
//! which pushes start the clone. Configuration keys and their defaults are those of the user
//! guide's action structure references.

use serde_json::{Map, Value, json};

use crate::domain::clone::declaration::ActionPath;
use crate::domain::clone::declaration::{Action, Declaration};
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{Branch, RepositoryName};
use crate::domain::rules::rule::Start;

/// The source provider of GitHub, Bitbucket and GitLab repositories.
pub(super) const CONNECTION: &str = "CodeStarSourceConnection";

/// A source provider and the configuration keys that a clone changes.
struct Provider {
    name: &'static str,
    /// The configuration key of the branch; `None` if the provider has no branches.
    branch: Option<&'static str>,
    /// The key that switches change detection or polling, which are on by default.
    detection: Option<&'static str>,
}

const PROVIDERS: [Provider; 4] = [
    Provider {
        name: CONNECTION,
        branch: Some("BranchName"),
        detection: Some("DetectChanges"),
    },
    Provider {
        name: "GitHub",
        branch: Some("Branch"),
        detection: Some("PollForSourceChanges"),
    },
    Provider {
        name: "CodeCommit",
        branch: Some("BranchName"),
        detection: Some("PollForSourceChanges"),
    },
    Provider {
        name: "S3",
        branch: None,
        detection: Some("PollForSourceChanges"),
    },
];

fn provider(action: &Action<'_>) -> Option<&'static Provider> {
    let known = PROVIDERS.iter().find(|known| known.name == action.provider);
    known.filter(|_| action.category == "Source")
}

/// Returns the configuration key of the branch, if the action fetches a Git repository.
pub(super) fn branch_key(action: &Action<'_>) -> Option<&'static str> {
    provider(action)?.branch
}

/// Returns the source action that fetches `repository`, or the one that the rule names.
pub(super) fn source(
    clone: &Declaration,
    repository: &RepositoryName,
    named: Option<&ActionPath>,
) -> Result<ActionPath, Fault> {
    let candidates = || {
        clone
            .actions()
            .filter(|action| branch_key(action).is_some())
    };
    if candidates().next().is_none() {
        return Err(without_branch(clone, repository));
    }
    let fault = |problem: String| {
        let all: Vec<String> = candidates()
            .map(|action| action.path().to_string())
            .collect();
        let all = all.join(", ");
        let detail = format!(
            "{problem} in template '{}' (its source actions with a branch: {all}): correct the template, or name one as source_action",
            clone.name()
        );
        Fault::new(Reason::TemplateSource, detail)
    };
    if let Some(path) = named {
        let problem = match candidates().find(|action| action.path() == *path) {
            None => "is not a source action with a branch".to_owned(),
            Some(action) => match of_github(&action) {
                Some(fetched) if !is_same(&fetched, repository) => {
                    format!("fetches {fetched}, not {repository},")
                }
                Some(_) | None => return Ok(path.clone()),
            },
        };
        return Err(fault(format!("source_action '{path}' {problem}")));
    }
    let mut sources = candidates().filter(|action| fetches(action, repository));
    match (sources.next(), sources.next()) {
        (Some(action), None) => Ok(action.path()),
        (None, _) => Err(fault(format!("no source action fetches {repository}"))),
        (Some(_), Some(_)) => Err(fault(format!("several source actions fetch {repository}"))),
    }
}

/// Returns the fault of a template whose source actions all have no branch, such as S3 and ECR.
fn without_branch(clone: &Declaration, repository: &RepositoryName) -> Fault {
    let sources = clone.actions().filter(|action| action.category == "Source");
    let sources = sources.map(|action| format!("'{}' by {}", action.path(), action.provider));
    let sources: Vec<String> = sources.collect();
    let detail = format!(
        "template '{}' fetches no Git repository (its source actions: {}), so a clone has no branch to build: add a {CONNECTION} action for {repository} to the template, or let the rule clone another one",
        clone.name(),
        sources.join(", ")
    );
    Fault::new(Reason::TemplateSource, detail)
}

/// Returns the GitHub repositories that a template's source actions fetch.
pub(super) fn repositories(template: &Declaration) -> impl Iterator<Item = RepositoryName> {
    let sources = template.actions();
    sources.filter_map(|action| RepositoryName::parse(of_github(&action)?).ok())
}

/// Returns true if a source action fetches a GitHub repository.
fn fetches(action: &Action<'_>, repository: &RepositoryName) -> bool {
    of_github(action).is_some_and(|fetched| is_same(&fetched, repository))
}

/// Returns the repository that a source action fetches, as `owner/name`. A CodeCommit repository is
/// never the GitHub repository of the event, even under the same name; a mirror is used only if the
/// rule names its source action.
fn of_github(action: &Action<'_>) -> Option<String> {
    let value = |key: &str| action.configured(key).unwrap_or_default();
    match action.provider {
        CONNECTION => Some(value("FullRepositoryId").to_owned()),
        "GitHub" => Some(format!("{}/{}", value("Owner"), value("Repo"))),
        _ => None,
    }
}

/// Compares names of repositories as GitHub does: without case.
fn is_same(fetched: &str, repository: &RepositoryName) -> bool {
    fetched.eq_ignore_ascii_case(repository.as_str())
}

/// Sets the branch of the clone's source. Change detection is set explicitly on every source
/// action: it is on by default, and pipelines that poll have a quota of 300 that cannot be raised
/// (user guide, "Quotas").
pub(super) fn set_source_branch(
    clone: &mut Declaration,
    source: &ActionPath,
    branch: &Branch,
    start: Start,
) -> Result<(), Fault> {
    let trigger = match start {
        Start::Push => trigger(clone, source, branch)?,
        Start::Auto | Start::Commit | Start::Head => None,
    };
    let detects = start == Start::Push && trigger.is_none();
    let known_actions: Vec<_> = clone
        .actions()
        .filter_map(|action| Some((action.path(), provider(&action)?)))
        .collect();
    for (path, provider) in known_actions {
        let is_source = path == *source;
        let Some(configuration) = clone.configuration_mut(&path) else {
            continue;
        };
        if let Some(key) = provider.branch.filter(|_| is_source) {
            configuration.insert(key.to_owned(), Value::from(branch.as_str()));
        }
        if let Some(key) = provider.detection {
            let on = if is_source && detects {
                "true"
            } else {
                "false"
            };
            configuration.insert(key.to_owned(), Value::from(on));
        }
    }
    // A cloned trigger would fire on every push to the template's branch.
    clone.0.remove("triggers");
    if let Some(trigger) = trigger {
        clone.0.insert("triggers".to_owned(), json!([trigger]));
    }
    Ok(())
}

/// Returns the template's push trigger, restricted to this branch; its file path filters stay.
/// Returns `None` if the template has no such trigger: then plain change detection is enough, which
/// triggers with filters would replace (user guide, "Automate starting pipelines using triggers and
/// filtering").
fn trigger(
    clone: &Declaration,
    source: &ActionPath,
    branch: &Branch,
) -> Result<Option<Value>, Fault> {
    let triggers = clone.0.get("triggers").and_then(Value::as_array);
    let of_source = |trigger: &&Value| {
        trigger
            .pointer("/gitConfiguration/sourceActionName")
            .and_then(Value::as_str)
            == Some(source.action.as_str())
    };
    let Some(template_trigger) = triggers.into_iter().flatten().find(of_source) else {
        return Ok(None);
    };
    let filters = template_trigger
        .pointer("/gitConfiguration/push")
        .and_then(Value::as_array);
    let mut pushes: Vec<Value> = Vec::new();
    for filter in filters
        .into_iter()
        .flatten()
        .filter(|filter| filter.get("tags").is_none())
    {
        let mut push = Map::from_iter([(
            "branches".to_owned(),
            json!({"includes": [branch.as_str()]}),
        )]);
        push.extend(
            filter
                .get("filePaths")
                .map(|paths| ("filePaths".to_owned(), paths.clone())),
        );
        let push = Value::Object(push);
        if !pushes.contains(&push) {
            pushes.push(push);
        }
    }
    if pushes.is_empty() {
        return Ok(None);
    }
    if let Some(c) = branch.as_str().chars().find(|c| "*?[]{}!\\".contains(*c)) {
        let detail = format!(
            "the trigger of template '{}' cannot match a branch with '{c}', which has a special meaning in a trigger's pattern: use start = \"commit\"",
            clone.name()
        );
        return Err(Fault::new(Reason::RuleTemplateMismatch, detail));
    }
    let mut trigger = template_trigger.clone();
    if let Some(git) = trigger
        .get_mut("gitConfiguration")
        .and_then(Value::as_object_mut)
    {
        git.remove("pullRequest");
        git.insert("push".to_owned(), Value::Array(pushes));
    }
    Ok(Some(trigger))
}
