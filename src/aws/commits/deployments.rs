//! The records of the deployments of environments: one item for each subject, beside those of its
//! commits.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::domain::fault::Fault;
use crate::domain::ids::{
    CommitId, DeploymentId, InstallationId, RepositoryName, Subject, Timestamp,
};
use crate::domain::report::deployment::record::{
    Deployment, DeploymentRecord, DeploymentState, ShownDeployment,
};
use crate::ports::{Cursor, DeploymentLog, SubjectPage};

use crate::aws::commits::keys::{DEPLOYMENTS, subject_key};
use crate::aws::commits::{read, write};
use crate::aws::dynamodb::DynamoStore;
use crate::aws::expression::Expression;
use crate::aws::row::{Item, Part, flag, map, n, s, text};

/// The list of unsent deployments in the index.
const UNSENT: &str = "deployment-unsent";

impl DeploymentLog for DynamoStore {
    async fn deployments(&self, subject: &Subject) -> Result<Option<DeploymentRecord>, Fault> {
        let item = self
            .item(subject_key(subject), DEPLOYMENTS.to_owned())
            .await?;
        item.as_ref().map(record).transpose()
    }

    async fn replace_deployments(&self, record: &DeploymentRecord) -> Result<bool, Fault> {
        let change = replacement(record);
        self.replace_record(&record.subject, DEPLOYMENTS, change, record.version)
            .await
    }

    async fn unsent_deployments(
        &self,
        before: Timestamp,
        after: Option<Cursor>,
    ) -> Result<SubjectPage, Fault> {
        self.listed_subjects(UNSENT, before, after).await
    }
}

fn replacement(record: &DeploymentRecord) -> Expression {
    let list = record.is_unsent.then_some(UNSENT);
    let mut change = match record.deployments.is_empty() {
        true => write::touched(record.updated_at, list),
        false => write::touched_for_good(record.updated_at, list),
    };
    let all = record.deployments.iter().map(deployment);
    change.set("repository", text(Some(&record.repository)));
    change.set("installation", record.installation.map(|id| n(id.0)));
    change.set("commit", text(Some(&record.commit)));
    change.set("deployments", Some(AttributeValue::L(all.collect())));
    change.set("sender", record.sender.as_ref().map(write::sender));
    change.set("failed", record.failed.as_ref().map(write::failed));
    change
}

fn deployment(one: &Deployment) -> AttributeValue {
    map([
        ("commit", text(Some(&one.commit))),
        ("environment", text(Some(&one.environment))),
        ("id", one.id.map(|id| n(id.0))),
        ("lost", Some(AttributeValue::Bool(one.is_lost))),
        ("ending", flag(one.is_ending)),
        ("shown", one.shown.as_ref().map(shown)),
    ])
}

fn shown(shown: &ShownDeployment) -> AttributeValue {
    map([
        ("state", Some(s(shown.state.as_str()))),
        ("page", text(shown.page.as_ref())),
    ])
}

fn record(item: &Item) -> Result<DeploymentRecord, Fault> {
    let row = Part::row(item);
    let mut deployments = Vec::new();
    for value in row.list("deployments")? {
        let AttributeValue::M(attributes) = value else {
            return Err(row.fault("deployments"));
        };
        deployments.push(read_deployment(&row.inside("deployments", attributes))?);
    }
    Ok(DeploymentRecord {
        subject: read::subject(item)?,
        repository: row.parse("repository", |name| RepositoryName::parse(name).ok())?,
        installation: row.number("installation")?.map(InstallationId),
        commit: row.parse("commit", |sha| CommitId::parse(sha).ok())?,
        deployments,
        sender: row.part("sender", read::sender)?,
        failed: row.part("failed", read::failed)?,
        is_unsent: row.text("state")?.is_some(),
        version: row.required("version")?,
        updated_at: row.parse("updated_at", Timestamp::from_rfc3339)?,
    })
}

fn read_deployment(part: &Part<'_>) -> Result<Deployment, Fault> {
    Ok(Deployment {
        commit: part.parse("commit", |sha| CommitId::parse(sha).ok())?,
        environment: part.owned("environment")?,
        id: part.number("id")?.map(DeploymentId),
        is_lost: part.flag("lost")?,
        is_ending: part.optional_flag("ending")?,
        shown: part.part("shown", read_shown)?,
    })
}

fn read_shown(part: &Part<'_>) -> Result<ShownDeployment, Fault> {
    Ok(ShownDeployment {
        state: part.parse("state", DeploymentState::parse)?,
        page: part.text("page")?.map(str::to_owned),
    })
}
