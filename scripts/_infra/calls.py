"""Which AWS calls the daemon makes: a text scan of src/aws, in the manner of tests/architecture.rs.

The SDK's method for an operation is its name in snake case, so every method call in a file that names an SDK is looked
up among that service's operations, as botocore knows them. What the receiver is called does not matter.
"""

import re
from functools import cache
from pathlib import Path

import botocore.session

from .paths import ADAPTERS

_SERVICES = ("sqs", "dynamodb", "codepipeline", "iam")
_TRANSACTED = ("Put", "Delete", "Update", "ConditionCheck")


def made(folder: Path = ADAPTERS) -> set[str]:
    """Such as `sqs.SendMessage`; items of a transaction as `dynamodb.TransactWriteItems.Put`."""
    return set().union(*(in_text(file.read_text(encoding="utf-8")) for file in folder.rglob("*.rs")))


def in_text(text: str) -> set[str]:
    """The calls in one file. Its tests and comments are no calls."""
    text = re.sub(r"^#\[cfg\(test\)\].*", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"//.*", "", text)
    services = set(re.findall(r"\baws_sdk_(\w+)", text))
    if not services and re.search(r"\bclient\b", text):
        # A file that names no SDK may still borrow the client of one that does.
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
    """Method names to operations. An SDK that botocore does not know by this name is an error, not an oversight."""
    model = botocore.session.get_session().get_service_model(service)
    return {re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower(): name for name in model.operation_names}
