"""Tests infra/examples/minimal and infra/examples/organisation."""

import tomllib
import unittest
from typing import Any

import support  # noqa: F401  (makes _infra importable)

from _infra import permissions, terraform
from _infra.paths import INFRA
from _infra.permissions import ACCOUNT, ARN
from _infra.provider import REGION

SECRET = "0123456789abcdef" * 4
ORGANISATION = {
    "region": REGION,
    "organisation": "acme",
    "templates": {"api": "api-template", "web": "web-template"},
    "image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/branchline@sha256:{'0' * 64}",
    "pipeline_role_arns": [f"arn:aws:iam::{ACCOUNT}:role/templates"],
    "build_role_arn": f"arn:aws:iam::{ACCOUNT}:role/clone-build",
    "connection_arns": [f"arn:aws:codeconnections:{permissions.CONNECTION}"],
    "webhook_secret": SECRET,
    "vpc_id": "vpc-0123456789abcdef0",
    "subnet_ids": ["subnet-0123456789abcdef0"],
    "alarm_emails": ["oncall@example.com"],
    "manage_api_gateway_account": False,
}


class Minimal(unittest.TestCase):
    """The smallest use of the module."""

    def test_it_is_ten_lines_and_can_be_applied(self) -> None:
        """The arguments of the module, as a person sees them first."""
        text = (INFRA / "examples" / "minimal" / "main.tf").read_text()
        block = text.split('module "branchline" {\n')[1].split("\n}\n")[0]
        self.assertLessEqual(len(block.splitlines()), 10)
        runs = terraform.Terraform("minimal", "examples/minimal")
        self.addCleanup(runs.close)
        there = runs.apply({})
        self.assertIn("module.branchline.aws_ecs_service.consumer", there)
        self.assertRegex(runs.outputs()["webhook_url"], r"^https://.+/live/webhook-[0-9a-f-]{36}$")


class Organisation(unittest.TestCase):
    """One webhook, which the provider of GitHub creates, and a rule for each repository."""

    there: dict[str, Any]

    @classmethod
    def setUpClass(cls) -> None:
        """Applies the example once."""
        runs = terraform.Terraform("organisation", "examples/organisation")
        try:
            cls.there = runs.apply(ORGANISATION)
        finally:
            runs.close()

    def test_the_webhook_leads_to_the_api(self) -> None:
        """It has the URL of the module, the secret of the daemon, and the events of the rules."""
        webhook = self.there["github_organization_webhook.branchline"]
        (configuration,) = webhook["configuration"]
        path = self.there['module.branchline.aws_api_gateway_resource.webhook["a"]']["path_part"]
        self.assertTrue(configuration["url"].endswith(f"/live/{path}"), configuration["url"])
        self.assertEqual((configuration["content_type"], configuration["secret"]), ("json", SECRET))
        self.assertFalse(configuration["insecure_ssl"])
        self.assertEqual(set(webhook["events"]), {"create", "delete", "pull_request", "push", "repository"})

    def test_each_repository_has_its_rule_and_permissions(self) -> None:
        """The names of the clones of one repository are not those of another."""
        text = self.there["module.branchline.aws_ssm_parameter.configuration[0]"]["value"]
        rules = {rule["repository"][0]: rule["template"] for rule in tomllib.loads(text)["rule"]}
        self.assertEqual(rules, {"acme/api": "api-template", "acme/web": "web-template"})
        listed = permissions.statements(self.there["module.branchline.aws_iam_role_policy.daemon"]["policy"])
        (create,) = [statement["Resource"] for statement in listed if statement["Sid"] == "CreateTaggedClones"]
        self.assertEqual(create, [f"arn:aws:codepipeline:{ARN}:{name}-pr-*" for name in ("api", "web")])

    def test_a_webhook_argument_that_the_provider_does_not_have(self) -> None:
        """So the schema of GitHub's provider is in use."""
        runs = terraform.Terraform("organisation-wrong", "examples/organisation")
        self.addCleanup(runs.close)
        path = runs.folder / "main.tf"
        path.write_text(path.read_text().replace("  active = true\n", "  enabled = true\n"))
        runs.did("init", "-input=false", "-no-color")
        done = runs.run("validate", "-no-color")
        self.assertIn("Unsupported argument", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
