//! Implements the stacks port with CloudFormation.
//!
//! Its calls have no limiter of their own: a teardown makes a few in a minute.

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::config::{Builder, Region};
use aws_sdk_cloudformation::error::ProvideErrorMetadata;
use aws_sdk_cloudformation::primitives::DateTime;
use aws_sdk_cloudformation::types::{ResourceStatus, StackStatus};

use crate::domain::clone::stacks::{FoundStack, Stack};
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{StackId, Timestamp};
use crate::domain::state::claim::Claim;
use crate::ports::{StackAnswer, StackReader, StackWriter};

use crate::aws::Aws;
use crate::aws::call::measured;
use crate::aws::fault::{Service, fault};

/// What DescribeStacks says about a stack that does not exist: `Stack with id NAME does not exist`
/// (API reference, "Errors": a ValidationError, as for other mistakes).
const MISSING: &str = "does not exist";
const VALIDATION: &str = "ValidationError";

/// The clients of CloudFormation, one for each Region.
pub struct CloudFormationStacks {
    home: Client,
    /// Makes the client of another Region.
    config: Builder,
}

impl Aws {
    /// Creates the client of CloudFormation.
    #[must_use]
    pub fn stacks(&self) -> CloudFormationStacks {
        CloudFormationStacks::new(Builder::from(&self.0))
    }
}

impl CloudFormationStacks {
    /// Wraps a configuration.
    #[must_use]
    pub fn new(config: Builder) -> Self {
        Self {
            home: Client::from_conf(config.clone().build()),
            config,
        }
    }

    fn client(&self, region: Option<&str>) -> Client {
        let home = self.home.config().region().map(Region::as_ref);
        match region {
            Some(region) if home != Some(region) => {
                let config = self.config.clone().region(Region::new(region.to_owned()));
                Client::from_conf(config.build())
            }
            Some(_) | None => self.home.clone(),
        }
    }

    async fn find(&self, name: &str, region: Option<&str>) -> Result<Option<FoundStack>, Fault> {
        let call = format!("DescribeStacks {name}");
        let request = self.client(region).describe_stacks().stack_name(name);
        let answer = match measured(Service::CloudFormation, &call, request.send()).await {
            Ok(answer) => answer,
            Err(error) if is_missing(error.code(), error.message()) => return Ok(None),
            Err(error) => return Err(fault(Service::CloudFormation, &call, error)),
        };
        let Some(stack) = answer.stacks().first() else {
            return Ok(None);
        };
        let (id, status) = (stack.stack_id(), stack.stack_status());
        found(&call, id, status, stack.creation_time())
    }

    async fn failed(&self, id: &StackId) -> Result<Vec<String>, Fault> {
        let call = format!("DescribeStackResources {}", id.name());
        let client = self.client(Some(id.region()));
        let request = client.describe_stack_resources().stack_name(id.as_str());
        let answer = measured(Service::CloudFormation, &call, request.send()).await;
        let answer = answer.map_err(|error| fault(Service::CloudFormation, &call, error))?;
        let kept = answer.stack_resources().iter();
        let kept = kept.filter(|one| one.resource_status() == Some(&ResourceStatus::DeleteFailed));
        let described = kept.map(|one| {
            let name = one.logical_resource_id().unwrap_or("a resource");
            let kind = one.resource_type().unwrap_or("unknown type");
            let why = one.resource_status_reason().unwrap_or("no reason");
            format!("{name} ({kind}): {why}")
        });
        Ok(described.collect())
    }

    async fn list(&self, region: Option<&str>) -> Result<Vec<FoundStack>, Fault> {
        let call = "ListStacks";
        let client = self.client(region);
        let (mut all, mut next) = (Vec::new(), None);
        loop {
            let request = client.list_stacks().set_next_token(next);
            let request = request.set_stack_status_filter(Some(present()));
            let answer = measured(Service::CloudFormation, call, request.send()).await;
            let answer = answer.map_err(|error| fault(Service::CloudFormation, call, error))?;
            for one in answer.stack_summaries() {
                let (id, status) = (one.stack_id(), one.stack_status());
                all.extend(found(call, id, status, one.creation_time())?);
            }
            next = answer.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(all);
            }
        }
    }

    async fn remove(&self, id: &StackId) -> Result<(), Fault> {
        let call = format!("DeleteStack {}", id.name());
        // Without a role CloudFormation takes the one that it deployed the stack with (API
        // reference, DeleteStack, `RoleARN`).
        let client = self.client(Some(id.region()));
        let request = client.delete_stack().stack_name(id.as_str());
        match measured(Service::CloudFormation, &call, request.send()).await {
            Ok(_) => Ok(()),
            Err(error) if is_missing(error.code(), error.message()) => Ok(()),
            Err(error) => Err(fault(Service::CloudFormation, &call, error)),
        }
    }
}

impl StackReader for CloudFormationStacks {
    fn named<'a>(&'a self, stack: &'a Stack) -> StackAnswer<'a, Option<FoundStack>> {
        Box::pin(self.find(&stack.name, stack.region.as_deref()))
    }

    fn stack<'a>(&'a self, id: &'a StackId) -> StackAnswer<'a, Option<FoundStack>> {
        Box::pin(self.find(id.as_str(), Some(id.region())))
    }

    fn kept<'a>(&'a self, id: &'a StackId) -> StackAnswer<'a, Vec<String>> {
        Box::pin(self.failed(id))
    }

    fn all<'a>(&'a self, region: Option<&'a str>) -> StackAnswer<'a, Vec<FoundStack>> {
        Box::pin(self.list(region))
    }
}

impl StackWriter for CloudFormationStacks {
    fn delete<'a>(&'a self, id: &'a StackId, _claim: &'a Claim) -> StackAnswer<'a, ()> {
        Box::pin(self.remove(id))
    }
}

/// Returns a stack of an answer; `None` if it was deleted.
fn found(
    call: &str,
    id: Option<&str>,
    status: Option<&StackStatus>,
    created: Option<&DateTime>,
) -> Result<Option<FoundStack>, Fault> {
    let unreadable = |why: &str| Fault::new(Reason::AwsUnknown, format!("{call}: {why}"));
    let id = id.ok_or_else(|| unreadable("an answer without an id"))?;
    let id = StackId::parse(id).map_err(|why| unreadable(&why.to_string()))?;
    let status = status.ok_or_else(|| unreadable("an answer without a status"))?;
    let created = created.and_then(|time| time.to_millis().ok());
    let created = created.ok_or_else(|| unreadable("an answer without a time of creation"))?;
    let exists = *status != StackStatus::DeleteComplete;
    Ok(exists.then(|| FoundStack {
        id,
        status: status.as_str().to_owned(),
        created_at: Timestamp(created),
    }))
}

/// Returns every status of a stack that exists.
fn present() -> Vec<StackStatus> {
    let all = StackStatus::values()
        .iter()
        .map(|name| StackStatus::from(*name));
    all.filter(|status| *status != StackStatus::DeleteComplete)
        .collect()
}

fn is_missing(code: Option<&str>, message: Option<&str>) -> bool {
    code == Some(VALIDATION) && message.is_some_and(|message| message.contains(MISSING))
}
