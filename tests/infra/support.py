"""Makes scripts/_infra importable, and applies the module once for all tests."""

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from _infra import permissions, terraform


@cache
def _applied() -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    runs = terraform.Terraform("applied")
    try:
        return runs.apply(permissions.VARIABLES), runs.outputs()
    finally:
        runs.close()


def applied() -> dict[str, dict[str, Any]]:
    """Returns the resources of the module, with all its optional parts."""
    return _applied()[0]


def outputs() -> dict[str, Any]:
    """Returns the outputs of the module, with all its optional parts."""
    return _applied()[1]


@cache
def policies() -> dict[str, str]:
    """Returns the identity policies, by their names in permissions.toml."""
    return {word: applied()[address]["policy"] for word, address in permissions.POLICIES.items()}


@cache
def queue_policies() -> dict[str, str]:
    """Returns the policies of the queues, by the ARN of the queue."""
    found = [values for address, values in applied().items() if address.startswith("aws_sqs_queue_policy.")]
    return {json.loads(values["policy"])["Statement"][0]["Resource"]: values["policy"] for values in found}
