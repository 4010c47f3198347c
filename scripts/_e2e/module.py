"""Runs Terraform on a copy of infra/ that an old provider understands.

The only AWS provider in a package registry is 3.39, of May 2021, and the module is written for 6.
So the copy leaves out what 3.39 does not support. Each exception must match something, so that no
exception outlives its reason.
"""

import json
import os
import re
import shutil
import signal
import subprocess
from typing import Any

from _common import environments, parts, paths
from _common.isolation import CREDENTIALS, REGION, environment
from _common.problem import Problem

from .localstack import HOME

FOLDER = HOME / "module"
MIRROR = HOME / "mirror"
ARCHIVE = "terraform-provider-aws_3.39.0_linux_amd64.zip"
SHA256 = "4b75e0a259b56d97e66b7d69f3f25bd4cc7be2440c0fe35529f46de7d40a49d3"

# This name belongs to no registry, so Terraform uses the mirror only.
SOURCE = "mirror.invalid/hashicorp/aws"

SECONDS = {"apply": 240, "destroy": 240}
OTHER_SECONDS = 60
"""Many times the usual duration. The provider repeats an unanswered call for hours."""

# LocalStack copies an API or a stage, changes the copy and writes it back, so that one of two
# changes at the same time may be lost.
ONE_BY_ONE = "-parallelism=1"
PARALLEL = "-parallelism=20"

CONFUSED_BY_MOTO = ("aws_appautoscaling_policy.depth", "aws_cloudwatch_metric_alarm.depth")
"""moto returns a wrong scaling policy of the same target for a name, and the alarms use its ARN."""

UNSUPPORTED_BLOCKS = (
    'resource "aws_dynamodb_resource_policy" "audit"',
    'resource "aws_ecs_cluster_capacity_providers" "consumer"',
    'resource "aws_sqs_queue_redrive_allow_policy" "dead_letters"',
    'resource "aws_vpc_security_group_egress_rule" "https"',
    'resource "aws_vpc_security_group_ingress_rule" "metrics"',
    "  runtime_platform",
)
UNSUPPORTED_ARGUMENTS = ("sqs_managed_sse_enabled", "deletion_protection_enabled")
REPLACEMENTS = {
    # It supports queues of 256 KiB. applied.py sets the size afterwards.
    r"max_message_size( *)= 1048576": r"max_message_size\1= 262144",
    r'key_schema \{\s+attribute_name = ("\w+")\s+key_type += "HASH"\s+\}': r"hash_key = \1",
    r'key_schema \{\s+attribute_name = ("\w+")\s+key_type += "RANGE"\s+\}': r"range_key = \1",
    # Targets of auto scaling, which had no tags.
    r"(max_capacity +=.*\n) +tags +=.*\n": r"\1",
    r", aws_ecs_cluster_capacity_providers\.consumer\]": "]",
    r"data\.aws_region\.current\.region": "data.aws_region.current.name",
    r"\b(aws_sqs_queue\.\w+|each\.value|queue)\.url\b": r"\1.id",
}


def _changes() -> dict[str, str]:
    """Returns patterns with their replacements."""

    def whole(block: str) -> str:
        indent = " " * (len(block) - len(block.lstrip()))
        return rf"(?ms)^{re.escape(block)} \{{$.*?^{indent}\}}\n"

    blocks = {whole(block): "" for block in UNSUPPORTED_BLOCKS}
    arguments = {rf"(?m)^ *{name} *=.*\n": "" for name in UNSUPPORTED_ARGUMENTS}
    return blocks | arguments | REPLACEMENTS


