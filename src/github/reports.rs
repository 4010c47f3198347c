//! Implements the GitHub port. A report is shown as a check run or as a commit status.

use serde::Deserialize;

use crate::domain::github::Credentials;
use crate::domain::ids::{CheckRunId, CommentId, DeploymentId};
use crate::domain::report::deployment::DeploymentStatus;
use crate::domain::report::fault::GitHubFault;
use crate::domain::report::{Report, ReportForm};
use crate::ports::{Clock, Earlier, GitHub, Place, WantedDeployment};

use crate::github::bodies;
use crate::github::call::{Call, in_repository};
use crate::github::client::{GitHubClient, needs_app};
use crate::github::tokens::Scope;

/// Check runs on a page of a list.
const PAGE: usize = 100;
/// The most pages of check runs of one name and commit. GitHub keeps 1,000 of them.
const PAGES: usize = 10;

#[derive(Deserialize)]
struct CheckRun {
    id: u64,
    external_id: Option<String>,
}

#[derive(Deserialize)]
struct CheckRuns {
    check_runs: Vec<CheckRun>,
}

impl<C: Clock> GitHub for GitHubClient<C> {
    async fn report(
        &self,
        place: &Place,
        form: ReportForm,
        report: &Report,
        earlier: Earlier<CheckRunId>,
    ) -> Result<Option<CheckRunId>, GitHubFault> {
        match form {
            ReportForm::Status => self.add_status(place, report).await.map(|()| None),
            ReportForm::Check => {
                let known = match earlier {
                    Earlier::Nothing => None,
                    Earlier::Uncertain => self.find_check_run(place, report).await?,
                    Earlier::Created(id) => Some(id),
                };
                let updated = match known {
                    Some(id) => self.update_check_run(place, report, id).await?,
                    None => None,
                };
                match updated {
                    Some(id) => Ok(Some(id)),
                    None => self.create_check_run(place, report).await.map(Some),
                }
            }
        }
    }

    async fn comment(
        &self,
        place: &Place,
        pull_request: u64,
        text: &str,
        marker: &str,
        earlier: Earlier<CommentId>,
    ) -> Result<CommentId, GitHubFault> {
        let known = match earlier {
            Earlier::Nothing => None,
            Earlier::Uncertain => self.find_comment(place, pull_request, marker).await?,
            Earlier::Created(id) => Some(id),
        };
        let edited = match known {
            Some(id) => self.edit_comment(place, id, text).await?,
            None => None,
        };
        match edited {
            Some(id) => Ok(id),
            None => self.create_comment(place, pull_request, text).await,
        }
    }

    async fn create_deployment(
        &self,
        place: &Place,
        wanted: &WantedDeployment,
    ) -> Result<DeploymentId, GitHubFault> {
        self.post_deployment(place, wanted).await
    }

    async fn find_deployments(
        &self,
        place: &Place,
        wanted: &WantedDeployment,
    ) -> Result<Vec<DeploymentId>, GitHubFault> {
        self.list_deployments(place, wanted).await
    }

    async fn show_deployment(
        &self,
        place: &Place,
        id: DeploymentId,
        status: &DeploymentStatus,
    ) -> Result<bool, GitHubFault> {
        self.post_deployment_status(place, id, status).await
    }
}

impl<C: Clock> GitHubClient<C> {
    async fn add_status(&self, place: &Place, report: &Report) -> Result<(), GitHubFault> {
        let path = in_repository(&place.name, &format!("statuses/{}", report.commit));
        let call = Call::post("CreateCommitStatus", path, bodies::status(report));
        self.at(place, Scope::Statuses, &call).await?;
        Ok(())
    }

    async fn create_check_run(
        &self,
        place: &Place,
        report: &Report,
    ) -> Result<CheckRunId, GitHubFault> {
        let path = in_repository(&place.name, "check-runs");
        let call = Call::post("CreateCheckRun", path, bodies::check_run(report, true));
        self.refuse_token(&call)?;
        let answer = self.at(place, Scope::Checks, &call).await?;
        let run: CheckRun = call.read(&answer)?;
        Ok(CheckRunId(run.id))
    }

    /// Returns `None` if GitHub has no such check run any more.
    async fn update_check_run(
        &self,
        place: &Place,
        report: &Report,
        id: CheckRunId,
    ) -> Result<Option<CheckRunId>, GitHubFault> {
        let path = in_repository(&place.name, &format!("check-runs/{}", id.0));
        let call = Call::patch("UpdateCheckRun", path, bodies::check_run(report, false));
        self.refuse_token(&call)?;
        match self.at(place, Scope::Checks, &call).await {
            Ok(_) => Ok(Some(id)),
            Err(failed) if failed.status == Some(404) => Ok(None),
            Err(failed) => Err(failed.fault),
        }
    }

    /// Looks for the check run of a report by its external id. Of several, the newest counts for
    /// GitHub.
    async fn find_check_run(
        &self,
        place: &Place,
        report: &Report,
    ) -> Result<Option<CheckRunId>, GitHubFault> {
        let query = |page: usize, app: u64| {
            form_urlencoded::Serializer::new(String::new())
                .append_pair("check_name", &report.context)
                .append_pair("app_id", &app.to_string())
                .append_pair("filter", "all")
                .append_pair("per_page", &PAGE.to_string())
                .append_pair("page", &page.to_string())
                .finish()
        };
        let path = format!("commits/{}/check-runs", report.commit);
        let path = in_repository(&place.name, &path);
        self.refuse_token(&Call::get("ListCheckRuns", path.clone()))?;
        let app = self.own_id().await?;
        let mut newest = None;
        for page in 1..=PAGES {
            let call = Call::get("ListCheckRuns", format!("{path}?{}", query(page, app)));
            let answer = self.at(place, Scope::Checks, &call).await?;
            let list: CheckRuns = call.read(&answer)?;
            let count = list.check_runs.len();
            let same = list
                .check_runs
                .into_iter()
                .filter(|run| run.external_id.as_deref() == Some(report.external_id.as_str()));
            newest = newest.max(same.map(|run| CheckRunId(run.id)).max());
            if count < PAGE {
                break;
            }
        }
        Ok(newest)
    }

    /// GitHub lets only Apps write check runs.
    fn refuse_token(&self, call: &Call) -> Result<(), GitHubFault> {
        match &self.credentials {
            Credentials::App { .. } => Ok(()),
            Credentials::Token(_) => Err(needs_app(call).fault),
        }
    }
}
