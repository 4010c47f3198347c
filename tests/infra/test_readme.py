"""Tests infra/README.md: its calculations, names, links, API inventory, and the policies."""

import json
import re
import unittest
from collections.abc import Iterable
from pathlib import Path

import parliament
from support import applied

from _infra.paths import INFRA
from _infra.permissions import Need, needs

PAGE = (INFRA / "README.md").read_text()
OF_MODULE = [INFRA / "apply-policy.json", INFRA / "apply-policy-options.json"]
POLICIES = [*OF_MODULE, INFRA / "examples" / "complete" / "apply-policy.json"]

# The actions with which the provider creates, reads and deletes each type (service authorization
# reference).
LIFECYCLE = {
    "appautoscaling_policy": [f"application-autoscaling:{act}" for act in ("PutScalingPolicy", "DescribeScalingPolicies", "DeleteScalingPolicy")],
    "appautoscaling_target": [
        f"application-autoscaling:{act}" for act in ("RegisterScalableTarget", "DescribeScalableTargets", "DeregisterScalableTarget")
    ],
    "cloudwatch_dashboard": ["cloudwatch:PutDashboard", "cloudwatch:GetDashboard", "cloudwatch:DeleteDashboards"],
    "cloudwatch_event_rule": ["events:PutRule", "events:DescribeRule", "events:DeleteRule"],
    "cloudwatch_event_target": ["events:PutTargets", "events:ListTargetsByRule", "events:RemoveTargets"],
    "cloudwatch_log_group": ["logs:CreateLogGroup", "logs:DescribeLogGroups", "logs:DeleteLogGroup"],
    "cloudwatch_log_metric_filter": ["logs:PutMetricFilter", "logs:DescribeMetricFilters", "logs:DeleteMetricFilter"],
    "cloudwatch_metric_alarm": ["cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms", "cloudwatch:DeleteAlarms"],
    "dynamodb_resource_policy": ["dynamodb:PutResourcePolicy", "dynamodb:GetResourcePolicy", "dynamodb:DeleteResourcePolicy"],
    "dynamodb_table": ["dynamodb:CreateTable", "dynamodb:DescribeTable", "dynamodb:DeleteTable"],
    "ecs_cluster": ["ecs:CreateCluster", "ecs:DescribeClusters", "ecs:DeleteCluster"],
    "ecs_cluster_capacity_providers": ["ecs:PutClusterCapacityProviders", "ecs:DescribeClusters"],
    "ecs_service": ["ecs:CreateService", "ecs:DescribeServices", "ecs:DeleteService"],
    "ecs_task_definition": ["ecs:RegisterTaskDefinition", "ecs:DescribeTaskDefinition", "ecs:DeregisterTaskDefinition"],
    "iam_policy": ["iam:CreatePolicy", "iam:GetPolicy", "iam:DeletePolicy"],
    "iam_role": ["iam:CreateRole", "iam:GetRole", "iam:DeleteRole"],
    "iam_role_policy": ["iam:PutRolePolicy", "iam:GetRolePolicy", "iam:DeleteRolePolicy"],
    "iam_role_policy_attachment": ["iam:AttachRolePolicy", "iam:ListAttachedRolePolicies", "iam:DetachRolePolicy"],
    "route53_record": ["route53:ChangeResourceRecordSets", "route53:ListResourceRecordSets", "route53:GetChange"],
    "sns_topic": ["sns:CreateTopic", "sns:GetTopicAttributes", "sns:DeleteTopic"],
    "sns_topic_subscription": ["sns:Subscribe", "sns:GetSubscriptionAttributes", "sns:Unsubscribe"],
    "scheduler_schedule": ["scheduler:CreateSchedule", "scheduler:GetSchedule", "scheduler:DeleteSchedule"],
    "scheduler_schedule_group": ["scheduler:CreateScheduleGroup", "scheduler:GetScheduleGroup", "scheduler:DeleteScheduleGroup"],
    "secretsmanager_secret": ["secretsmanager:CreateSecret", "secretsmanager:DescribeSecret", "secretsmanager:DeleteSecret"],
    "secretsmanager_secret_version": ["secretsmanager:PutSecretValue", "secretsmanager:GetSecretValue"],
    "security_group": ["ec2:CreateSecurityGroup", "ec2:DescribeSecurityGroups", "ec2:DeleteSecurityGroup"],
    "sqs_queue": ["sqs:CreateQueue", "sqs:GetQueueAttributes", "sqs:DeleteQueue"],
    "sqs_queue_policy": ["sqs:SetQueueAttributes", "sqs:GetQueueAttributes"],
    "sqs_queue_redrive_allow_policy": ["sqs:SetQueueAttributes", "sqs:GetQueueAttributes"],
    "ssm_parameter": ["ssm:PutParameter", "ssm:GetParameters", "ssm:DeleteParameter"],
    "vpc_security_group_egress_rule": [
        f"ec2:{act}" for act in ("AuthorizeSecurityGroupEgress", "DescribeSecurityGroupRules", "RevokeSecurityGroupEgress")
    ],
    "vpc_security_group_ingress_rule": [
        f"ec2:{act}" for act in ("AuthorizeSecurityGroupIngress", "DescribeSecurityGroupRules", "RevokeSecurityGroupIngress")
    ],
    "wafv2_ip_set": ["wafv2:CreateIPSet", "wafv2:GetIPSet", "wafv2:UpdateIPSet", "wafv2:DeleteIPSet"],
    "wafv2_web_acl": ["wafv2:CreateWebACL", "wafv2:GetWebACL", "wafv2:UpdateWebACL", "wafv2:DeleteWebACL"],
    "wafv2_web_acl_association": ["wafv2:AssociateWebACL", "wafv2:GetWebACLForResource", "wafv2:DisassociateWebACL"],
}

