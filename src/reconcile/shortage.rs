//! Finds out whether subjects wait for the slot of a pipeline that is idle (`on_full`).

use crate::domain::fault::Fault;
use crate::domain::rules::retention::OnFull;
use crate::domain::rules::rule::Rule;
use crate::domain::state::slots::Line;
use crate::ports::{Clock, Pipelines, Store};
use crate::reconcile::Reconciler;
use crate::reconcile::wake::anyone;

/// A line in which subjects wait that find no slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// The line.
    pub line: Line,
    /// How many they are.
    pub subjects: usize,
}

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Returns where subjects wait for the slot of a pipeline that may be removed for them. Costs
    /// one read for the account and one for each rule with `on_full = "evict-idle"` and
    /// `max_active`; none without a rule with `on_full = "evict-idle"`.
    ///
    /// # Errors
    /// The table did not answer.
    pub async fn shortages(&self) -> Result<Vec<Shortage>, Fault> {
        let evicts = |rule: &&Rule| rule.retention.on_full == OnFull::EvictIdle;
        let rules: Vec<&Rule> = self.rules().all().iter().filter(evicts).collect();
        let mut lines: Vec<Line> = rules
            .iter()
            .filter(|rule| rule.max_active.is_some())
            .map(|rule| Line::Rule(rule.name.clone()))
            .collect();
        lines.extend((!rules.is_empty()).then_some(Line::Account));
        let mut shortages = Vec::new();
        for line in lines {
            let subjects = self.shortage(&line).await?;
            if subjects > 0 {
                shortages.push(Shortage { line, subjects });
            }
        }
        Ok(shortages)
    }

    /// Returns how many subjects in a line find no slot.
    pub(super) async fn shortage(&self, line: &Line) -> Result<usize, Fault> {
        match line {
            Line::Account => {
                let seen = self.store().account_use().await?;
                let usable = self.executor.account.usable();
                Ok(if seen.counted {
                    seen.shortage(usable)
                } else {
                    0
                })
            }
            Line::Rule(name) => {
                let rule = self.rules().named(name);
                let Some(max) = rule.and_then(|rule| rule.max_active) else {
                    return Ok(0);
                };
                let slots = self.store().slots(name, &anyone()).await?;
                Ok(slots.shortage(max))
            }
        }
    }
}
