"""Starts the daemon with the command, variables and secrets of the applied task definition.

It starts no container, so it does not test the image, its user and its read-only file system.
"""

from typing import Any

from _common import isolation
from _sandbox import aws

from .applied import Emulators

FAMILY = "branchline"


def definition(emulators: Emulators) -> dict[str, Any]:
    """Returns the container definition of the task that the service runs."""
    ecs = aws.client("ecs", emulators.moto)
    (service,) = ecs.describe_services(cluster=FAMILY, services=["consumer"])["services"]
    task = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    (found,) = task["containerDefinitions"]
    return dict(found)


def environment(emulators: Emulators, container: dict[str, Any]) -> dict[str, str]:
    """Returns its variables, its secrets as the ECS agent fetches them, and the endpoints."""
    plain = {variable["name"]: variable["value"] for variable in container["environment"]}
    secrets = container["secrets"]
    fetched = {secret["name"]: _secret(emulators, secret["valueFrom"]) for secret in secrets}
    return isolation.environment(**emulators.for_branchline(), **plain, **fetched)


def _secret(emulators: Emulators, arn: str) -> str:
    if ":ssm:" in arn:
        ssm = aws.client("ssm", emulators.moto)
        name = arn.partition(":parameter")[2]
        (found,) = ssm.get_parameters(Names=[name], WithDecryption=True)["Parameters"]
        return str(found["Value"])
    secretsmanager = aws.client("secretsmanager", emulators.moto)
    return str(secretsmanager.get_secret_value(SecretId=arn)["SecretString"])
