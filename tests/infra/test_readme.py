"""infra/README.md: its arithmetic, its names, its links, and the policies that it hands out."""

import json
import re
import unittest
from collections.abc import Iterable
from pathlib import Path

import parliament
from support import applied

from _infra.paths import INFRA

PAGE = (INFRA / "README.md").read_text()
POLICIES = [INFRA / "apply-policy.json", INFRA / "examples" / "complete" / "apply-policy.json"]

# What the provider calls to make, read and remove each type (service authorization reference).
LIFE = {
    "appautoscaling_policy": [f"application-autoscaling:{act}" for act in ("PutScalingPolicy", "DescribeScalingPolicies", "DeleteScalingPolicy")],
    "appautoscaling_target": [
        f"application-autoscaling:{act}" for act in ("RegisterScalableTarget", "DescribeScalableTargets", "DeregisterScalableTarget")
    ],
    "cloudwatch_dashboard": ["cloudwatch:PutDashboard", "cloudwatch:GetDashboard", "cloudwatch:DeleteDashboards"],
    "cloudwatch_log_group": ["logs:CreateLogGroup", "logs:DescribeLogGroups", "logs:DeleteLogGroup"],
    "cloudwatch_log_metric_filter": ["logs:PutMetricFilter", "logs:DescribeMetricFilters", "logs:DeleteMetricFilter"],
    "cloudwatch_metric_alarm": ["cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms", "cloudwatch:DeleteAlarms"],
    "dynamodb_table": ["dynamodb:CreateTable", "dynamodb:DescribeTable", "dynamodb:DeleteTable"],
    "ecs_cluster": ["ecs:CreateCluster", "ecs:DescribeClusters", "ecs:DeleteCluster"],
    "ecs_service": ["ecs:CreateService", "ecs:DescribeServices", "ecs:DeleteService"],
    "ecs_task_definition": ["ecs:RegisterTaskDefinition", "ecs:DescribeTaskDefinition", "ecs:DeregisterTaskDefinition"],
    "iam_policy": ["iam:CreatePolicy", "iam:GetPolicy", "iam:DeletePolicy"],
    "iam_role": ["iam:CreateRole", "iam:GetRole", "iam:DeleteRole"],
    "iam_role_policy": ["iam:PutRolePolicy", "iam:GetRolePolicy", "iam:DeleteRolePolicy"],
    "iam_role_policy_attachment": ["iam:AttachRolePolicy", "iam:ListAttachedRolePolicies", "iam:DetachRolePolicy"],
    "security_group": ["ec2:CreateSecurityGroup", "ec2:DescribeSecurityGroups", "ec2:DeleteSecurityGroup"],
    "sqs_queue": ["sqs:CreateQueue", "sqs:GetQueueAttributes", "sqs:DeleteQueue"],
    "sqs_queue_policy": ["sqs:SetQueueAttributes", "sqs:GetQueueAttributes"],
    "sqs_queue_redrive_allow_policy": ["sqs:SetQueueAttributes", "sqs:GetQueueAttributes"],
    "ssm_parameter": ["ssm:PutParameter", "ssm:GetParameters", "ssm:DeleteParameter"],
    "vpc_security_group_egress_rule": [
        f"ec2:{act}" for act in ("AuthorizeSecurityGroupEgress", "DescribeSecurityGroupRules", "RevokeSecurityGroupEgress")
    ],
    "wafv2_web_acl_association": ["wafv2:AssociateWebACL", "wafv2:GetWebACLForResource", "wafv2:DisassociateWebACL"],
}

# A resource type's first word, where the service's prefix in IAM is another.
PREFIXES = {
    "api": "apigateway",
    "appautoscaling": "application-autoscaling",
    "security": "ec2",
    "vpc": "ec2",
    "cloudwatch_log": "logs",
}


def worth(arithmetic: str) -> float:
    """Of `10,000 × 3.50 / 1,000,000`: numbers, brackets and four signs, nothing else."""
    plain = arithmetic.replace(",", "").replace("×", "*")
    if not re.fullmatch(r"[\d.()+*/ ]+", plain):
        raise AssertionError(arithmetic)
    return float(eval(plain))  # only what the pattern lets through


