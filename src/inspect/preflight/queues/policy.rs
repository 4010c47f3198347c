//! Checks the policy of the internal queue. It is the only proof of what is in that queue.

use serde_json::Value;

use crate::ports::QueueAttributes;

use crate::inspect::preflight::Finding;

/// The name of the findings.
const WHAT: &str = "pipeline events";
/// The service that sends events.
const EVENTBRIDGE: &str = "events.amazonaws.com";
/// The condition key with the ARN of the rule for which EventBridge sends.
const SOURCE_ARN: &str = "aws:SourceArn";

/// Checks whether EventBridge may send events of pipelines to the internal queue, for named rules
/// alone, and whether anybody else may. Without events, `reports` are late.
pub(super) fn pipeline_events(queue: &QueueAttributes, reports: bool) -> Vec<Finding> {
    let policy: Value = queue
        .policy
        .as_deref()
        .and_then(|policy| serde_json::from_str(policy).ok())
        .unwrap_or_default();
    let (allowing, denying): (Vec<_>, Vec<_>) = items(policy.get("Statement"))
        .map(Statement)
        .filter(Statement::is_about_sending)
        .partition(Statement::allows);
    let mut findings = Vec::new();
    if allowing.iter().any(Statement::is_for_anybody) {
        let detail = "the policy of the internal queue lets anybody send: a message there needs no signature, so anybody could send repairs and events";
        let fix = "remove the statement with the principal *, and name the daemon's role instead";
        findings.push(Finding::bad(WHAT, detail, fix));
    }
    let mut events = allowing.iter().filter(|one| one.is_for(EVENTBRIDGE));
    let rules: Vec<&str> = events.clone().flat_map(Statement::rules).collect();
    if events.any(|one| !one.names_its_rules()) {
        let detail = "the policy of the internal queue lets EventBridge send for any rule, and a rule may send any text";
        let fix = format!(
            "add the condition {{\"ArnEquals\":{{\"{SOURCE_ARN}\":\"...\"}}}} with the ARN of the rule, as in infra/queue.tf"
        );
        findings.push(Finding::bad(WHAT, detail, fix));
    }
    if denying.iter().any(Statement::denies_services) {
        let detail = "the policy of the internal queue denies callers of other accounts, and so EventBridge: a service belongs to no account";
        let fix = "add the condition {\"Bool\":{\"aws:PrincipalIsAWSService\":\"false\"}} to that statement, as in infra/queue.tf";
        findings.push(Finding::bad(WHAT, detail, fix));
    }
    if !findings.is_empty() {
        return findings;
    }
    let nothing = "the policy of the internal queue lets EventBridge send nothing: how an execution ends is only known when the daemon asks CodePipeline";
    vec![match (rules.is_empty(), reports) {
        (true, true) => Finding::bad(
            WHAT,
            nothing,
            "create the EventBridge rule, its target and the statement of the policy, as in infra/events.tf and infra/queue.tf",
        ),
        (true, false) => Finding::not_checked(WHAT, nothing),
        (false, _) => Finding::good(
            WHAT,
            format!("EventBridge may send those of {}", rules.join(", ")),
        ),
    }]
}

/// A statement of a policy. IAM writes one value alone, and several as a list.
struct Statement<'a>(&'a Value);

impl<'a> Statement<'a> {
    fn allows(&self) -> bool {
        self.0.get("Effect").and_then(Value::as_str) == Some("Allow")
    }

    fn is_about_sending(&self) -> bool {
        let actions = ["*", "sqs:*", "sqs:SendMessage"];
        let mut found = texts(self.0.get("Action"));
        // A statement with NotAction is about nearly everything.
        self.0.get("NotAction").is_some()
            || found.any(|action| actions.iter().any(|one| one.eq_ignore_ascii_case(action)))
    }

    fn is_for_anybody(&self) -> bool {
        let principal = self.0.get("Principal");
        let aws = principal.and_then(|principal| principal.get("AWS"));
        let is_anybody = texts(principal).chain(texts(aws)).any(|one| one == "*");
        is_anybody && self.conditions().next().is_none()
    }

    fn is_for(&self, service: &str) -> bool {
        let principal = self.0.get("Principal");
        let services = principal.and_then(|principal| principal.get("Service"));
        texts(services).any(|one| one == service)
    }

    /// Returns every condition as its operator, its key and its values.
    fn conditions(&self) -> impl Iterator<Item = (&'a str, &'a str, &'a Value)> {
        let operators = self.0.get("Condition").and_then(Value::as_object);
        operators
            .into_iter()
            .flatten()
            .flat_map(|(operator, keys)| {
                let keys = keys.as_object().into_iter().flatten();
                keys.map(move |(key, values)| (operator.as_str(), key.as_str(), values))
            })
    }

    /// Returns the ARNs of the rules for which a service may send.
    fn rules(&self) -> impl Iterator<Item = &'a str> {
        let operators = ["ArnEquals", "ArnLike", "StringEquals", "StringLike"];
        let of_rules = self.conditions().filter(move |(operator, key, _)| {
            operators.contains(operator) && key.eq_ignore_ascii_case(SOURCE_ARN)
        });
        of_rules.flat_map(|(_, _, values)| texts(Some(values)))
    }

    fn names_its_rules(&self) -> bool {
        let mut rules = self.rules().peekable();
        rules.peek().is_some() && rules.all(|rule| !rule.contains(['*', '?']))
    }

    /// Returns true for a denial of other accounts that also denies services, whose requests have
    /// no account (IAM user guide, "Condition operators": a negated one holds without its key).
    fn denies_services(&self) -> bool {
        let excludes = |(operator, key, _): (&str, &str, &Value)| {
            let of_accounts = ["aws:PrincipalAccount", "aws:PrincipalOrgID"];
            let is_of_accounts = of_accounts.iter().any(|one| one.eq_ignore_ascii_case(key));
            is_of_accounts && operator.starts_with("StringNot")
        };
        let exempts = |(_, key, _): (&str, &str, &Value)| {
            key.eq_ignore_ascii_case("aws:PrincipalIsAWSService")
        };
        self.conditions().any(excludes) && !self.conditions().any(exempts)
    }
}

