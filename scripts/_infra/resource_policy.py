"""Evaluates a resource policy for an anonymous request, as API Gateway does without an authorizer.

It knows what the policy of the module has: statements with ARN patterns, and conditions on the
address. It has no imports of the project, so that the process of LocalStack can use it as well.
"""

import ipaddress
import json
import re
from typing import Any


def allows(policy: str, arn: str, address: str) -> bool:
    """Returns whether a statement allows it and none denies it."""
    matching = [each["Effect"] for each in json.loads(policy)["Statement"] if _matches(each, arn, address)]
    return "Allow" in matching and "Deny" not in matching


def _matches(statement: dict[str, Any], arn: str, address: str) -> bool:
    if statement["Principal"] != "*" or statement["Action"] != "execute-api:Invoke":
        raise ValueError(f"this statement is not supported: {statement}")
    if not any(_fits(pattern, arn) for pattern in _list(statement["Resource"])):
        return False
    return all(_holds(operator, keys, address) for operator, keys in statement.get("Condition", {}).items())


def _fits(pattern: str, arn: str) -> bool:
    """Returns whether a pattern of IAM fits. Unlike in fnmatch, a bracket is a character."""
    wildcards = {"*": ".*", "?": "."}
    expression = "".join(wildcards.get(char, re.escape(char)) for char in pattern)
    return re.fullmatch(expression, arn, re.DOTALL) is not None


def _holds(operator: str, keys: dict[str, Any], address: str) -> bool:
    if operator != "IpAddress" or keys.keys() != {"aws:SourceIp"}:
        raise ValueError(f"this condition is not supported: {operator} {keys}")
    return any(ipaddress.ip_address(address) in ipaddress.ip_network(each) for each in _list(keys["aws:SourceIp"]))


def _list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
