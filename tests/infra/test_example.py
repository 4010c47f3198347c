"""Tests infra/examples/complete.

Terraform can apply it, its template can be cloned by the daemon, and its roles have only the
permissions that they need.
"""

import json
import tomllib
import unittest
from fnmatch import fnmatch
from functools import cache
from typing import Any

import parliament
from support import applied as module_alone

from _infra import permissions, resource_policy, terraform
from _infra.paths import INFRA
from _infra.permissions import ACCOUNT, ARN, CONNECTION, Question
from _infra.provider import REGION

FOLDER = "examples/complete"
VARIABLES = {
    "region": REGION,
    "repository": "acme/api",
    "image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/branchline@sha256:{'0' * 64}",
    "vpc_id": "vpc-0123456789abcdef0",
    "subnet_ids": ["subnet-0123456789abcdef0"],
    "webhook_secrets": ["a", "b"],
    "metrics": "cloudwatch",
    "silence_hours": 12,
    "github": {"app": "Iv23liAbCdEf", "private_key": "env:GITHUB_APP_KEY"},
    "secrets": {"GITHUB_APP_KEY": f"arn:aws:secretsmanager:{ARN}:secret:github-app-AbCdEf"},
    "manage_api_gateway_account": True,
}
BUCKET = "arn:aws:s3:::branchline-artifacts-stub"
PROJECT = f"arn:aws:codebuild:{ARN}:project/branchline-build"
CLONE_BUILD = f"arn:aws:iam::{ACCOUNT}:role/branchline-{REGION}-clone-build"
LOGS = f"arn:aws:logs:{ARN}:log-group:/aws/codebuild/branchline-build:log-stream:1"


def source(service: str, repository: str = "acme/api", connection: str = CONNECTION) -> Question:
    """Asks whether the pipeline role may fetch a commit of a repository."""
    return Question.of(
        "pipeline",
        f"{service}:UseConnection",
        f"arn:aws:{service}:{connection}",
        {f"{service}:FullRepositoryId": [repository]},
    )


# The resources of the module that the example leaves out, beside a second URL.
OPTIONAL = (
    "aws_wafv2_",
    "aws_sns_",
    "aws_route53_",
    "aws_api_gateway_domain_name.",
    "aws_api_gateway_base_path_mapping.",
    "aws_ecs_cluster_capacity_providers.",
)

NEEDED = [
    source("codeconnections"),
    source("codestar-connections"),
    Question.of("pipeline", "s3:GetBucketVersioning", BUCKET),
    Question.of("pipeline", "s3:PutObject", f"{BUCKET}/api-pr-7/source/x"),
    Question.of("pipeline", "s3:GetObject", f"{BUCKET}/api-pr-7/source/x"),
    Question.of("pipeline", "codebuild:StartBuild", PROJECT),
    Question.of("pipeline", "codebuild:BatchGetBuilds", PROJECT),
    Question.of("build", "s3:GetObject", f"{BUCKET}/api-pr-7/source/x"),
    Question.of("build", "s3:PutObject", f"{BUCKET}/api-pr-7/out/x"),
    Question.of("build", "logs:PutLogEvents", LOGS),
    Question.of("clone_build", "s3:GetObject", f"{BUCKET}/api-pr-7/source/x"),
    Question.of("clone_build", "s3:PutObject", f"{BUCKET}/api-pr-7/out/x"),
    Question.of("clone_build", "logs:PutLogEvents", LOGS),
    Question.of("pipeline", "iam:PassRole", CLONE_BUILD, {"iam:PassedToService": "codebuild.amazonaws.com"}),
]
FORBIDDEN = [
    source("codeconnections", "acme/secrets"),
    source("codestar-connections", "acme/secrets"),
    source("codeconnections", connection=f"{CONNECTION[:-1]}1"),
    Question.of("pipeline", "s3:GetObject", "arn:aws:s3:::another/x"),
    Question.of("pipeline", "s3:DeleteObject", f"{BUCKET}/api-pr-7/source/x"),
    Question.of("pipeline", "codebuild:StartBuild", PROJECT.replace("branchline-build", "deploy")),
    Question.of("pipeline", "secretsmanager:GetSecretValue", permissions.RESOURCES["secret"].arn),
    Question.of("build", "codebuild:StartBuild", PROJECT),
    Question.of("build", "secretsmanager:GetSecretValue", permissions.RESOURCES["secret"].arn),
    # What the template builds is what production gets.
    Question.of("clone_build", "s3:GetObject", f"{BUCKET}/api-template/source/x"),
    Question.of("clone_build", "s3:PutObject", f"{BUCKET}/api-template/out/x"),
    Question.of("clone_build", "s3:PutObject", "arn:aws:s3:::another/api-pr-7/x"),
    Question.of("clone_build", "codebuild:StartBuild", PROJECT),
    Question.of("clone_build", "iam:PassRole", CLONE_BUILD, {"iam:PassedToService": "codebuild.amazonaws.com"}),
    Question.of("pipeline", "iam:PassRole", CLONE_BUILD, {"iam:PassedToService": "lambda.amazonaws.com"}),
    Question.of("pipeline", "iam:PassRole", CLONE_BUILD[: -len("clone-build")] + "build", {"iam:PassedToService": "codebuild.amazonaws.com"}),
]