class Costs(unittest.TestCase):
    """Two tables and some sentences."""

    def test_the_tables(self) -> None:
        """Each line by its arithmetic, and the sum of each table."""
        sums = []
        for table in re.findall(r"\| what \| arithmetic \| \$ \|\n\|---\|---\|---\|\n((?:\|.*\n)+)", PAGE):
            lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
            for what, arithmetic, dollars in lines[:-1]:
                digits = len(dollars.split(".")[1])
                self.assertEqual(f"{worth(arithmetic):.{digits}f}", dollars, what)
            self.assertEqual(lines[-1][0], "together")
            self.assertAlmostEqual(sum(float(line[2]) for line in lines[:-1]), float(lines[-1][2]), 6)
            sums.append(lines[-1][2])
        self.assertEqual(len(sums), 2)

    def test_the_sentences(self) -> None:
        """Where they calculate."""
        found = re.findall(r"([\d,.]+(?: [×/] (?:[\d,.]+|\([^)]+\)))+) = ([\d.]+\d)", PAGE)
        self.assertGreater(len(found), 3)
        for arithmetic, dollars in found:
            self.assertEqual(f"{worth(arithmetic):.2f}", dollars)

    def test_the_number_of_alarms(self) -> None:
        """One more, and the page is wrong."""
        alarms = [address for address in applied() if address.startswith("aws_cloudwatch_metric_alarm.")]
        self.assertIn(f"| {len(alarms)} alarms | {len(alarms)} × 0.10 |", PAGE)


class Words(unittest.TestCase):
    """What the page names is there."""

    def test_variables(self) -> None:
        """Those of the table, in the module."""
        rows = re.findall(r"(?m)^\|([^|]+)\|", PAGE.split("## Variables that matter")[1].split("\n## ")[0])
        named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
        there = set(re.findall(r'variable "(\w+)"', (INFRA / "variables.tf").read_text()))
        self.assertGreater(len(named), 10)
        self.assertLessEqual(named, there)

    def test_outputs(self) -> None:
        """Of the example, where it is applied."""
        there = set(re.findall(r'output "(\w+)"', (INFRA / "examples" / "complete" / "outputs.tf").read_text()))
        self.assertLessEqual(set(re.findall(r"terraform output (?:-raw |-json )?(\w+)", PAGE)), there)

    def test_links(self) -> None:
        """To files, and to headings in them."""
        for link in re.findall(r"\]\(([^)]+)\)", PAGE):
            path, _, anchor = link.partition("#")
            target = (INFRA / path) if path else INFRA / "README.md"
            self.assertTrue(target.exists(), link)
            if anchor:
                titles = re.findall(r"(?m)^#+ (.+)$", target.read_text())
                anchors = {re.sub(r"[^a-z0-9_ -]", "", title.lower()).replace(" ", "-") for title in titles}
                self.assertIn(anchor, anchors, link)


class Permissions(unittest.TestCase):
    """The two policies."""

    def test_actions_exist_and_fit(self) -> None:
        """Who makes what is not there yet cannot name it, so `*` is no finding here, and a bucket's policy is ours to write."""
        accepted = {"RESOURCE_STAR", "RESOURCE_POLICY_PRIVILEGE_ESCALATION"}
        for file in POLICIES:
            findings = parliament.analyze_policy_string(file.read_text()).findings
            self.assertEqual([str(each) for each in findings if each.issue not in accepted], [], file.name)

    def test_they_fit_into_a_managed_policy(self) -> None:
        """6,144 characters without white space (IAM user guide, quotas), and no action with a wildcard."""
        for file in POLICIES:
            self.assertLessEqual(len(re.sub(r"\s", "", file.read_text())), 6144)
            self.assertEqual([each for each in self.actions(file) if "*" in each], [])

    def test_every_service_is_in_them(self) -> None:
        """Of each type that is made."""
        for file, types in (
            (POLICIES[0], _types(INFRA.glob("*.tf"))),
            (POLICIES[1], _types((INFRA / "examples" / "complete").glob("*.tf"))),
        ):
            services = {action.split(":")[0] for each in POLICIES[: POLICIES.index(file) + 1] for action in self.actions(each)}
            self.assertEqual({kind for kind in types if _service(kind) not in services}, set())

    def test_every_type_can_be_made_read_and_removed(self) -> None:
        """A type of a service that is in it already needs its own actions all the same. The gateway's are HTTP methods."""
        module = {kind for kind in _types(INFRA.glob("*.tf")) if not kind.startswith("api_gateway_")}
        self.assertEqual(module, set(LIFE), "a type without its actions in LIFE, or the other way round")
        granted = set(self.actions(POLICIES[0]))
        self.assertEqual({kind: set(needed) - granted for kind, needed in LIFE.items() if set(needed) - granted}, {})

    def actions(self, file: Path) -> list[str]:
        """All of them."""
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
