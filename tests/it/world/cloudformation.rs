//! The fake CloudFormation as a port: a deletion takes a while, and may fail.

use branchline::domain::clone::stacks::{FoundStack, Stack};
use branchline::domain::fault::{Fault, Reason};
use branchline::domain::ids::{StackId, Timestamp};
use branchline::domain::state::claim::Claim;
use branchline::ports::{StackAnswer, StackReader, StackWriter};

use super::account::Account;
use super::fault_injection::Op;
use super::lock;
use super::pipelines::FakePipelines;

/// What a stack is while nothing happens to it.
const IDLE: &str = "UPDATE_COMPLETE";

/// Returns the id of a stack, of those that had this name.
fn id_of(name: &str, number: u32) -> StackId {
    let arn = format!("arn:aws:cloudformation:eu-west-1:123456789012:stack/{name}/{number}");
    StackId::parse(arn).expect("an id of a stack")
}

impl Account {
    fn found_stack(&mut self, name: &str, now: Timestamp) -> Option<FoundStack> {
        self.stacks.end_deletions(now);
        let created_at = self.stacks.created_at(name)?;
        let status = self.stacks.status(name);
        Some(FoundStack {
            id: id_of(name, self.stacks.number(name)),
            status: status.unwrap_or(IDLE).to_owned(),
            created_at,
        })
    }

    fn delete_stack(&mut self, id: &StackId, now: Timestamp) -> Result<(), Fault> {
        let name = id.name();
        assert!(name.contains("-pr-"), "{name} belongs to no subject");
        let found = self.found_stack(name, now).filter(|found| found.id == *id);
        match found {
            None => Ok(()),
            Some(found) if found.is_busy() => Err(Fault::new(
                Reason::StackNotDeleted,
                format!("ValidationError: stack {name} is {}", found.status),
            )),
            Some(_) => {
                self.stacks.begin_deletion(name, now);
                Ok(())
            }
        }
    }
}

impl FakePipelines {
    /// Makes a stack as another user of the account.
    pub(crate) fn give_stack(&self, name: &str) {
        let account = self.account();
        let mut account = lock(&account);
        let now = self.now();
        account.stacks.end_deletions(now);
        account.stacks.give(name, now);
    }

    /// Makes a stack that every pipeline may deploy.
    pub(crate) fn share_stack(&self, name: &str) {
        self.give_stack(name);
        lock(&self.account()).stacks.share(name);
    }

    /// Deletes a stack as another user of the account.
    pub(crate) fn remove_stack(&self, name: &str) {
        lock(&self.account()).stacks.remove(name);
    }

    /// Lets CloudFormation work on a stack; `None` ends that.
    pub(crate) fn set_stack_status(&self, stack: &str, status: Option<&'static str>) {
        lock(&self.account()).stacks.set_status(stack, status);
    }
}

impl StackReader for FakePipelines {
    fn named<'a>(&'a self, stack: &'a Stack) -> StackAnswer<'a, Option<FoundStack>> {
        let read = move || Ok(lock(&self.account()).found_stack(&stack.name, self.now()));
        Box::pin(async move { self.pass(Op::FindStack, read).await })
    }

    fn stack<'a>(&'a self, id: &'a StackId) -> StackAnswer<'a, Option<FoundStack>> {
        let read = move || {
            let found = lock(&self.account()).found_stack(id.name(), self.now());
            Ok(found.filter(|found| found.id == *id))
        };
        Box::pin(async move { self.pass(Op::FindStack, read).await })
    }

    fn kept<'a>(&'a self, id: &'a StackId) -> StackAnswer<'a, Vec<String>> {
        let read = move || {
            let found = lock(&self.account()).found_stack(id.name(), self.now());
            let failed = found.filter(|found| found.status == FoundStack::DELETE_FAILED);
            let kept = "Bucket (AWS::S3::Bucket): the bucket is not empty".to_owned();
            Ok(failed.map(|_| kept).into_iter().collect())
        };
        Box::pin(async move { self.pass(Op::FindStack, read).await })
    }

    fn all<'a>(&'a self, region: Option<&'a str>) -> StackAnswer<'a, Vec<FoundStack>> {
        let read = move || {
            let account = self.account();
            let mut account = lock(&account);
            let names: Vec<String> = account.stacks.names();
            let here = names
                .iter()
                .filter(|_| region.is_none_or(|region| region == "eu-west-1"));
            let now = self.now();
            Ok(here
                .filter_map(|name| account.found_stack(name, now))
                .collect())
        };
        Box::pin(async move { self.pass(Op::ListStacks, read).await })
    }
}

impl StackWriter for FakePipelines {
    fn delete<'a>(&'a self, id: &'a StackId, claim: &'a Claim) -> StackAnswer<'a, ()> {
        let mut recorded = claim.mapping().resources.stacks.iter();
        let is_recorded = recorded.any(|stack| stack.name == id.name());
        assert!(is_recorded, "the row of the claim has no '{id}'");
        let (id, now) = (id.clone(), self.now());
        let named = id.name().to_owned();
        let effect = move |account: &mut Account| account.delete_stack(&id, now);
        Box::pin(async move { self.change_named(Op::DeleteStack, &named, effect).await })
    }
}