# The IAM prefix of resource types whose first word differs from it.
PREFIXES = {
    "api": "apigateway",
    "appautoscaling": "application-autoscaling",
    "security": "ec2",
    "vpc": "ec2",
    "cloudwatch_event": "events",
    "cloudwatch_log": "logs",
}


def evaluate(calculation: str) -> float:
    """Returns the value of a calculation such as `10,000 × 3.50 / 1,000,000`."""
    plain = calculation.replace(",", "").replace("×", "*")
    if not re.fullmatch(r"[\d.()+*/ ]+", plain):
        raise AssertionError(calculation)
    return float(eval(plain))  # the pattern allows only numbers, brackets and four operators


class Costs(unittest.TestCase):
    """The tables of costs, and the sentences with calculations."""

    def test_the_tables(self) -> None:
        """Each row is the result of its calculation, and each total the sum of its table."""
        sums = []
        for table in re.findall(r"\| item \| calculation \| USD \|\n\|---\|---\|---\|\n((?:\|.*\n)+)", PAGE):
            lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
            for item, calculation, dollars in lines[:-1]:
                digits = len(dollars.split(".")[1])
                self.assertEqual(f"{evaluate(calculation):.{digits}f}", dollars, item)
            self.assertEqual(lines[-1][0], "total")
            self.assertAlmostEqual(sum(float(line[2]) for line in lines[:-1]), float(lines[-1][2]), 6)
            sums.append(lines[-1][2])
        self.assertEqual(len(sums), 3)

    def test_the_sentences(self) -> None:
        """Each calculation in a sentence has the stated result."""
        text = PAGE.replace("\n", " ")
        found = re.findall(r"([\d,.]+(?: [×/] (?:[\d,.]+|\([^)]+\)))+) = ([\d.]+\d)", text)
        self.assertGreater(len(found), 3)
        for calculation, dollars in found:
            self.assertEqual(f"{evaluate(calculation):.2f}", dollars)

    def test_the_number_of_alarms(self) -> None:
        """The table of costs has the number of alarms that the module creates by default."""
        alarms = [address for address in applied() if address.startswith("aws_cloudwatch_metric_alarm.") and "silence" not in address]
        self.assertIn(f"| {len(alarms)} alarms | {len(alarms)} × 0.10 |", PAGE)


class Names(unittest.TestCase):
    """The variables, outputs and links on the page exist."""

    def test_variables(self) -> None:
        """The module has all variables in the table."""
        rows = re.findall(r"(?m)^\|([^|]+)\|", PAGE.split("## Important variables")[1].split("\n## ")[0])
        named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
        declared = {name for file in INFRA.glob("variables*.tf") for name in re.findall(r'variable "(\w+)"', file.read_text())}
        self.assertGreater(len(named), 10)
        self.assertLessEqual(named, declared)

    def test_the_throttle(self) -> None:
        """The page has the figures of the throttle, and calculates with its rate."""
        values = applied()['aws_api_gateway_method_settings.webhook["a"]']["settings"][0]
        rate, burst = (round(values[f"throttling_{limit}_limit"]) for limit in ("rate", "burst"))
        self.assertIn(f"| `throttle`: {rate:,} a second, bursts of {burst:,} |", PAGE)
        millions = rate * 730 * 3600 / 1_000_000
        self.assertIn(f"A month of {rate:,} requests a second, the limit of the throttle", PAGE)
        self.assertIn(f"is {millions:.1f} million requests", PAGE)

    def test_outputs(self) -> None:
        """The example has all outputs in the commands."""
        declared = set(re.findall(r'output "(\w+)"', (INFRA / "examples" / "complete" / "outputs.tf").read_text()))
        self.assertLessEqual(set(re.findall(r"terraform output (?:-raw |-json )?(\w+)", PAGE)), declared)

    def test_links(self) -> None:
        """All links to files lead to files, and to headings in them."""
        links = [link for link in re.findall(r"\]\(([^)]+)\)", PAGE) if not link.startswith("https://")]
        self.assertGreater(len(links), 10)
        for link in links:
            path, _, anchor = link.partition("#")
            target = (INFRA / path) if path else INFRA / "README.md"
            self.assertTrue(target.exists(), link)
            if anchor:
                titles = re.findall(r"(?m)^#+ (.+)$", target.read_text())
                anchors = {re.sub(r"[^a-z0-9_ -]", "", title.lower()).replace(" ", "-") for title in titles}
                self.assertIn(anchor, anchors, link)


