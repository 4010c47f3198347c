//! Deployments and their statuses.

use serde::Deserialize;
use serde_json::Value;

use crate::domain::ids::DeploymentId;
use crate::domain::report::deployment::DeploymentStatus;
use crate::domain::report::deployment::record::DeploymentState;
use crate::domain::report::fault::GitHubFault;
use crate::ports::{Clock, Place, WantedDeployment};

use crate::github::bodies;
use crate::github::call::{Call, in_repository};
use crate::github::client::GitHubClient;
use crate::github::tokens::Scope;

/// Deployments on a page of a list.
const PAGE: usize = 100;
/// The most pages of deployments of one commit and environment. Others may deploy it as well.
const PAGES: usize = 10;

#[derive(Deserialize)]
struct Deployment {
    id: u64,
    /// A text, or an object, as its creator wrote it.
    payload: Option<Value>,
}

#[derive(Deserialize)]
struct Status {
    state: String,
}

impl<C: Clock> GitHubClient<C> {
    pub(super) async fn post_deployment(
        &self,
        place: &Place,
        wanted: &WantedDeployment,
    ) -> Result<DeploymentId, GitHubFault> {
        let path = in_repository(&place.name, "deployments");
        let call = Call::post("CreateDeployment", path, bodies::deployment(wanted));
        let answer = self.at(place, Scope::Deployments, &call).await?;
        let deployment: Deployment = call.read(&answer)?;
        Ok(DeploymentId(deployment.id))
    }

    /// Shows a state. Returns false if GitHub has no such deployment.
    pub(super) async fn post_deployment_status(
        &self,
        place: &Place,
        id: DeploymentId,
        status: &DeploymentStatus,
    ) -> Result<bool, GitHubFault> {
        let path = format!("deployments/{}/statuses", id.0);
        let path = in_repository(&place.name, &path);
        let body = bodies::deployment_status(status);
        let call = Call::post("CreateDeploymentStatus", path, body);
        match self.at(place, Scope::Deployments, &call).await {
            Ok(_) => Ok(true),
            // GitHub returns the same for a repository that the App may not see.
            Err(failed) if failed.status == Some(404) => {
                let path = in_repository(&place.name, "deployments?per_page=1");
                let call = Call::get("ListDeployments", path).without_etag();
                self.at(place, Scope::Deployments, &call).await?;
                Ok(false)
            }
            Err(failed) => Err(failed.fault),
        }
    }

    /// Looks for the deployments of a commit by their marker. Inactive ones do not count.
    pub(super) async fn list_deployments(
        &self,
        place: &Place,
        wanted: &WantedDeployment,
    ) -> Result<Vec<DeploymentId>, GitHubFault> {
        let query = |page: usize| {
            form_urlencoded::Serializer::new(String::new())
                .append_pair("sha", wanted.commit.as_str())
                .append_pair("environment", &wanted.environment)
                .append_pair("task", bodies::DEPLOYMENT_TASK)
                .append_pair("per_page", &PAGE.to_string())
                .append_pair("page", &page.to_string())
                .finish()
        };
        let mut found = Vec::new();
        for page in 1..=PAGES {
            let path = in_repository(&place.name, &format!("deployments?{}", query(page)));
            let call = Call::get("ListDeployments", path).without_etag();
            let answer = self.at(place, Scope::Deployments, &call).await?;
            let list: Vec<Deployment> = call.read(&answer)?;
            let count = list.len();
            let is_ours = |one: &Deployment| one.is_marked(&wanted.marker);
            for one in list.into_iter().filter(is_ours) {
                let id = DeploymentId(one.id);
                if !self.is_inactive(place, id).await? {
                    found.push(id);
                }
            }
            if count < PAGE {
                break;
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    async fn is_inactive(&self, place: &Place, id: DeploymentId) -> Result<bool, GitHubFault> {
        let path = format!("deployments/{}/statuses?per_page=1", id.0);
        let path = in_repository(&place.name, &path);
        let call = Call::get("ListDeploymentStatuses", path).without_etag();
        let answer = self.at(place, Scope::Deployments, &call).await?;
        // The newest is the first.
        let statuses: Vec<Status> = call.read(&answer)?;
        let newest = statuses.first().map(|status| status.state.as_str());
        Ok(newest == Some(DeploymentState::Inactive.as_str()))
    }
}

impl Deployment {
    fn is_marked(&self, marker: &str) -> bool {
        let read = |payload: &Value| {
            let mark = payload.get(bodies::DEPLOYMENT_MARK)?;
            mark.as_str().map(str::to_owned)
        };
        let mark = match &self.payload {
            Some(Value::String(text)) => {
                let payload: Option<Value> = serde_json::from_str(text).ok();
                payload.as_ref().and_then(read)
            }
            Some(payload) => read(payload),
            None => None,
        };
        mark.as_deref() == Some(marker)
    }
}
