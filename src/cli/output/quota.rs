//! The text of the limits on the number of pipelines.

use crate::cli::output::fields::{LINE, line};
use crate::cli::output::streaming_table::age;
use crate::domain::text::one_line;
use crate::inspect::quota::Quota;

/// Renders each limit in one line, and then each subject that waits, in order.
#[must_use]
pub fn text(quota: &Quota) -> String {
    let mut text = String::new();
    let account = &quota.account;
    let (limit, reserve) = (account.limit, account.reserve);
    let quota_of_account =
        format!("{limit} pipelines in the Region, of which {reserve} are reserved");
    let use_of_account = match account.pipelines {
        Some(pipelines) => format!("{pipelines} of {quota_of_account}"),
        None => format!("{quota_of_account}; not counted yet"),
    };
    line(&mut text, "account", &use_of_account);
    for rule in &quota.rules {
        let slots = format!("{} of {} for rule '{}'", rule.taken, rule.max, rule.rule);
        line(&mut text, "slots", &one_line(&slots, LINE));
    }
    for (place, waiting) in quota.lines() {
        for (number, one) in (1..).zip(waiting) {
            let subject = &one.subject;
            let since = age(one.seconds);
            let waits = format!("{number:>3}. for {place}: {subject}, since {since}");
            line(&mut text, "waiting", &one_line(&waits, LINE));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::quota::{AccountQuota, RuleQuota, WaitingSubject};

    #[test]
    fn each_limit_and_each_waiting_subject_is_a_line() {
        let waits = |subject: &str, seconds| WaitingSubject {
            subject: subject.to_owned(),
            since: "2026-11-26T12:00:00.000Z".to_owned(),
            seconds,
        };
        let quota = Quota {
            account: AccountQuota {
                limit: 1_000,
                reserve: 10,
                pipelines: Some(990),
                waiting: vec![waits("acme/web@main", 60)],
            },
            rules: vec![RuleQuota {
                rule: "api".to_owned(),
                max: 3,
                taken: 3,
                waiting: vec![waits("acme/api#7", 7_200), waits("acme/api#9", 300)],
            }],
        };
        insta::assert_snapshot!(text(&quota), @"
        account          990 of 1000 pipelines in the Region, of which 10 are reserved
        slots            3 of 3 for rule 'api'
        waiting            1. for the account: acme/web@main, since 60s
        waiting            1. for rule 'api': acme/api#7, since 2h
        waiting            2. for rule 'api': acme/api#9, since 5m
        ");
    }
}
