"""The daemon as ECS would start it, without a container: command, variables and secrets of the applied task definition.

What a task has and this has not: the image, its user and its read-only files.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from _sandbox import aws
from _sandbox.demo.daemon import Daemon
from _sandbox.problem import Problem

from .applied import Emulators

FAMILY = "branchline"


def definition(emulators: Emulators) -> dict[str, Any]:
    """The container definition of the task that the service runs."""
    ecs = aws.client("ecs", emulators.moto)
    (service,) = ecs.describe_services(cluster=FAMILY, services=["consumer"])["services"]
    task = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    (found,) = task["containerDefinitions"]
    return dict(found)


def environment(emulators: Emulators, container: dict[str, Any]) -> dict[str, str]:
    """Its variables and secrets, as the ECS agent would fetch them, and where AWS is."""
    plain = {variable["name"]: variable["value"] for variable in container["environment"]}
    fetched = {secret["name"]: _secret(emulators, secret["valueFrom"]) for secret in container["secrets"]}
    return aws.environment(**emulators.for_branchline(), **plain, **fetched)


def _secret(emulators: Emulators, arn: str) -> str:
    if ":ssm:" in arn:
        ssm = aws.client("ssm", emulators.moto)
        (found,) = ssm.get_parameters(Names=[arn.partition(":parameter")[2]], WithDecryption=True)["Parameters"]
        return str(found["Value"])
    return str(aws.client("secretsmanager", emulators.moto).get_secret_value(SecretId=arn)["SecretString"])


@contextmanager
def running(binary: Path, container: dict[str, Any], variables: dict[str, str], log: Path) -> Iterator[Daemon]:
    """Starts it; whatever happens in the block, it does not outlive it."""
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                [str(binary), *container["command"]],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=variables,
                # A Ctrl-C is for us: the daemon is stopped by name, in order.
                start_new_session=True,
            )
        except OSError as error:
            raise Problem(f"{binary}: {error.strerror}") from None
    with process:
        try:
            yield Daemon(process, log)
        finally:
            process.kill()
