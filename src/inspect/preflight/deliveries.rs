//! Checks that the deliveries of GitHub's webhooks can be read.

use crate::domain::github::hook::Hook;
use crate::domain::report::fault::GitHubFault;

use crate::inspect::preflight::Finding;

/// Judges the answer of GitHub to the question for a webhook's deliveries.
#[must_use]
pub fn deliveries(hook: &Hook, fault: Option<&GitHubFault>) -> Finding {
    let what = format!("deliveries of {hook}");
    match (fault, hook) {
        (None, _) => Finding::good(what, "can be read, so events that were missed are found"),
        (Some(fault), Hook::App) => Finding::bad(
            what,
            fault.to_string(),
            "correct what the message names, or check the network and the proxy variables",
        ),
        (Some(fault), Hook::Organization { .. }) => Finding::bad(
            what,
            fault.to_string(),
            "correct github.hooks, or give the token the organization permission Webhooks: write",
        ),
        (Some(fault), Hook::Repository { .. }) => Finding::bad(
            what,
            fault.to_string(),
            "correct github.hooks, or give the token the repository permission Webhooks: write",
        ),
    }
}

/// Returns the finding for a token without webhooks.
#[must_use]
pub fn without_hooks() -> Finding {
    Finding::not_checked(
        "deliveries",
        "github.hooks names no webhook, so events that GitHub could not deliver are not found",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::report::fault::GitHubFaultKind;
    use crate::inspect::preflight::tests::lines;

    #[test]
    fn each_webhook_is_judged_by_the_answer_to_its_list() {
        let fault = GitHubFault::new(GitHubFaultKind::Missing, "GET /x: 404: Not Found");
        let hooks = [
            Hook::App,
            Hook::parse("orgs/acme/hooks/1").unwrap(),
            Hook::parse("repos/acme/api/hooks/2").unwrap(),
        ];
        let mut findings: Vec<Finding> = vec![deliveries(&Hook::App, None)];
        findings.extend(hooks.iter().map(|hook| deliveries(hook, Some(&fault))));
        findings.push(without_hooks());
        assert_eq!(
            lines(&findings),
            [
                "ok deliveries of app/hook: can be read, so events that were missed are found",
                "NO deliveries of app/hook: github-missing: GET /x: 404: Not Found",
                "NO deliveries of orgs/acme/hooks/1: github-missing: GET /x: 404: Not Found",
                "NO deliveries of repos/acme/api/hooks/2: github-missing: GET /x: 404: Not Found",
                "-- deliveries: github.hooks names no webhook, so events that GitHub could not deliver are not found",
            ]
        );
        assert!(findings[1..4].iter().all(|finding| finding.fix.is_some()));
    }
}
