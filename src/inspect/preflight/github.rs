//! Checks that GitHub lets branchline do what the rules need.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::github::api_url::ApiUrl;
use crate::domain::github::clock;
use crate::domain::github::needs::Uses;
use crate::domain::ids::{RepositoryName, Timestamp};
use crate::domain::report::fault::GitHubFault;
use crate::ports::{Grants, Identity, Installation, SignedIn};

use crate::inspect::preflight::Finding;

/// The remaining lifetime of a token from which it is a warning.
const EXPIRES_SOON: Duration = Duration::from_hours(14 * 24);

/// Judges who branchline is at GitHub, its permissions and events, and the clock.
#[must_use]
pub fn github(
    api: &ApiUrl,
    answer: Result<&SignedIn, &GitHubFault>,
    uses: Uses,
    now: Timestamp,
) -> Vec<Finding> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(fault) => return vec![from_fault("GitHub", fault)],
    };
    let mut findings = match &answer.identity {
        Identity::App { slug, grants } => {
            let detail = format!("signed in at {api} as the App {slug}");
            vec![
                Finding::good("GitHub", detail),
                permissions("permissions of the GitHub App", grants, uses),
                events(grants, uses),
            ]
        }
        Identity::Person { login, expires_at } => {
            vec![token(api, login, *expires_at, uses, now)]
        }
    };
    findings.extend(answer.clock_ahead_ms.map(of_clock));
    findings
}

/// Judges the App's installation in a repository.
#[must_use]
pub fn github_installation(
    repository: &RepositoryName,
    answer: Result<Option<&Installation>, &GitHubFault>,
    uses: Uses,
) -> Finding {
    let what = format!("GitHub App in {repository}");
    match answer {
        Err(fault) => from_fault(&what, fault),
        Ok(None) => Finding::bad(
            what,
            "is not installed in this repository, or the repository does not exist",
            "install the App there: its settings, Install App",
        ),
        Ok(Some(installation)) if installation.is_suspended => Finding::bad(
            what,
            "the installation is suspended",
            "unsuspend it in the settings of the repository's owner, GitHub Apps",
        ),
        Ok(Some(installation)) => {
            let finding = permissions(&what, &installation.grants, uses);
            match finding.ok {
                Some(false) => Finding {
                    fix: Some(
                        "accept the App's new permissions in the settings of the repository's owner, GitHub Apps"
                            .to_owned(),
                    ),
                    ..finding
                },
                Some(true) | None => finding,
            }
        }
    }
}

fn permissions(what: &str, grants: &Grants, uses: Uses) -> Finding {
    let granted: &BTreeMap<String, String> = &grants.permissions;
    let needed = uses.permissions();
    let missing: Vec<String> = needed
        .iter()
        .filter(|one| {
            let granted = granted.get(one.name).map(String::as_str);
            !one.level.is_covered_by(granted)
        })
        .map(|one| format!("{}: {} ({})", one.name, one.level.as_str(), one.reason))
        .collect();
    if missing.is_empty() {
        let has = needed
            .iter()
            .map(|one| format!("{}: {}", one.name, one.level.as_str()));
        return Finding::good(what, has.collect::<Vec<_>>().join(", "));
    }
    Finding::bad(
        what,
        format!("missing: {}", missing.join("; ")),
        "grant them in the App's settings, Permissions & events, and accept them in each installation",
    )
}

fn events(grants: &Grants, uses: Uses) -> Finding {
    let what = "events of the GitHub App";
    let needed = uses.events();
    let missing: Vec<String> = needed
        .iter()
        .filter(|event| !grants.events.contains(event.name))
        .map(|event| format!("{} ({})", event.name, event.reason))
        .collect();
    if missing.is_empty() {
        let names: Vec<&str> = needed.iter().map(|event| event.name).collect();
        return Finding::good(what, names.join(", "));
    }
    Finding::bad(
        what,
        format!("its webhook does not send: {}", missing.join("; ")),
        "subscribe to them in the App's settings, Permissions & events",
    )
}

fn token(
    api: &ApiUrl,
    login: &str,
    expires_at: Option<Timestamp>,
    uses: Uses,
    now: Timestamp,
) -> Finding {
    let expires = match expires_at {
        Some(time) => format!("expires at {time}"),
        None => "does not expire".to_owned(),
    };
    let detail = format!("signed in at {api} with a token of {login}, which {expires}");
    if uses.checks {
        return Finding::bad(
            "GitHub",
            format!("{detail}; GitHub lets only Apps create check runs"),
            "set github.app and github.private_key (`branchline setup github-app`), or report = \"status\"",
        );
    }
    let mut finding = Finding::good("GitHub", detail);
    if expires_at.is_some_and(|time| time.since(now) < EXPIRES_SOON) {
        let warning = "The token expires within 14 days: create a new one.";
        finding.warnings.push(warning.to_owned());
    }
    finding
}

fn of_clock(ahead_ms: i64) -> Finding {
    match clock::intolerable(ahead_ms) {
        Some(difference) => Finding::bad(
            "clock",
            difference,
            "synchronize it, for instance with chrony",
        ),
        None => {
            let seconds = clock::TOLERATED.as_secs();
            Finding::good(
                "clock",
                format!("differs from GitHub's by less than {seconds} s"),
            )
        }
    }
}

