//! The values of a clone's configuration that may be secret: CodePipeline quotes in its errors what
//! it refuses.

use serde_json::{Map, Value};

use crate::domain::clone::declaration::Declaration;

/// The keys of an action's configuration that name a resource, and help to understand an error
/// (CodePipeline, "Action structure reference"). The values of all others may be secret.
const NAMES: [&str; 20] = [
    "ApplicationName",
    "Branch",
    "BranchName",
    "BucketName",
    "ClusterName",
    "ConnectionArn",
    "DeploymentGroupName",
    "EnvironmentName",
    "FullRepositoryId",
    "FunctionName",
    "ImageTag",
    "Owner",
    "PipelineName",
    "ProjectName",
    "Repo",
    "RepositoryName",
    "RoleArn",
    "S3Bucket",
    "ServiceName",
    "StackName",
];

impl Declaration {
    /// Returns the values in the configurations of actions and of conditions' rules that name no
    /// resource, and the values of variables.
    #[must_use]
    pub fn private_values(&self) -> Vec<String> {
        let mut values = Vec::new();
        let of_actions = self.actions().filter_map(|action| action.configuration);
        let of_rules = self.rules().filter_map(|rule| rule.configuration());
        for configuration in of_actions.chain(of_rules) {
            add(configuration, &mut values);
        }
        collect(self.as_json().get("variables"), &mut values);
        values
    }
}

fn add(configuration: &Map<String, Value>, values: &mut Vec<String>) {
    let private = configuration
        .iter()
        .filter(|(key, _)| !NAMES.contains(&key.as_str()));
    for (_, value) in private {
        collect(Some(value), values);
        // CodeBuild's variables are JSON in a text.
        if let Some(inner) = value
            .as_str()
            .and_then(|text| serde_json::from_str(text).ok())
        {
            collect(Some(&inner), values);
        }
    }
}

/// Adds every text in the JSON.
fn collect(json: Option<&Value>, values: &mut Vec<String>) {
    match json {
        Some(Value::String(text)) => values.push(text.clone()),
        Some(Value::Array(items)) => items.iter().for_each(|item| collect(Some(item), values)),
        Some(Value::Object(fields)) => {
            // The names and types of variables are not secret, and are common words.
            let secret = fields
                .iter()
                .filter(|(key, _)| *key != "name" && *key != "type");
            secret.for_each(|(_, value)| collect(Some(value), values));
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_)) | None => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_may_be_secret_is_found_and_names_are_not() {
        let variables = r#"[{"name":"KEY","value":"hunter1","type":"PLAINTEXT"}]"#;
        let declaration = Declaration::new(json!({
            "name": "api-pr-7",
            "variables": [{"name": "TITLE", "defaultValue": "hunter2"}],
            "stages": [{"name": "Source", "actions": [
                {"name": "A", "configuration": {"Owner": "acme", "OAuthToken": "hunter3"}},
                {"name": "B", "configuration": {"ProjectName": "api", "EnvironmentVariables": variables}},
                {"name": "C"},
            ]}],
        }));
        let mut values = declaration.unwrap().private_values();
        values.sort();
        assert_eq!(values, [variables, "hunter1", "hunter2", "hunter3"]);
    }
}
