"""Finds the AWS calls in src/aws by a text scan.

The SDK's method for an operation has the operation's name in snake case. The scan looks up each
method call in a file that names an SDK among the operations of that service, as botocore lists
them. The name of the receiver does not matter.
"""

import re
from functools import cache
from pathlib import Path

import botocore.session

from .paths import ADAPTERS

_SERVICES = ("sqs", "dynamodb", "codepipeline", "codebuild", "iam", "resourcegroupstagging")
# What botocore calls a service, if the SDK has another name for it.
_BOTOCORE = {"resourcegroupstagging": "resourcegroupstaggingapi"}
_TRANSACTED = ("Put", "Delete", "Update", "ConditionCheck")


def made(folder: Path = ADAPTERS) -> set[str]:
    """Returns all calls in a folder, such as `sqs.SendMessage`.

    Items of a transaction are listed as `dynamodb.TransactWriteItems.Put`.
    """
    return set().union(*(in_text(file.read_text(encoding="utf-8")) for file in folder.rglob("*.rs")))


def in_text(text: str) -> set[str]:
    """Returns the calls in one file, without its tests and comments."""
    text = re.sub(r"^#\[cfg\(test\)\].*", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"//.*", "", text)
    services = set(re.findall(r"\baws_sdk_(\w+)", text))
    if not services and re.search(r"\bclient\b", text):
        # A file that names no SDK may use the client of another file.
        services = set(_SERVICES)
    found = set()
    for service in sorted(services):
        operations = _operations(service)
        for method in re.findall(r"\.\s*(\w+)\(", text):
            if method in operations:
                found.add(f"{service}.{operations[method]}")
    if "dynamodb" in services:
        built = re.findall(r"\b(\w+)::builder\(\)", text)
        found |= {f"dynamodb.TransactWriteItems.{item}" for item in _TRANSACTED if item in built}
    return found


@cache
def _operations(service: str) -> dict[str, str]:
    """Returns the operations of a service by method name.

    A service that botocore does not know is an error.
    """
    model = botocore.session.get_session().get_service_model(_BOTOCORE.get(service, service))
    return {re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower(): name for name in model.operation_names}