fn from_fault(what: &str, fault: &GitHubFault) -> Finding {
    Finding::bad(
        what,
        fault.to_string(),
        "correct what the message names, or check the network and the proxy variables",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::report::fault::GitHubFaultKind;
    use crate::inspect::preflight::tests::lines;

    const NOW: Timestamp = Timestamp(1_767_225_600_000);
    const CHECKS: Uses = Uses {
        checks: true,
        statuses: false,
        comments: false,
        deployments: false,
        merge_groups: false,
    };

    fn grants(permissions: &[(&str, &str)], events: &[&str]) -> Grants {
        Grants {
            permissions: permissions
                .iter()
                .map(|(name, level)| ((*name).to_owned(), (*level).to_owned()))
                .collect(),
            events: events.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    fn enough() -> Grants {
        grants(
            &[
                ("metadata", "read"),
                ("contents", "read"),
                ("pull_requests", "write"),
                ("checks", "write"),
            ],
            &[
                "pull_request",
                "push",
                "create",
                "delete",
                "repository",
                "check_run",
                "check_suite",
            ],
        )
    }

    fn judged(identity: Identity, clock_ahead_ms: Option<i64>, uses: Uses) -> Vec<Finding> {
        let answer = SignedIn {
            identity,
            clock_ahead_ms,
        };
        github(&ApiUrl::default(), Ok(&answer), uses, NOW)
    }

    fn app(grants: Grants) -> Identity {
        Identity::App {
            slug: "branchline-acme".to_owned(),
            grants,
        }
    }

    #[test]
    fn an_app_with_everything_is_good() {
        assert_eq!(
            lines(&judged(app(enough()), Some(-1_200), CHECKS)),
            [
                "ok GitHub: signed in at https://api.github.com as the App branchline-acme",
                "ok permissions of the GitHub App: metadata: read, contents: read, pull_requests: read, checks: write",
                "ok events of the GitHub App: pull_request, push, create, delete, repository, check_run, check_suite",
                "ok clock: differs from GitHub's by less than 30 s",
            ]
        );
    }

    #[test]
    fn what_is_missing_is_named_with_its_reason() {
        let few = grants(
            &[
                ("metadata", "read"),
                ("contents", "read"),
                ("checks", "read"),
            ],
            &[
                "pull_request",
                "push",
                "create",
                "delete",
                "repository",
                "check_run",
            ],
        );
        let findings = judged(app(few.clone()), Some(95_000), CHECKS);
        assert_eq!(
            lines(&findings)[1..],
            [
                "NO permissions of the GitHub App: missing: pull_requests: read (to receive the events of pull requests, and to list them); checks: write (to show check runs, and to receive clicks on Re-run)",
                "NO events of the GitHub App: its webhook does not send: check_suite (a person clicks on Re-run all checks)",
                "NO clock: this machine's clock is 95 s ahead of GitHub's",
            ]
        );
        assert!(findings[1..].iter().all(|finding| finding.fix.is_some()));
    }

    #[test]
    fn a_token_is_enough_without_check_runs() {
        let person = |days: u64| Identity::Person {
            login: "octocat".to_owned(),
            expires_at: Some(NOW.plus(Duration::from_hours(24 * days))),
        };
        let findings = judged(person(30), None, Uses::default());
        assert_eq!(
            lines(&findings),
            [
                "ok GitHub: signed in at https://api.github.com with a token of octocat, which expires at 2026-01-31T00:00:00.000Z"
            ]
        );
        assert!(findings[0].warnings.is_empty());
        let soon = judged(person(13), None, Uses::default());
        assert_eq!(soon[0].warnings.len(), 1);
        let forever = Identity::Person {
            login: "octocat".to_owned(),
            expires_at: None,
        };
        assert_eq!(
            lines(&judged(forever, None, CHECKS)),
            [
                "NO GitHub: signed in at https://api.github.com with a token of octocat, which does not expire; GitHub lets only Apps create check runs"
            ]
        );
    }

    #[test]
    fn an_installation_may_lag_behind_its_app() {
        let repository = RepositoryName::parse("acme/api").unwrap();
        let installation = |grants, is_suspended| Installation {
            id: crate::domain::ids::InstallationId(5),
            grants,
            is_suspended,
        };
        let fault = GitHubFault::new(GitHubFaultKind::Unavailable, "GET /x: no answer");
        let (good, suspended) = (installation(enough(), false), installation(enough(), true));
        let old = installation(
            grants(
                &[
                    ("metadata", "read"),
                    ("contents", "read"),
                    ("pull_requests", "read"),
                ],
                &[],
            ),
            false,
        );
        let answers = [
            Ok(Some(&good)),
            Ok(Some(&suspended)),
            Ok(Some(&old)),
            Ok(None),
            Err(&fault),
        ];
        let findings = answers.map(|answer| github_installation(&repository, answer, CHECKS));
        assert_eq!(
            lines(&findings),
            [
                "ok GitHub App in acme/api: metadata: read, contents: read, pull_requests: read, checks: write",
                "NO GitHub App in acme/api: the installation is suspended",
                "NO GitHub App in acme/api: missing: checks: write (to show check runs, and to receive clicks on Re-run)",
                "NO GitHub App in acme/api: is not installed in this repository, or the repository does not exist",
                "NO GitHub App in acme/api: github-unavailable: GET /x: no answer",
            ]
        );
    }
}