/// Returns the items of a list, or a value alone.
fn items(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let list = value.and_then(Value::as_array);
    let alone = value.filter(|value| !value.is_array());
    list.into_iter().flatten().chain(alone)
}

fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    items(value).filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::inspect::preflight::tests::lines;

    const RULE: &str = "arn:aws:events:eu-west-1:123456789012:rule/branchline-pipeline-events";

    /// Returns the findings about a queue with these statements, where no rule reports.
    fn found(statements: &Value) -> Vec<String> {
        found_with(statements, false)
    }

    fn found_with(statements: &Value, reports: bool) -> Vec<String> {
        let queue = QueueAttributes {
            url: String::new(),
            arn: String::new(),
            retention_seconds: 0,
            visibility_seconds: 0,
            max_message_bytes: 0,
            redrive: None,
            policy: Some(json!({"Version": "2012-10-17", "Statement": statements}).to_string()),
        };
        let findings = pipeline_events(&queue, reports);
        for finding in &findings {
            assert_eq!(finding.fix.is_some(), finding.ok == Some(false));
        }
        lines(&findings)
    }

    fn allow(condition: &Value) -> Value {
        json!({
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": "*",
            "Condition": condition,
        })
    }

    fn deny(condition: &Value) -> Value {
        json!({"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Condition": condition})
    }

    fn begins(found: &[String], wanted: &[&str]) {
        let same = found.len() == wanted.len();
        let begins = found
            .iter()
            .zip(wanted)
            .all(|(one, wanted)| one.starts_with(wanted));
        assert!(same && begins, "{found:#?}");
    }

    #[test]
    fn the_policy_of_the_module_is_good() {
        let found = found(&json!([
            allow(&json!({"ArnEquals": {"aws:SourceArn": RULE}})),
            deny(&json!({"Bool": {"aws:SecureTransport": "false"}})),
            deny(&json!({
                "StringNotEquals": {"aws:PrincipalAccount": "123456789012"},
                "Bool": {"aws:PrincipalIsAWSService": "false"},
            })),
        ]));
        let good = format!("ok pipeline events: EventBridge may send those of {RULE}");
        assert_eq!(found, [good]);
    }

    #[test]
    fn a_policy_without_eventbridge_is_no_defect() {
        let daemon = json!({
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::123456789012:role/branchline-daemon"},
            "Action": ["sqs:SendMessage"],
        });
        let topic = json!({
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
        });
        let receiving = json!({
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:ReceiveMessage",
        });
        for statements in [
            json!([]),
            json!([daemon]),
            topic,
            receiving,
            json!("x"),
            json!(null),
        ] {
            let found = found(&statements);
            begins(
                &found,
                &[
                    "-- pipeline events: the policy of the internal queue lets EventBridge send nothing",
                ],
            );
        }
    }

    #[test]
    fn a_policy_without_eventbridge_is_a_defect_if_a_rule_reports() {
        let found = found_with(&json!([]), true);
        begins(
            &found,
            &["NO pipeline events: the policy of the internal queue lets EventBridge send nothing"],
        );
        let good = allow(&json!({"ArnEquals": {"aws:SourceArn": RULE}}));
        begins(&found_with(&good, true), &["ok pipeline events"]);
    }

    #[test]
    fn a_policy_that_names_no_rule_is_found() {
        for condition in [
            json!({}),
            json!({"StringEquals": {"aws:SourceAccount": "123456789012"}}),
            json!({"ArnLike": {"aws:SourceArn": "arn:aws:events:*:*:rule/*"}}),
            json!({"ArnEquals": {"aws:SourceArn": [RULE, "arn:aws:events:eu-west-1:123456789012:rule/?"]}}),
            json!({"ArnNotEquals": {"aws:SourceArn": RULE}}),
        ] {
            let found = found(&json!([allow(&condition)]));
            begins(
                &found,
                &[
                    "NO pipeline events: the policy of the internal queue lets EventBridge send for any rule",
                ],
            );
        }
    }

    #[test]
    fn a_policy_that_admits_anybody_or_denies_services_is_found() {
        let good = allow(&json!({"ArnLike": {"AWS:sourcearn": [RULE]}}));
        let denial = deny(&json!({"StringNotEquals": {"aws:principalaccount": "123456789012"}}));
        let denies =
            "NO pipeline events: the policy of the internal queue denies callers of other accounts";
        begins(&found(&json!([good, denial])), &[denies]);
        let anybody = "NO pipeline events: the policy of the internal queue lets anybody send";
        for principal in [json!("*"), json!({"AWS": "*"}), json!({"AWS": ["1", "*"]})] {
            let open = json!({"Effect": "Allow", "Principal": principal, "Action": "SQS:*"});
            begins(&found(&json!([good, open, denial])), &[anybody, denies]);
        }
        // A condition may restrict it in any way.
        let limited = json!({
            "Effect": "Allow",
            "Principal": "*",
            "Action": "sqs:SendMessage",
            "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}},
        });
        begins(&found(&json!([good, limited])), &["ok pipeline events"]);
    }
}