@cache
def applied() -> tuple[dict[str, Any], str]:
    """Returns all resources, and the text of the state and of a plan."""
    runs = terraform.Terraform("example", FOLDER)
    try:
        resources = runs.apply(VARIABLES)
        plan = runs.did("plan", "-input=false", "-no-color", "-replace=aws_secretsmanager_secret_version.webhook[\"a\"]")
        return resources, (runs.folder / "terraform.tfstate").read_text() + plan
    finally:
        runs.close()


def example(address: str) -> dict[str, Any]:
    """Returns one resource of the example itself."""
    return applied()[0][address]


class Example(unittest.TestCase):
    """The resources of the example."""

    def test_the_module_is_complete(self) -> None:
        """The example creates the module's resources, but not those of inputs that it lacks."""
        inside = {address.removeprefix("module.branchline.") for address in applied()[0] if address.startswith("module.")}
        alone = {address for address in module_alone() if not address.startswith(OPTIONAL) and '["b' not in address}
        self.assertEqual(inside, alone)

    def test_rule_template_and_permissions_name_the_same(self) -> None:
        """Without permission for the template or the clones, every webhook is dead-lettered."""
        (rule,) = tomllib.loads(example("module.branchline.aws_ssm_parameter.configuration[0]")["value"])["rule"]
        self.assertEqual(rule["template"], example("aws_codepipeline.template")["name"])
        self.assertEqual((rule["repository"], rule["base"], rule["on"]), (["acme/api"], ["main"], "pull_request"))
        daemon = permissions.statements(example("module.branchline.aws_iam_role_policy.daemon")["policy"])
        allowed = {each["Sid"]: each["Resource"] for each in daemon}
        self.assertEqual(allowed["ReadTemplates"], [f"arn:aws:codepipeline:{ARN}:{rule['template']}"])
        self.assertTrue(fnmatch(f"arn:aws:codepipeline:{ARN}:api-pr-7", allowed["CreateTaggedClones"][0]))
        self.assertEqual(allowed["PassPipelineRoles"], [example("aws_codepipeline.template")["role_arn"]])
        self.assertEqual(rule["build_role_arn"], example("aws_iam_role.clone_build")["arn"])
        self.assertEqual(allowed["PassBuildRoles"], [rule["build_role_arn"]])
        self.assertEqual(allowed["PassConnections"], [example("aws_codeconnections_connection.github")["arn"]])

    def test_the_role_trusts_template_and_clones(self) -> None:
        """The role does not trust other pipelines of the account."""
        (statement,) = json.loads(example("aws_iam_role.pipeline")["assume_role_policy"])["Statement"]
        trusted = statement["Condition"]["ArnLike"]["aws:SourceArn"]
        found = {
            name: any(fnmatch(f"arn:aws:codepipeline:{ARN}:{name}", arn) for arn in trusted)
            for name in ("api-template", "api-pr-7", "production")
        }
        self.assertEqual(found, {"api-template": True, "api-pr-7": True, "production": False})

    def test_a_repository_with_a_long_name(self) -> None:
        """CodePipeline names a folder after 20 characters, so clones would share the template's."""
        runs = terraform.Terraform("long-name", FOLDER)
        self.addCleanup(runs.close)
        for name, status in (("a" * 18, 0), ("a" * 19, 1)):
            runs.start(VARIABLES | {"repository": f"acme/{name}"})
            done = runs.run("plan", "-input=false", "-no-color")
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertIn("the first 20 characters", " ".join(done.stderr.replace("│", " ").split()))

    def test_the_source_can_be_cloned(self) -> None:
        """A V2 pipeline has one source action, which fetches the repository of the rule."""
        template = example("aws_codepipeline.template")
        self.assertEqual(template["pipeline_type"], "V2")
        actions = [action for stage in template["stage"] for action in stage["action"]]
        sources = [each["configuration"] for each in actions if each["provider"] == "CodeStarSourceConnection"]
        self.assertEqual([each["FullRepositoryId"] for each in sources], ["acme/api"])

    def test_only_github_may_call_the_url(self) -> None:
        """The default of the example is GitHub's ranges, so a forgotten variable leaves no gap."""
        policy = example("module.branchline.aws_api_gateway_rest_api_policy.webhooks")["policy"]
        (url,) = permissions.statements(policy)[0]["Resource"]
        arn = url.replace("/*/POST/", "/live/POST/")
        found = {
            address: resource_policy.allows(policy, arn, address)
            for address in ("140.82.115.1", "192.30.252.44", "2606:50c0::1", "198.51.100.1", "2001:db8::1")
        }
        self.assertEqual([address for address, allowed in found.items() if not allowed], ["198.51.100.1", "2001:db8::1"])

    def test_roles_of_two_regions_have_two_names(self) -> None:
        """A role belongs to the account, and the example may be applied in a second Region."""
        roles = [values["name"] for address, values in applied()[0].items() if address.startswith("aws_iam_role.")]
        self.assertEqual(len(roles), 3)
        self.assertEqual([name for name in roles if REGION not in name], [])

    def test_no_secret_in_plan_or_state(self) -> None:
        """The random password of the stand-in is a recognizable text, and does not appear."""
        self.assertIn("secret_string_wo", applied()[1])
        self.assertNotIn("random_password-random_password", applied()[1])

    def test_the_daemon_waits_for_its_secrets(self) -> None:
        """Its secrets are ARNs of versions, because a task cannot start without their values."""
        (container,) = json.loads(example("module.branchline.aws_ecs_task_definition.consumer")["container_definitions"])
        given = {secret["name"]: secret["valueFrom"] for secret in container["secrets"]}
        for index, key in enumerate(("a", "b")):
            version = example(f'aws_secretsmanager_secret_version.webhook["{key}"]')
            self.assertEqual(given[f"WEBHOOK_SECRET_{index}"], version["arn"])

    def test_the_bucket_is_private(self) -> None:
        """The bucket blocks public access and deletes objects after 30 days."""
        block = example("aws_s3_bucket_public_access_block.artifacts")
        names = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
        self.assertEqual([block[name] for name in names], [True] * 4)
        (rule,) = example("aws_s3_bucket_lifecycle_configuration.artifacts")["rule"]
        self.assertEqual((rule["status"], rule["expiration"][0]["days"]), ("Enabled", 30))

    def test_the_variables_file(self) -> None:
        """The example file sets exactly the variables without a default."""
        text = (INFRA / FOLDER / "variables.tf").read_text()
        blocks = text.split('variable "')[1:]
        required = {block.split('"')[0] for block in blocks if "\n  default" not in block}
        lines = (INFRA / FOLDER / "terraform.tfvars.example").read_text().splitlines()
        named = {line.split("=")[0].strip() for line in lines if "=" in line and not line.startswith("#")}
        self.assertEqual(named, required)


class Roles(unittest.TestCase):
    """The roles of the pipelines and builds, with which the code of pull requests runs."""

    def policies(self) -> dict[str, str]:
        """Returns the policies of the roles by name."""
        return {word: example(f"aws_iam_role_policy.{word}")["policy"] for word in ("pipeline", "build", "clone_build")}

    def test_permissions(self) -> None:
        """The simulation allows the needed requests and denies the forbidden ones."""
        answers = permissions.simulate(self.policies(), {}, NEEDED + FORBIDDEN)
        self.assertEqual([str(each) for each in NEEDED if not answers[each]], [], "denied, but needed")
        self.assertEqual([str(each) for each in FORBIDDEN if answers[each]], [], "allowed, but not needed")

    def test_parliament_has_no_findings(self) -> None:
        """The actions, condition keys and ARNs of each statement agree."""
        for word, policy in self.policies().items():
            findings = parliament.analyze_policy_string(policy).findings
            self.assertEqual([str(finding) for finding in findings], [], word)


if __name__ == "__main__":
    unittest.main()
