//! Checks whether the daemon may look for the stacks of clones, and delete them if
//! `preview.teardown = "stacks"` lets it do so.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::clone::NewPipeline;
use crate::domain::clone::overrides::TeardownPolicy;
use crate::domain::clone::stacks::{Stack, StackKey};
use crate::domain::clone::tags::REPOSITORY;
use crate::domain::fault::Fault;
use crate::domain::rules::rule::Rule;
use crate::ports::PolicyDecision;

use crate::inspect::preflight::Finding;

/// What the daemon does with a stack before its clone is created.
const FIND: [&str; 1] = ["cloudformation:DescribeStacks"];
/// What the daemon does with a stack that it deletes.
const DELETE: [&str; 3] = [
    "cloudformation:DescribeStacks",
    "cloudformation:DeleteStack",
    "cloudformation:DescribeStackResources",
];

/// A request about a clone's stack that the daemon must be allowed to make.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StackRequest {
    /// The action.
    pub action: &'static str,
    /// The ARN of a stack as the clones of the rule would have it.
    pub stack: String,
}

/// The stacks that rules give to one made-up subject, each with the rule and the repository.
#[derive(Debug, Default)]
pub struct RuleStacks(BTreeMap<StackKey, (String, String)>);

impl RuleStacks {
    /// Adds the stacks of a clone of a rule. Returns a finding if another rule gives one of them to
    /// a subject of another repository: the second one gets no pipeline.
    pub fn add(&mut self, rule: &Rule, clone: &NewPipeline) -> Option<Finding> {
        let repository = clone.tags.get(REPOSITORY).cloned().unwrap_or_default();
        let mut shared = None;
        for stack in &clone.stacks {
            let new = (rule.name.clone(), repository.clone());
            let (other, theirs) = self.0.entry(stack.key(&clone.arn)).or_insert(new);
            if *theirs != repository {
                let detail = format!(
                    "stack {} would belong to a subject of {repository}, and by rule '{other}' to one of {theirs}",
                    stack.name
                );
                let fix = "let stack_suffix in preview of one of the rules contain {repo}";
                let what = format!("stacks of rule '{}'", rule.name);
                shared = Some(Finding::bad(what, detail, fix));
            }
        }
        shared
    }
}

/// Returns the requests that the daemon makes for the stacks of a clone of this rule.
#[must_use]
pub fn stack_requests(rule: &Rule, clone: &NewPipeline) -> BTreeSet<StackRequest> {
    let actions = match rule.overrides.preview.teardown {
        TeardownPolicy::Run | TeardownPolicy::Pipeline(_) => &FIND[..],
        TeardownPolicy::Stacks => &DELETE[..],
        TeardownPolicy::None => &[],
    };
    let parts: Vec<&str> = clone.arn.as_str().split(':').collect();
    let [_, partition, _, home, account, ..] = parts.as_slice() else {
        return BTreeSet::new();
    };
    let arn = |name: &str, region: &str| {
        format!("arn:{partition}:cloudformation:{region}:{account}:stack/{name}/0")
    };
    let is_here = |stack: &&Stack| stack.role_of_other_account(&clone.arn).is_none();
    let stacks = clone.stacks.iter().filter(is_here);
    let stacks = stacks.map(|stack| arn(&stack.name, stack.region.as_deref().unwrap_or(home)));
    let requests = stacks.flat_map(|stack| {
        actions.iter().map(move |action| StackRequest {
            action,
            stack: stack.clone(),
        })
    });
    requests.collect()
}

/// Says that the daemon's permissions on stacks were not checked.
#[must_use]
pub fn without_daemon_role_for_stacks() -> Finding {
    let detail = "whether the daemon may look for the stacks of clones, and delete them where a rule says so, was not checked: give --daemon-role";
    Finding::not_checked("stacks", detail)
}

/// Converts IAM's answer for a request.
#[must_use]
pub fn may_delete(
    request: &StackRequest,
    daemon: &str,
    answer: Result<PolicyDecision, Fault>,
) -> Finding {
    let (action, stack) = (request.action, &request.stack);
    let otherwise = match FIND.contains(&action) {
        true => "",
        false => ", or set teardown = \"run\" in preview of the rule",
    };
    let what = format!("{action} of {daemon}");
    match answer {
        Ok(PolicyDecision::Allowed) => Finding::good(what, format!("is allowed on {stack}")),
        Ok(PolicyDecision::Denied | PolicyDecision::Forbidden) => Finding::bad(
            what,
            format!("is denied on {stack}, a stack as clones would have it"),
            format!(
                "allow it on the stacks of clones (stack_names of infra/): {{\"Effect\":\"Allow\",\"Action\":\"{action}\",\"Resource\":\"{stack}\"}}{otherwise}"
            ),
        ),
        Err(fault) => {
            let permission = format!("iam:SimulatePrincipalPolicy on {daemon}");
            Finding::from_fault(&what, &fault, &permission)
        }
    }
}
