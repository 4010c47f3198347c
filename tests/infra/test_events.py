"""Tests how events of pipelines reach the internal queue, and nothing else does."""

import json
import unittest
from typing import Any

from support import applied

from _infra import permissions, terraform
from _infra.paths import ROOT
from _infra.permissions import ACCOUNT, ARN, RESOURCES, VARIABLES, statements

EXAMPLES = ROOT / "tests" / "fixtures" / "pipeline-events"
RULE = f"arn:aws:events:{ARN}:rule/branchline-pipeline-events"
INTERNAL = RESOURCES["internal"].arn
UNDELIVERED = RESOURCES["undelivered events"].arn


def matches(pattern: Any, value: Any) -> bool:
    """Returns whether a pattern of EventBridge matches: nested fields, exact texts and prefixes."""
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(matches(inner, value.get(key)) for key, inner in pattern.items())
    return any(
        str(value).startswith(choice["prefix"]) if isinstance(choice, dict) else value == choice for choice in pattern
    )


def of_pipeline(event: dict[str, Any], name: str) -> dict[str, Any]:
    """Returns the same event of another pipeline."""
    return {**event, "detail": {**event["detail"], "pipeline": name}}


class Rule(unittest.TestCase):
    """The events that the rule selects, and what becomes of those that it cannot send."""

    def test_the_events_of_clones_are_selected(self) -> None:
        """All kinds and states, and no other pipeline or service."""
        pattern = json.loads(applied()["aws_cloudwatch_event_rule.pipelines"]["event_pattern"])
        files = sorted(EXAMPLES.glob("*.json"))
        self.assertGreater(len(files), 15)
        for file in files:
            with self.subTest(file.name):
                event = json.loads(file.read_text())
                self.assertTrue(matches(pattern, event))
                self.assertFalse(matches(pattern, of_pipeline(event, "api-template")))
                self.assertFalse(matches(pattern, {**event, "source": "com.example"}))
                self.assertFalse(matches(pattern, {**event, "detail-type": "CodePipeline Rule"}))

    def test_what_the_names_of_clones_select(self) -> None:
        """Their literal beginnings, or every pipeline where one has none or the pattern is long."""
        long = [f"{'x' * 90}-{number}" for number in range(30)]
        cases: list[tuple[list[str], list[str] | None]] = [
            (["api-pr-*", "api-pr-??", "web-pr-7"], ["api-pr-", "web-pr-7"]),
            (["api-pr-?-x*"], ["api-pr-"]),
            (["api-pr-*", "*-preview"], None),
            (["?pi-pr-*"], None),
            (long, None),
        ]
        runs = terraform.Terraform("events")
        self.addCleanup(runs.close)
        rules = [VARIABLES["rules"][0] | {"pipeline_name": "api-pr-{number}"}]
        for names, prefixes in cases:
            with self.subTest(names[0]):
                there = runs.apply(VARIABLES | {"clone_names": names, "rules": rules})
                text = there["aws_cloudwatch_event_rule.pipelines"]["event_pattern"]
                self.assertLessEqual(len(text), 2048)
                wanted = None if prefixes is None else {"pipeline": [{"prefix": each} for each in prefixes]}
                self.assertEqual(json.loads(text).get("detail"), wanted)

    def test_the_target(self) -> None:
        """Events go to the internal queue unchanged, and otherwise to their own queue."""
        target = applied()["aws_cloudwatch_event_target.internal_queue"]
        self.assertEqual((target["rule"], target["arn"]), ("branchline-pipeline-events", INTERNAL))
        for argument in ("input", "input_path", "input_transformer", "role_arn"):
            self.assertFalse(target[argument], argument)
        self.assertEqual([each["arn"] for each in target["dead_letter_config"]], [UNDELIVERED])
        (retries,) = target["retry_policy"]
        self.assertEqual((retries["maximum_event_age_in_seconds"], retries["maximum_retry_attempts"]), (3600, 185))


class Policies(unittest.TestCase):
    """The policies of the two queues to which EventBridge sends."""

    def simulate(self, queue: str, context: dict[str, Any], principal: str = "events.amazonaws.com") -> bool:
        """Returns whether a service may send to a queue."""
        key = "internal" if queue == INTERNAL else "undelivered_events"
        policy = applied()[f'aws_sqs_queue_policy.access["{key}"]']["policy"]
        service = {"aws:PrincipalIsAWSService": "true", "aws:SecureTransport": "true"}
        return permissions.service_may(principal, "sqs:SendMessage", queue, policy, service | context)

    def test_eventbridge_sends_for_our_rule_alone(self) -> None:
        """A request of a service has no account of a principal, so the denials must not hold."""
        for queue in (INTERNAL, UNDELIVERED):
            with self.subTest(queue):
                self.assertTrue(self.simulate(queue, {"aws:SourceArn": RULE}))
                for other in (
                    f"{RULE}2",
                    RULE.replace(":rule/", ":rule/bus/"),
                    RULE.replace(ACCOUNT, "999999999999"),
                    RULE.replace("eu-west-1", "us-east-1"),
                    f"arn:aws:events:{ARN}:rule/orders",
                ):
                    self.assertFalse(self.simulate(queue, {"aws:SourceArn": other}), other)
                self.assertFalse(self.simulate(queue, {}))
                self.assertFalse(self.simulate(queue, {"aws:SourceArn": RULE, "aws:SecureTransport": "false"}))

    def test_no_other_service_sends(self) -> None:
        """A topic or a bucket that names our rule as its source has no permission."""
        for service in ("sns.amazonaws.com", "s3.amazonaws.com", "pipes.amazonaws.com"):
            self.assertFalse(self.simulate(INTERNAL, {"aws:SourceArn": RULE}, service), service)

    def test_a_person_of_another_account_is_no_service(self) -> None:
        """The exemption of services leaves the denial of other accounts as it was."""
        for queue in ("internal", "undelivered_events"):
            listed = statements(applied()[f'aws_sqs_queue_policy.access["{queue}"]']["policy"])
            (denial,) = [each for each in listed if each["Sid"] == "DenyOtherAccounts"]
            self.assertEqual(
                denial["Condition"],
                {
                    "StringNotEquals": {"aws:PrincipalAccount": ACCOUNT},
                    "Bool": {"aws:PrincipalIsAWSService": "false"},
                },
            )


if __name__ == "__main__":
    unittest.main()
