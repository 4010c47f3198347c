//! The source of a clone, which is always the template's: what the file says of it must not mean
//! anything else.

use serde_json::Value;

use crate::domain::clone::declaration::{Action, Declaration};
use crate::domain::clone::template_file::TemplateFile;
use crate::domain::clone::template_file::document;
use crate::domain::clone::template_file::limits::Mistakes;

/// The configuration keys of a source action that a clone has of the template, or of branchline.
const REPLACED: [&str; 6] = [
    "ConnectionArn",
    "OAuthToken",
    "Branch",
    "BranchName",
    "DetectChanges",
    "PollForSourceChanges",
];

impl TemplateFile {
    /// Refuses a first stage that fetches something else than the template's, or under other names.
    pub(super) fn check_sources(&self, template: &Declaration, mistakes: &mut Mistakes) {
        let Some(stage) = self.pipeline.stages.first() else {
            return;
        };
        let path = format!("{}stages[0]", self.prefix);
        let first = template.stages().next().unwrap_or_default();
        if stage.name != first {
            let what = format!(
                "the source stage is that of template '{}': name it '{first}'",
                template.name()
            );
            mistakes.note(&format!("{path}.name"), &what);
            return;
        }
        for (place, action) in stage.actions.iter().enumerate() {
            let path = format!("{path}.actions[{place}]");
            let mut own = template.actions();
            let own = own.find(|own| own.stage == first && own.name == action.name);
            match own {
                Some(own) => check_source(&path, action, &own, template, mistakes),
                None => {
                    let what = format!(
                        "template '{}' has no source action '{}', and a clone has only its sources: remove it",
                        template.name(),
                        action.name
                    );
                    mistakes.note(&path, &what);
                }
            }
        }
    }
}

fn check_source(
    path: &str,
    action: &document::Action,
    own: &Action<'_>,
    template: &Declaration,
    mistakes: &mut Mistakes,
) {
    let mut refuse = |field: &str| {
        let what = format!(
            "differs from template '{}', whose source a clone has: copy it from there, or remove it",
            template.name()
        );
        mistakes.note(&format!("{path}.{field}"), &what);
    };
    let kind = &action.action_type_id;
    let declared = [&kind.category, &kind.owner, &kind.provider];
    if declared != [own.category, own.owner, own.provider] {
        refuse("actionTypeId");
    }
    if action.namespace.is_some() && action.namespace.as_deref() != own.namespace {
        refuse("namespace");
    }
    let artifacts = action
        .output_artifacts
        .iter()
        .map(|artifact| artifact.name.as_str());
    if !artifacts.eq(own.outputs()) {
        refuse("outputArtifacts");
    }
    for (key, value) in &action.configuration {
        let configured = own.configuration.and_then(|keys| keys.get(key));
        let is_own = configured.and_then(Value::as_str) == Some(value);
        if !is_own && !REPLACED.contains(&key.as_str()) {
            refuse(&format!("configuration.{key}"));
        }
    }
}
