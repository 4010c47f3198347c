//! The limits on the number of pipelines: how many there are, and who waits.

use serde::Serialize;

use crate::domain::fault::Fault;
use crate::domain::ids::{RepositoryId, Subject, SubjectKind, Timestamp};
use crate::domain::rules::rule::Rules;
use crate::domain::state::slots::{Line, PipelineQuota, Waiter};
use crate::ports::StoreReader;

/// The limits, of the account first and then of each rule with `max_active`.
#[derive(Debug, Serialize)]
pub struct Quota {
    /// The account's quota of pipelines in the Region.
    pub account: AccountQuota,
    /// The rules with `max_active`, in the order of the file.
    pub rules: Vec<RuleQuota>,
}

/// The account's quota.
#[derive(Debug, Serialize)]
pub struct AccountQuota {
    /// The quota (`aws.pipeline_limit`).
    pub limit: u32,
    /// How many branchline leaves to others (`aws.pipeline_reserve`).
    pub reserve: u32,
    /// The pipelines when a daemon last counted them; `None` if none did yet.
    pub pipelines: Option<usize>,
    /// Those who wait, in order.
    pub waiting: Vec<WaitingSubject>,
}

/// The slots of a rule.
#[derive(Debug, Serialize)]
pub struct RuleQuota {
    /// The name of the rule.
    pub rule: String,
    /// Its `max_active`.
    pub max: u32,
    /// The slots that are taken.
    pub taken: usize,
    /// Those who wait, in order.
    pub waiting: Vec<WaitingSubject>,
}

/// A subject that waits.
#[derive(Debug, Serialize)]
pub struct WaitingSubject {
    /// The subject.
    pub subject: String,
    /// When it was first refused.
    pub since: String,
    /// Seconds since then.
    pub seconds: u64,
}

impl Quota {
    /// Reads the limits: one call, and one for each rule with `max_active`.
    ///
    /// # Errors
    /// The table did not answer.
    pub async fn read<S: StoreReader>(
        store: &S,
        rules: &Rules,
        quota: PipelineQuota,
        now: Timestamp,
    ) -> Result<Self, Fault> {
        let waiting = |all: Vec<Waiter>| {
            let all = all.into_iter();
            all.map(|waiter| WaitingSubject::new(&waiter, now))
                .collect()
        };
        let seen = store.account_use().await?;
        let account = AccountQuota {
            limit: quota.limit,
            reserve: quota.reserve,
            pipelines: seen.counted.then_some(seen.taken),
            waiting: waiting(seen.waiting),
        };
        // The line does not depend on the subject that asks.
        let anyone = Subject {
            repository: RepositoryId(0),
            kind: SubjectKind::PullRequest(0),
        };
        let mut limited = Vec::new();
        for rule in rules.all() {
            if let Some(max) = rule.max_active {
                let slots = store.slots(&rule.name, &anyone).await?;
                limited.push(RuleQuota {
                    rule: rule.name.clone(),
                    max,
                    taken: slots.taken,
                    waiting: waiting(slots.waiting),
                });
            }
        }
        Ok(Self {
            account,
            rules: limited,
        })
    }

    /// Returns each line with the subjects in it.
    pub fn lines(&self) -> impl Iterator<Item = (Line, &[WaitingSubject])> {
        let account = (Line::Account, self.account.waiting.as_slice());
        let rules = self.rules.iter();
        let rules = rules.map(|rule| (Line::Rule(rule.rule.clone()), rule.waiting.as_slice()));
        std::iter::once(account).chain(rules)
    }
}

impl WaitingSubject {
    fn new(waiter: &Waiter, now: Timestamp) -> Self {
        Self {
            subject: waiter.subject.display(&waiter.repository),
            since: waiter.since.to_string(),
            seconds: now.since(waiter.since).as_secs(),
        }
    }
}
