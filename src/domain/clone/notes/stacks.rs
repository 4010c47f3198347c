//! Stacks of a clone that are not what the rule's author may expect.

use crate::domain::clone::declaration::{Action, Declaration};
use crate::domain::clone::overrides::{ACTION_MODE, DELETE_ONLY, STACK_NAME, TeardownPolicy};
use crate::domain::clone::references::has_variable;
use crate::domain::clone::stacks::{ROLE, account_of};
use crate::domain::rules::placeholder::{FormatString, Placeholder};
use crate::domain::rules::rule::Rule;

/// Returns one sentence for each stack that would not be deployed, or not as one stack of the
/// subject.
pub(super) fn stacks(clone: &Declaration, rule: &Rule) -> Vec<String> {
    let mut said = stacks_of(clone, rule);
    let environment = rule.deployment.as_ref().and_then(changing);
    said.extend(environment.map(|placeholder| {
        format!(
            "the environment at GitHub gets another name when {{{placeholder}}} changes: each name is an environment of its own, and the ones before stay in GitHub's list"
        )
    }));
    said
}

fn stacks_of(clone: &Declaration, rule: &Rule) -> Vec<String> {
    let stacks = clone.stacks();
    if stacks.is_empty() {
        let preview = &rule.overrides.preview;
        let suffix = preview.stack_suffix.as_ref().map(|_| "stack_suffix");
        let teardown =
            (preview.teardown == TeardownPolicy::Stacks).then_some("teardown = \"stacks\"");
        let none = suffix.or(teardown).map(|key| {
            format!(
                "{key} of preview has no effect: the clone has no CloudFormation action (keep_stages of the rule says which stages that deploy it keeps)"
            )
        });
        return none.into_iter().collect();
    }
    let actions = clone.actions();
    let actions = actions.filter(|action| stacks.contains(&action.path()));
    let said = actions.flat_map(|action| {
        let changing = changing_name(&action, rule).map(|placeholder| {
            format!(
                "the stack of action '{}' gets another name when {{{placeholder}}} changes: each name is a stack of its own, and all are deleted in the end",
                action.path()
            )
        });
        [
            only_deletes(&action),
            foreign_role(&action, clone),
            changing,
            unknown_name(&action, rule),
            overridden_suffix(&action, rule),
        ]
    });
    said.flatten().collect()
}

fn only_deletes(action: &Action<'_>) -> Option<String> {
    (action.configured(ACTION_MODE) == Some(DELETE_ONLY)).then(|| {
        format!(
            "action '{}' deploys nothing: its {ACTION_MODE} is {DELETE_ONLY}",
            action.path()
        )
    })
}

fn overridden_suffix(action: &Action<'_>, rule: &Rule) -> Option<String> {
    let path = action.path();
    rule.overrides.preview.stack_suffix.as_ref()?;
    rule.overrides.configured(&path, STACK_NAME)?;
    Some(format!(
        "stack_suffix of preview has no effect on action '{path}', because configuration sets its {STACK_NAME}"
    ))
}

/// What CodePipeline makes of a variable is not known before the clone runs.
fn unknown_name(action: &Action<'_>, rule: &Rule) -> Option<String> {
    let name = action.configured(STACK_NAME)?;
    let is_kept = rule.overrides.preview.teardown == TeardownPolicy::None;
    (has_variable(name) && !is_kept).then(|| {
        format!(
            "the stack of action '{}' has a variable in its name ({name}): it is not looked for before it is deployed, and not deleted in the end",
            action.path()
        )
    })
}

/// CloudFormation takes a role of the account of the stack (API reference, CreateStack, `RoleARN`),
/// which is that of the role with which the action runs.
fn foreign_role(action: &Action<'_>, clone: &Declaration) -> Option<String> {
    let role = action.configured(ROLE)?;
    let runs_as = action.role().or(clone.role())?;
    let (named, own) = (account_of(role)?, account_of(runs_as)?);
    (named != own).then(|| {
        format!(
            "action '{}' runs in account {own}, and its {ROLE} is a role of account {named}, which CloudFormation refuses",
            action.path()
        )
    })
}

/// Returns the placeholder of a stack's name whose value changes.
fn changing_name(action: &Action<'_>, rule: &Rule) -> Option<&'static str> {
    let configured = rule.overrides.configured(&action.path(), STACK_NAME);
    let format: Option<&FormatString> = configured.map(|value| &value.format);
    let format = format.or(rule.overrides.preview.stack_suffix.as_ref())?;
    changing(format)
}

/// Returns the placeholder whose value changes while the subject is open.
fn changing(format: &FormatString) -> Option<&'static str> {
    format
        .placeholders()
        .find_map(|placeholder| match placeholder {
            Placeholder::Title => Some("title"),
            Placeholder::TitleSlug => Some("title_slug"),
            Placeholder::Sha => Some("sha"),
            Placeholder::Base => Some("base"),
            Placeholder::BaseSlug => Some("base_slug"),
            Placeholder::Repository
            | Placeholder::Owner
            | Placeholder::Repo
            | Placeholder::Branch
            | Placeholder::BranchSlug
            | Placeholder::Number
            | Placeholder::Author
            | Placeholder::AuthorSlug => None,
        })
}