class Module:
    """The copy and its state, in a new folder."""

    def __init__(self, endpoints: dict[str, str], variables: dict[str, Any]) -> None:
        shutil.rmtree(FOLDER, ignore_errors=True)
        for folder in ("templates", "dashboards"):
            shutil.copytree(paths.ROOT / "infra" / folder, FOLDER / folder)
        self._copy()
        (FOLDER / "provider_override.tf.json").write_text(json.dumps(_provider(endpoints)))
        self._variables = variables

    def _copy(self) -> None:
        unused = set(_changes())
        for file in sorted((paths.ROOT / "infra").glob("*.tf")):
            text = file.read_text(encoding="utf-8")
            for pattern, replacement in _changes().items():
                text, count = re.subn(pattern, replacement, text)
                unused -= {pattern} if count else set()
            (FOLDER / file.name).write_text(text, encoding="utf-8")
        if unused:
            raise Problem(
                f"nothing in infra/ matches these patterns of module.py: {sorted(unused)}"
            )

    def init(self) -> None:
        """Prepares the folder for the other commands."""
        self._set({})
        _fill_mirror()
        self.run("init", "-input=false", f"-plugin-dir={MIRROR}")
        self.run("validate")

    def _set(self, changes: dict[str, Any]) -> None:
        self._variables |= changes
        (FOLDER / "e2e.auto.tfvars.json").write_text(json.dumps(self._variables))

    def apply(self, **changes: Any) -> str:
        """Applies the module, and returns Terraform's line with the number of resources.

        Variables in `changes` get new values.
        """
        self._set(changes)
        output = self.run("apply", "-auto-approve", "-input=false", ONE_BY_ONE)
        return _last(output, "Apply complete")

    def outputs(self) -> dict[str, Any]:
        """Returns the outputs by name."""
        outputs = json.loads(self.run("output", "-json"))
        return {name: output["value"] for name, output in outputs.items()}

    def check_settled(self) -> None:
        """Raises a Problem if a second apply would change anything."""
        self.run("plan", "-input=false", "-out=again")
        planned = json.loads(self.run("show", "-json", "again"))["resource_changes"]
        unchanged = (["no-op"], ["read"])
        changed = [
            change["address"]
            for change in planned
            if change["change"]["actions"] not in unchanged
            and not change["address"].startswith(CONFUSED_BY_MOTO)
        ]
        if changed:
            raise Problem(f"a second apply would change: {', '.join(changed)}")

    def destroy(self) -> str:
        """Destroys everything and returns Terraform's line with the number of resources."""
        # moto keeps two policies as one, so only one of them can be deleted.
        self.run("state", "rm", 'aws_appautoscaling_policy.depth["in"]')
        output = self.run("destroy", "-auto-approve", "-input=false", PARALLEL)
        remaining = self.run("state", "list").split()
        if remaining:
            raise Problem(f"destroyed, but the state still has: {', '.join(remaining)}")
        return _last(output, "Destroy complete")

    def run(self, command: str, *options: str) -> str:
        """Returns the output of a command. A failure or a timeout raises a Problem."""
        log = FOLDER.with_suffix(f".{command}.log")
        limit = SECONDS.get(command, OTHER_SECONDS)
        with log.open("w+") as file:
            status = _finished(["terraform", command, *options], limit, file)
        output = log.read_text(errors="replace")
        if status != 0:
            ended = "did not end in time" if status is None else f"ended with {status}"
            lines = "\n".join(output.strip().splitlines()[-30:])
            raise Problem(f"terraform {command} {ended} ({paths.shown(log)}):\n{lines}")
        return output


def _last(output: str, beginning: str) -> str:
    return next(line for line in reversed(output.splitlines()) if line.startswith(beginning))


def _finished(command: list[str], seconds: float, output: Any) -> int | None:
    """Returns the exit code, or None after a timeout, which also kills the provider, its child."""
    variables = {k: v for k, v in environment().items() if not k.startswith("TF_")}
    variables["CHECKPOINT_DISABLE"] = "1"
    variables |= {"TF_CLI_ARGS": "-no-color", "TF_IN_AUTOMATION": "1"}
    process = subprocess.Popen(
        command,
        cwd=FOLDER,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _provider(endpoints: dict[str, str]) -> dict[str, Any]:
    """Returns the content of an override file, which replaces the provider of the module."""
    settings = {
        "region": REGION,
        "access_key": CREDENTIALS["AWS_ACCESS_KEY_ID"],
        "secret_key": CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        "skip_credentials_validation": True,
        "skip_metadata_api_check": True,
        "skip_get_ec2_platforms": True,
        "max_retries": 2,
        "endpoints": [endpoints],
    }
    required = {"aws": {"source": SOURCE, "version": "3.39.0"}}
    return {"terraform": {"required_providers": required}, "provider": {"aws": settings}}


def _fill_mirror() -> None:
    """Copies the provider from its Python package to where Terraform looks for it."""
    packages = environments.named("e2e").folder.glob("lib/*/site-packages")
    (archive,) = next(packages).glob(f"cloudrail/terraform_plugins/{ARCHIVE}")
    # The sum of HashiCorp's own build.
    parts.check_sum(archive, SHA256)
    folder = MIRROR / SOURCE
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(archive, folder)