class Inventory(unittest.TestCase):
    """The API inventory lists exactly the needs of infra/permissions.toml."""

    def test_the_tables(self) -> None:
        """Each row stands for its actions on each of its resources."""
        inventory = PAGE.split("\n## API inventory\n")[1].split("\n## ")[0]
        listed = []
        for title, policies in (("Daemon", ["daemon"]), ("Operators", ["operator"]), ("AWS services", ["api", "execution"])):
            section = inventory.split(f"\n### {title}\n")[1].split("\n### ")[0]
            rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if "|" in line]
            for call, actions, resources, purpose in rows[2:]:
                self.assertNotEqual(purpose, "")
                by = policies[-1] if call.startswith("ECS ") else policies[0]
                listed += [
                    Need(by, action, resource, call.strip("`"))
                    for action in re.findall(r"`([^`]+)`", actions)
                    for resource in re.split(", (?!CodeStar)", resources)
                ]
        self.assertEqual(sorted(map(str, listed)), sorted(map(str, needs())))

    def test_the_resources(self) -> None:
        """The first table explains each resource in the other tables."""
        inventory = PAGE.split("\n## API inventory\n")[1].split("\n### ")[0]
        explained = re.findall(r"(?m)^\| ([^|]+) \|", inventory)
        words = {word for cell in explained for word in cell.split(", ")} - {"resource"}
        self.assertEqual(words, {need.on for need in needs()})


class Permissions(unittest.TestCase):
    """The policies with the permissions to apply."""

    def test_actions_exist_and_fit(self) -> None:
        """All actions and conditions are valid.

        A resource that does not exist yet has no ARN, so `*` is accepted here, and so is writing
        the policy of a bucket.
        """
        accepted = {"RESOURCE_STAR", "RESOURCE_POLICY_PRIVILEGE_ESCALATION"}
        for file in POLICIES:
            findings = parliament.analyze_policy_string(file.read_text()).findings
            self.assertEqual([str(each) for each in findings if each.issue not in accepted], [], file.name)

    def test_they_fit_into_a_managed_policy(self) -> None:
        """A policy has at most 6,144 characters without white space (IAM user guide, quotas).

        No action contains a wildcard.
        """
        for file in POLICIES:
            self.assertLessEqual(len(re.sub(r"\s", "", file.read_text())), 6144)
            self.assertEqual([each for each in self.actions(file) if "*" in each], [])

    def test_every_service_is_covered(self) -> None:
        """The policies have actions of the service of each resource type."""
        for policies, types in (
            (OF_MODULE, _types(INFRA.glob("*.tf"))),
            (POLICIES, _types((INFRA / "examples" / "complete").glob("*.tf"))),
        ):
            services = {action.split(":")[0] for each in policies for action in self.actions(each)}
            self.assertEqual({kind for kind in types if _service(kind) not in services}, set())

    def test_every_type_can_be_created_read_and_deleted(self) -> None:
        """The policies of the module have the actions of each resource type.

        API Gateway is left out: its actions are HTTP methods.
        """
        module = {kind for kind in _types(INFRA.glob("*.tf")) if not kind.startswith("api_gateway_")}
        module |= _types((INFRA / "modules" / "scheduled").glob("*.tf"))
        self.assertEqual(module, set(LIFECYCLE), "the types of the modules and of LIFECYCLE differ")
        granted = {action for file in OF_MODULE for action in self.actions(file)}
        missing = {kind: set(needed) - granted for kind, needed in LIFECYCLE.items()}
        self.assertEqual({kind: actions for kind, actions in missing.items() if actions}, {})

    def actions(self, file: Path) -> list[str]:
        """Returns all actions of a policy."""
        listed = [statement["Action"] for statement in json.loads(file.read_text())["Statement"]]
        return [action for each in listed for action in (each if isinstance(each, list) else [each])]


def _types(files: Iterable[Path]) -> set[str]:
    return {kind for file in files for kind in re.findall(r'^resource "aws_(\w+)"', file.read_text(), re.MULTILINE)}


def _service(kind: str) -> str:
    for word, prefix in PREFIXES.items():
        if kind.startswith(f"{word}_"):
            return prefix
    return kind.split("_")[0]


if __name__ == "__main__":
    unittest.main()
