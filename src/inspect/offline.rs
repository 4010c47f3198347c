//! Explaining without AWS: a template from a file, and a table in which nothing is.

use serde_json::Value;

use crate::domain::clone::Template;
use crate::domain::clone::declaration::Declaration;
use crate::domain::fault::Fault;
use crate::domain::ids::{PipelineArn, PipelineName, Subject};
use crate::domain::state::mapping::Mapping;

use crate::inspect::explain::AccountReader;

/// The output of `aws codepipeline get-pipeline` as the template, and no subject ever seen.
pub struct OfflineAccount(Template);

impl OfflineAccount {
    /// Reads the file's text.
    ///
    /// # Errors
    /// One sentence.
    pub fn read(text: &str) -> Result<Self, String> {
        let odd = || "want the output of `aws codepipeline get-pipeline --name NAME`".to_owned();
        let json: Value =
            serde_json::from_str(text).map_err(|why| format!("not JSON ({why}): {}", odd()))?;
        let arn = json
            .pointer("/metadata/pipelineArn")
            .and_then(Value::as_str);
        let arn = arn.unwrap_or("arn:aws:codepipeline:eu-west-1:000000000000:template");
        let arn = PipelineArn::parse(arn).map_err(|why| why.to_string())?;
        let declaration = Declaration::new(json.get("pipeline").unwrap_or(&json).clone());
        let declaration = declaration.filter(|declaration| declaration.stages().next().is_some());
        let declaration = declaration.ok_or_else(odd)?;
        let version = declaration.as_json().get("version").and_then(Value::as_i64);
        Ok(Self(Template {
            version: version.and_then(|version| i32::try_from(version).ok()),
            declaration,
            arn,
        }))
    }
}

impl AccountReader for OfflineAccount {
    async fn mapping(&self, _subject: &Subject) -> Result<Option<Mapping>, Fault> {
        Ok(None)
    }

    /// The file, whatever the rule calls its template.
    async fn template(&self, _name: &PipelineName) -> Result<Template, Fault> {
        Ok(self.0.clone())
    }
}
