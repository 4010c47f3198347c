"""infra/ as an old provider understands it, and Terraform on that copy.

The only provider in a package registry is 3.39, of May 2021; the module is written for 6. So the copy loses what 3.39
does not have, by name. Each must be found, so that the list cannot outlive what it is about.
"""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
from typing import Any

from _sandbox import aws, paths
from _sandbox.problem import Problem

from .localstack import HOME

FOLDER = HOME / "module"
MIRROR = HOME / "mirror"
ARCHIVE = "terraform-provider-aws_3.39.0_linux_amd64.zip"
SHA256 = "4b75e0a259b56d97e66b7d69f3f25bd4cc7be2440c0fe35529f46de7d40a49d3"

# The name of no registry: Terraform looks into the mirror alone.
SOURCE = "mirror.invalid/hashicorp/aws"

SECONDS = {"apply": 240, "destroy": 240}
OTHER_SECONDS = 60
"""Many times what each takes. Without an end, the provider repeats a call that an emulator cannot answer for hours."""

PARALLEL = "-parallelism=20"

MOTO_MIXES_UP = ("aws_appautoscaling_policy.depth", "aws_cloudwatch_metric_alarm.depth")
"""Asked for a scaling policy by name, moto tells another of the same target, and the alarms are told of that one."""

BLOCKS = (
    'resource "aws_sqs_queue_redrive_allow_policy" "dead_letters"',
    'resource "aws_vpc_security_group_egress_rule" "https"',
    "  runtime_platform",
)
ARGUMENTS = ("sqs_managed_sse_enabled", "deletion_protection_enabled")
OTHERWISE = {
    # It knows queues of 256 KiB; applied.py gives them their size afterwards.
    r"max_message_size( *)= 1048576": r"max_message_size\1= 262144",
    r"data\.aws_region\.current\.region": "data.aws_region.current.name",
    r"\b(aws_sqs_queue\.\w+|each\.value|queue)\.url\b": r"\1.id",
}


def _changes() -> dict[str, str]:
    """Patterns and what is put in their place."""

    def whole(block: str) -> str:
        indent = " " * (len(block) - len(block.lstrip()))
        return rf"(?ms)^{re.escape(block)} \{{$.*?^{indent}\}}\n"

    blocks = {whole(block): "" for block in BLOCKS}
    arguments = {rf"(?m)^ *{name} *=.*\n": "" for name in ARGUMENTS}
    return blocks | arguments | OTHERWISE


class Module:
    """The copy, and its state, in a folder that is made anew."""

    def __init__(self, endpoints: dict[str, str], variables: dict[str, Any]) -> None:
        shutil.rmtree(FOLDER, ignore_errors=True)
        for folder in ("templates", "dashboards"):
            shutil.copytree(paths.ROOT / "infra" / folder, FOLDER / folder)
        self._copy()
        (FOLDER / "provider_override.tf.json").write_text(json.dumps(_provider(endpoints)))
        (FOLDER / "e2e.auto.tfvars.json").write_text(json.dumps(variables))

    def _copy(self) -> None:
        unused = set(_changes())
        for file in sorted((paths.ROOT / "infra").glob("*.tf")):
            text = file.read_text(encoding="utf-8")
            for pattern, replacement in _changes().items():
                text, count = re.subn(pattern, replacement, text)
                unused -= {pattern} if count else set()
            (FOLDER / file.name).write_text(text, encoding="utf-8")
        if unused:
            raise Problem(f"infra/ has nothing like this any more, so module.py need not change it: {sorted(unused)}")

    def init(self) -> None:
        """Ready for the others."""
        _fill_mirror()
        self.run("init", "-input=false", f"-plugin-dir={MIRROR}")
        self.run("validate")

    def apply(self) -> str:
        """Makes it, and says how many resources there are."""
        return _last(self.run("apply", "-auto-approve", "-input=false", PARALLEL), "Apply complete")

    def outputs(self) -> dict[str, Any]:
        """By name."""
        return {name: output["value"] for name, output in json.loads(self.run("output", "-json")).items()}

    def check_settled(self) -> None:
        """Applied again, nothing would change."""
        self.run("plan", "-input=false", "-out=again")
        planned = json.loads(self.run("show", "-json", "again"))["resource_changes"]
        changed = [change["address"] for change in planned if change["change"]["actions"] not in (["no-op"], ["read"])]
        changed = [address for address in changed if not address.startswith(MOTO_MIXES_UP)]
        if changed:
            raise Problem(f"a second apply would change this again: {', '.join(changed)}")

    def destroy(self) -> str:
        """Removes it, and says how many resources there were."""
        # Of two that look like one to moto, only one can be deleted.
        self.run("state", "rm", 'aws_appautoscaling_policy.depth["in"]')
        said = self.run("destroy", "-auto-approve", "-input=false", PARALLEL)
        left = self.run("state", "list").split()
        if left:
            raise Problem(f"destroyed, but this is left: {', '.join(left)}")
        return _last(said, "Destroy complete")

    def run(self, command: str, *options: str) -> str:
        """What it says. One that fails, or does not end, is a Problem with its last lines."""
        log = FOLDER.with_suffix(f".{command}.log")
        with log.open("w+") as output:
            status = _finished(["terraform", command, *options], SECONDS.get(command, OTHER_SECONDS), output)
        said = log.read_text(errors="replace")
        if status != 0:
            ended = "did not end in time" if status is None else f"ended with {status}"
            lines = "\n".join(said.strip().splitlines()[-30:])
            raise Problem(f"terraform {command} {ended} ({paths.shown(log)}):\n{lines}")
        return said


def _last(said: str, beginning: str) -> str:
    return next(line for line in reversed(said.splitlines()) if line.startswith(beginning))


def _finished(command: list[str], seconds: float, output: Any) -> int | None:
    """Its exit code, or None when it had to be ended; the provider, its child, goes with it."""
    environment = {k: v for k, v in aws.environment().items() if not k.startswith("TF_")}
    environment |= {"CHECKPOINT_DISABLE": "1", "TF_CLI_ARGS": "-no-color", "TF_IN_AUTOMATION": "1"}
    process = subprocess.Popen(
        command,
        cwd=FOLDER,
        env=environment,
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
    """Replaces the module's own choice, as an override file does."""
    settings = {
        "region": aws.REGION,
        "access_key": aws.CREDENTIALS["AWS_ACCESS_KEY_ID"],
        "secret_key": aws.CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        "skip_credentials_validation": True,
        "skip_metadata_api_check": True,
        "skip_get_ec2_platforms": True,
        "max_retries": 2,
        "endpoints": [endpoints],
    }
    required = {"aws": {"source": SOURCE, "version": "3.39.0"}}
    return {"terraform": {"required_providers": required}, "provider": {"aws": settings}}


def _fill_mirror() -> None:
    """The provider out of its Python package, where Terraform looks for it."""
    (archive,) = HOME.glob(f"localstack/lib/*/site-packages/cloudrail/terraform_plugins/{ARCHIVE}")
    content = archive.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise Problem(f"{paths.shown(archive)} is not HashiCorp's build of the provider: its SHA-256 differs")
    place = MIRROR / SOURCE
    place.mkdir(parents=True, exist_ok=True)
    (place / ARCHIVE).write_bytes(content)
