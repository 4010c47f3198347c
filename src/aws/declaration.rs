//! Converts a pipeline's declaration between the SDK's types and JSON with the SDK's own schema.
//! Every field that the SDK knows is converted, so there is no list of fields to maintain here.

use aws_sdk_codepipeline::types::PipelineDeclaration;
use aws_smithy_json::codec::{JsonCodec, JsonCodecSettings};
use aws_smithy_schema::codec::Codec;
use aws_smithy_schema::serde::ShapeSerializer;

use crate::domain::clone::declaration::Declaration;

/// Converts to JSON as `aws codepipeline get-pipeline` prints it.
pub(super) fn from_sdk(pipeline: &PipelineDeclaration) -> Result<Declaration, String> {
    let mut serializer = codec().create_serializer();
    serializer
        .write_struct(PipelineDeclaration::SCHEMA, pipeline)
        .map_err(|error| error.to_string())?;
    let json = serde_json::from_slice(&serializer.finish()).map_err(|error| error.to_string())?;
    Declaration::new(json).ok_or_else(|| "the declaration is not a JSON object".to_owned())
}

/// Converts to the type that CreatePipeline takes.
pub(super) fn to_sdk(declaration: &Declaration) -> Result<PipelineDeclaration, String> {
    let json = serde_json::to_vec(declaration.as_json()).map_err(|error| error.to_string())?;
    PipelineDeclaration::deserialize(&mut codec().create_deserializer(&json))
        .map_err(|error| error.to_string())
}

/// Returns a codec for JSON with the names of the AWS command line.
pub(super) fn codec() -> JsonCodec {
    JsonCodec::new(JsonCodecSettings::builder().use_json_name(false).build())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_declaration_that_uses_everything_survives_the_round_trip() {
        let condition = json!({"conditions": [{"result": "FAIL", "rules": [{
            "name": "window",
            "ruleTypeId": {"category": "Rule", "owner": "AWS", "provider": "DeploymentWindow", "version": "1"},
            "configuration": {"Cron": "* * * * *"}, "inputArtifacts": [{"name": "App"}], "region": "eu-west-1",
            "roleArn": "arn:aws:iam::123456789012:role/rule", "timeoutInMinutes": 5, "commands": ["true"],
        }]}]});
        let action = json!({
            "name": "Build", "runOrder": 2, "region": "eu-west-1", "namespace": "BuildVariables",
            "actionTypeId": {"category": "Compute", "owner": "AWS", "provider": "Commands", "version": "1"},
            "configuration": {"ProjectName": "api", "EnvironmentVariables": "[{\"name\":\"A\",\"value\":\"ü\"}]"},
            "commands": ["make", "make test"], "outputVariables": ["VERSION"], "timeoutInMinutes": 30,
            "inputArtifacts": [{"name": "App"}], "outputArtifacts": [{"name": "Out", "files": ["a/**"]}],
            "roleArn": "arn:aws:iam::123456789012:role/action",
            "environmentVariables": [{"name": "TOKEN", "value": "secret:arn", "type": "SECRETS_MANAGER"}],
        });
        let mut on_failure = condition.clone();
        on_failure["result"] = json!("RETRY");
        on_failure["retryConfiguration"] = json!({"retryMode": "FAILED_ACTIONS"});
        let full = json!({
            "name": "api-main", "version": 3, "pipelineType": "V2", "executionMode": "QUEUED",
            "roleArn": "arn:aws:iam::123456789012:role/pipeline",
            "artifactStores": {"eu-west-1": {
                "type": "S3", "location": "bucket", "encryptionKey": {"id": "alias/key", "type": "KMS"},
            }},
            "stages": [{
                "name": "Build", "blockers": [{"name": "hold", "type": "Schedule"}], "actions": [action],
                "onFailure": on_failure, "onSuccess": condition, "beforeEntry": condition,
            }],
            "variables": [{"name": "V", "defaultValue": "1", "description": "a variable"}],
            "triggers": [{"providerType": "CodeStarSourceConnection", "gitConfiguration": {
                "sourceActionName": "App",
                "push": [{"branches": {"includes": ["main"], "excludes": ["wip"]}, "tags": {"includes": ["v*"]},
                          "filePaths": {"includes": ["src/**"]}}],
                "pullRequest": [{"events": ["OPEN"], "branches": {"includes": ["main"]}}],
            }}],
        });
        let declaration = Declaration::new(full).unwrap();
        let there_and_back = from_sdk(&to_sdk(&declaration).unwrap()).unwrap();
        assert_eq!(there_and_back, declaration);
    }
}
