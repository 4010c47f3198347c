"""Tests what an organisation prescribes: tags, names and boundaries of roles, and keys."""

import json
import unittest

from support import applied, outputs

from _infra import permissions, terraform
from _infra.permissions import ACCOUNT, ARN, VARIABLES
from _infra.provider import REGION

KEYS = VARIABLES["kms_key_arns"]


class Tags(unittest.TestCase):
    """The tags of the resources."""

    def test_every_resource_that_can_have_tags_has_them(self) -> None:
        """The schema of the provider tells which resources have tags."""
        found = {address: values["tags"] for address, values in applied().items() if "tags" in values}
        self.assertGreater(len(found), 30)
        self.assertEqual({address: tags for address, tags in found.items() if tags != VARIABLES["tags"]}, {})


class Roles(unittest.TestCase):
    """The names, the paths and the boundary of the roles."""

    def test_the_boundary(self) -> None:
        """No role is without it."""
        roles = [values for address, values in applied().items() if address.startswith("aws_iam_role.")]
        self.assertEqual([role["permissions_boundary"] for role in roles], [VARIABLES["permissions_boundary_arn"]] * 4)

    def test_path_and_prefix(self) -> None:
        """They hold for each role and for the policy of operators."""
        runs = terraform.Terraform("roles")
        self.addCleanup(runs.close)
        there = runs.apply(VARIABLES | {"role_path": "/teams/ci/", "role_name_prefix": "acme-"})
        kinds = ("aws_iam_role.", "aws_iam_policy.")
        named = {values["name"]: values["path"] for address, values in there.items() if address.startswith(kinds)}
        words = ("api", "api-logs", "daemon", "execution", "operator")
        self.assertEqual(named, {f"acme-{word}": "/teams/ci/" for word in words})


    def test_who_else_may_be_the_daemon(self) -> None:
        """Statements of the person come after the one for ECS, and are for this role alone."""
        kubernetes = {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/x"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {"x:aud": "sts.amazonaws.com"}},
        }
        machine = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        runs = terraform.Terraform("trust")
        self.addCleanup(runs.close)
        there = runs.apply(VARIABLES | {"task_role_trust": [kubernetes, machine]})
        trust = {name: json.loads(there[f"aws_iam_role.{name}"]["assume_role_policy"])["Statement"] for name in ("daemon", "execution")}
        self.assertEqual(trust["daemon"], [*trust["execution"], kubernetes, machine])
        self.assertEqual([each["Principal"] for each in trust["execution"]], [{"Service": "ecs-tasks.amazonaws.com"}])


class Keys(unittest.TestCase):
    """The keys of the resources, and what the policies of the keys need."""

    def test_what_each_key_encrypts(self) -> None:
        """Five queues, two tables and two log groups."""
        found: dict[str, list[str]] = {}
        for address, values in applied().items():
            sse = values.get("server_side_encryption") or [{}]
            key = values.get("kms_master_key_id") or values.get("kms_key_id") or sse[0].get("kms_key_arn")
            if key:
                found.setdefault(key, []).append(address.split(".")[0])
        self.assertEqual(
            {key: sorted(kinds) for key, kinds in found.items()},
            {
                KEYS["queues"]: ["aws_sqs_queue"] * 5,
                KEYS["tables"]: ["aws_dynamodb_table"] * 2,
                KEYS["logs"]: ["aws_cloudwatch_log_group"] * 2,
            },
        )

    def test_eventbridge_uses_the_key_of_the_queues(self) -> None:
        """For the one rule, and not for another."""
        rule = applied()["aws_cloudwatch_event_rule.pipelines"]["arn"]
        for source, wanted in ((rule, True), (f"arn:aws:events:{ARN}:rule/orders", False)):
            for action in ("kms:Decrypt", "kms:GenerateDataKey"):
                context = {"aws:SourceArn": source}
                self.assertEqual(self.may("queues", "events.amazonaws.com", action, context), wanted, source)

    def test_cloudwatch_logs_uses_the_key_of_the_logs(self) -> None:
        """For the log groups of the module only. The simulation knows no encryption context."""
        groups = [values["arn"] for address, values in applied().items() if address.startswith("aws_cloudwatch_log_group.")]
        (statement,) = outputs()["key_policy_statements"]["logs"]
        (condition,) = statement["Condition"]["ArnEquals"].items()
        self.assertEqual((condition[0], sorted(condition[1])), ("kms:EncryptionContext:aws:logs:arn", sorted(groups)))
        self.assertEqual(statement["Principal"], {"Service": f"logs.{REGION}.amazonaws.com"})
        wanted = {"Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo"}
        self.assertEqual({action.removeprefix("kms:") for action in statement["Action"]}, wanted)

    def may(self, key: str, service: str, action: str, context: dict[str, str]) -> bool:
        """Returns whether the statements for a key's policy allow a request of a service."""
        policy = {"Version": "2012-10-17", "Statement": outputs()["key_policy_statements"][key]}
        return permissions.service_may(service, action, KEYS[key], json.dumps(policy), context)


if __name__ == "__main__":
    unittest.main()
