"""Applies the example as scripts/acceptance does, with the stand-in for the AWS provider."""

import unittest

import support

from _acceptance import account
from _infra import terraform
from _infra.provider import ACCOUNT, REGION

assert support  # it makes the scripts' packages importable

NAME = "branchline-acc-3f2a"
SETTINGS = account.Settings(
    account=ACCOUNT,
    region=REGION,
    image=f"ghcr.io/acme/branchline@sha256:{'0' * 64}",
    repository="acme/api",
    base="main",
    branch="acceptance",
    commits=("1" * 40, "2" * 40),
    fork_commit="",
    vpc="vpc-0123456789abcdef0",
    subnets=("subnet-0123456789abcdef0",),
    architecture="ARM64",
    manage_api_gateway_account=False,
)

# Their names are unique below another resource, and not in the account. The template is shared.
BELOW = (
    *("aws_api_gateway_model", "aws_api_gateway_request_validator", "aws_appautoscaling_policy"),
    *("aws_codepipeline", "aws_ecs_service", "aws_iam_role_policy", "data"),
)


class Acceptance(unittest.TestCase):
    """The example under a name of its own."""

    def test_the_example_plans_and_has_its_own_names(self) -> None:
        """Everything with a name has the prefix of the run, except for the template."""
        runs = terraform.Terraform("acceptance", "examples/complete")
        self.addCleanup(runs.close)
        found = runs.apply(account.variables(SETTINGS, NAME))
        names = {address: values.get("name") for address, values in found.items() if isinstance(values.get("name"), str)}
        beginnings = (NAME, f"/{NAME}", f"/aws/codebuild/{NAME}", f"/ecs/{NAME}", f"/aws/apigateway/{NAME}")
        shared = sorted(address for address, name in names.items() if not name.startswith(beginnings))
        left = [address for address in shared if not any(f"{each}." in address for each in BELOW)]
        self.assertEqual(left, [])


if __name__ == "__main__":
    unittest.main()
