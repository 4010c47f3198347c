"""What AWS answers to a request that its service model forbids."""

from collections.abc import Sequence
from dataclasses import dataclass

from .violations import Kind, Violation


@dataclass
class Refusal(Exception):
    """An error of a service: its code and message."""

    code: str
    message: str


def from_violations(service: str, protocol: str, violations: Sequence[Violation]) -> Refusal:
    """Returns the answer of a service to one or more violations.

    Most services share one framework, and so the wording. SQS has its own.
    """
    for violation in violations:
        if violation.kind in (Kind.TYPE, Kind.UNKNOWN):
            place = ".".join(violation.path) or "the request"
            return Refusal("SerializationException", f"{place}: {violation.constraint}")
    if service == "sqs":
        return _from_sqs(violations[0])
    code = "ValidationError" if protocol == "query" else "ValidationException"
    noun = "error" if len(violations) == 1 else "errors"
    texts = "; ".join(_text(violation) for violation in violations)
    return Refusal(code, f"{len(violations)} validation {noun} detected: {texts}")


def _text(violation: Violation) -> str:
    value = "" if violation.value is None else f" '{violation.value}'"
    if violation.kind is Kind.MISSING:
        value = " null"
    place = ".".join(name[:1].lower() + name[1:] for name in violation.path)
    return f"Value{value} at '{place}' failed to satisfy constraint: {violation.constraint}"


def _from_sqs(violation: Violation) -> Refusal:
    name = ".".join(violation.path)
    if violation.kind is Kind.MISSING:
        return Refusal("MissingParameter", f"The request must contain the parameter {name}.")
    if violation.kind is Kind.ENUM and violation.path[0] in ("Attributes", "AttributeNames"):
        return Refusal("InvalidAttributeName", f"Unknown Attribute {violation.value}.")
    text = f"Value {violation.value} for parameter {name} is invalid. Reason: "
    return Refusal("InvalidParameterValue", f"{text}{violation.constraint}.")
