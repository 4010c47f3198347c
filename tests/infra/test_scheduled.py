"""Tests infra/modules/scheduled: what it runs, what its role may do, and what does not plan."""

import json
import unittest
from functools import cache
from typing import Any

import parliament
import support

from _infra import terraform
from _infra.provider import ACCOUNT, REGION

FOLDER = "modules/scheduled"
CLUSTER = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/branchline"
FAMILY = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/branchline"
ROLES = [f"arn:aws:iam::{ACCOUNT}:role/branchline", f"arn:aws:iam::{ACCOUNT}:role/branchline-execution"]
VARIABLES: dict[str, Any] = {
    "cluster_arn": CLUSTER,
    "task_definition_arn": f"{FAMILY}:7",
    "task_role_arns": ROLES,
    "subnet_ids": ["subnet-0123456789abcdef0"],
    "security_group_ids": ["sg-0123456789abcdef0"],
}


@cache
def applied() -> dict[str, Any]:
    """Returns the resources of the module by their addresses."""
    runs = terraform.Terraform("scheduled", FOLDER)
    try:
        return runs.apply(VARIABLES)
    finally:
        runs.close()


class Scheduled(unittest.TestCase):
    """The schedule, and its role."""

    def test_it_runs_the_newest_task_until_the_queues_are_empty(self) -> None:
        """The command is that of the container with one flag more, and no revision is pinned."""
        (target,) = applied()["aws_scheduler_schedule.this"]["target"]
        self.assertEqual(target["arn"], CLUSTER)
        (override,) = json.loads(target["input"])["containerOverrides"]
        main = support.applied()["aws_ecs_task_definition.consumer"]
        (container,) = json.loads(main["container_definitions"])
        self.assertEqual(override["name"], container["name"])
        command = [word for word in override["command"] if word != "--until-empty"]
        self.assertEqual((command, len(override["command"])), (container["command"], len(command) + 1))
        (ecs,) = target["ecs_parameters"]
        self.assertEqual((ecs["task_definition_arn"], ecs["launch_type"]), (FAMILY, "FARGATE"))
        (retry,) = target["retry_policy"]
        self.assertEqual(retry["maximum_retry_attempts"], 0)

    def test_the_role_runs_this_task_in_this_cluster(self) -> None:
        """It trusts the schedules of its own group, and passes the two roles of the task to ECS."""
        trust = json.loads(applied()["aws_iam_role.scheduler"]["assume_role_policy"])["Statement"]
        self.assertEqual([each["Principal"] for each in trust], [{"Service": "scheduler.amazonaws.com"}])
        self.assertEqual(set(trust[0]["Condition"]["StringEquals"]), {"aws:SourceAccount", "aws:SourceArn"})
        policy = applied()["aws_iam_role_policy.scheduler"]["policy"]
        statements = {each["Sid"]: each for each in json.loads(policy)["Statement"]}
        self.assertEqual(set(statements), {"RunTask", "TagTask", "PassTaskRoles"})
        self.assertEqual(statements["RunTask"]["Resource"], [FAMILY, f"{FAMILY}:*"])
        self.assertEqual(statements["RunTask"]["Condition"], {"ArnEquals": {"ecs:cluster": CLUSTER}})
        self.assertEqual(statements["PassTaskRoles"]["Resource"], ROLES)
        findings = parliament.analyze_policy_string(policy).findings
        self.assertEqual([str(finding) for finding in findings], [])

    def test_a_second_region_has_a_role_of_its_own(self) -> None:
        """The names of roles are those of the account."""
        self.assertTrue(applied()["aws_iam_role.scheduler"]["name"].endswith(REGION))

    def test_the_outputs_of_the_main_module_fit(self) -> None:
        """The module gets each value from an output, so that nothing is looked up by hand."""
        given = support.outputs()
        runs = terraform.Terraform("scheduled-outputs", FOLDER)
        self.addCleanup(runs.close)
        definition = support.applied()["aws_ecs_task_definition.consumer"]["arn"]
        self.assertEqual(given["task_definition_arn"], definition)
        wired = {
            "cluster_arn": given["cluster_arn"],
            "task_role_arns": [given["task_role_arn"], given["execution_role_arn"]],
        }
        runs.start(VARIABLES | wired)
        runs.did("plan", "-input=false", "-no-color")

    def test_what_cannot_work_does_not_plan(self) -> None:
        """The message names the variable and says what is expected."""
        wrong = {
            "schedule": ("every 5 minutes", "The schedule must be a rate"),
            "task_role_arns": (["arn:aws:iam::123456789012:role/*"], "without a wildcard"),
            "subnet_ids": ([], "At least one subnet"),
            "security_group_ids": ([], "At least one security group"),
            "cluster_arn": ("branchline", "the ARN of an ECS cluster"),
            "task_definition_arn": ("branchline", "the ARN of a task definition"),
            "name": ("x" * 41, "1 to 40 letters"),
        }
        runs = terraform.Terraform("scheduled-wrong", FOLDER)
        self.addCleanup(runs.close)
        for name, (value, message) in wrong.items():
            with self.subTest(name):
                runs.start(VARIABLES | {name: value})
                done = runs.run("plan", "-input=false", "-no-color")
                self.assertEqual(done.returncode, 1)
                self.assertIn(message, " ".join(done.stderr.split()))

    def test_spot(self) -> None:
        """A capacity provider and a launch type exclude each other."""
        runs = terraform.Terraform("scheduled-spot", FOLDER)
        self.addCleanup(runs.close)
        found = runs.apply(VARIABLES | {"spot": True, "schedule": "cron(0/15 6-20 ? * MON-FRI *)"})
        (ecs,) = found["aws_scheduler_schedule.this"]["target"][0]["ecs_parameters"]
        self.assertIsNone(ecs["launch_type"])
        (strategy,) = ecs["capacity_provider_strategy"]
        self.assertEqual(strategy["capacity_provider"], "FARGATE_SPOT")


if __name__ == "__main__":
    unittest.main()
