"""Compares the parameters of a request with a shape of botocore's service model.

It finds what AWS's servers find before they look at anything else: missing and unknown members,
wrong types, lengths, ranges, patterns and enums.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape


class Kind(Enum):
    """What is wrong with a value."""

    MISSING = "missing"
    UNKNOWN = "unknown"
    TYPE = "type"
    ENUM = "enum"
    SIZE = "length, range or pattern"


@dataclass(frozen=True)
class Violation:
    """One value that the service model forbids."""

    kind: Kind
    path: tuple[str, ...]
    """The names from the request to the value, as the model writes them."""

    value: str | None
    """The value as text, or None where it is absent, long or secret."""

    constraint: str
    """What AWS's message says about it."""


Path = tuple[str, ...]

_NAMES = {"integer": "Integer", "long": "Long", "float": "Float", "double": "Double"}
_BOUNDS = {"list": "length", "map": "length", "string": "length", "blob": "length"}
_LONGEST_VALUE = 256


def find(shape: Shape, value: Any, path: Path = ()) -> Iterator[Violation]:
    """Yields what is wrong with a value, from the outside to the inside.

    The value is JSON, or what JSON is parsed to: blobs are bytes or in base64, times are numbers,
    texts or datetimes.
    """
    problem = _type_problem(shape, value)
    if problem is not None:
        yield Violation(Kind.TYPE, path, _shown(shape, value), problem)
        return
    yield from _find_size(shape, value, path)
    if isinstance(shape, StructureShape):
        yield from _find_in_structure(shape, value, path)
    elif isinstance(shape, ListShape):
        for number, member in enumerate(value, start=1):
            yield from find(shape.member, member, (*path, str(number), "member"))
    elif isinstance(shape, MapShape):
        for key, member in value.items():
            yield from find(shape.key, key, path)
            yield from find(shape.value, member, (*path, key, "member"))


def _find_in_structure(
    shape: StructureShape, value: dict[str, Any], path: Path
) -> Iterator[Violation]:
    members = shape.members
    for name in shape.required_members:
        if value.get(name) is None:
            yield Violation(Kind.MISSING, (*path, name), None, "Member must not be null")
    for name, member in value.items():
        if name not in members:
            # AWS ignores it, so that a misspelled member has no effect there.
            yield Violation(Kind.UNKNOWN, (*path, name), None, "unknown member")
        elif member is not None:
            yield from find(members[name], member, (*path, name))


def _type_problem(shape: Shape, value: Any) -> str | None:
    """Returns the constraint that a value of the wrong type violates, or None."""
    kind = shape.type_name
    if value is None:
        # Only members of structures may be absent, which is found there.
        return "null where a value is expected"
    if kind in ("structure", "map"):
        if getattr(shape, "is_document_type", False):
            return None
        return None if isinstance(value, dict) else "Unexpected field type"
    if kind == "list":
        return None if isinstance(value, list) else "Unexpected field type"
    if kind == "boolean":
        return None if isinstance(value, bool) else "not a Boolean"
    if kind in _NAMES:
        allowed = (int,) if kind in ("integer", "long") else (int, float)
        is_number = isinstance(value, allowed) and not isinstance(value, bool)
        return None if is_number else f"cannot be converted to {_NAMES[kind]}"
    if kind == "timestamp":
        is_time = isinstance(value, (int, float, str, datetime)) and not isinstance(value, bool)
        return None if is_time else "cannot be converted to Timestamp"
    if kind == "blob":
        return None if _blob_length(value) is not None else "not valid Base64"
    return None if isinstance(value, str) else "cannot be converted to String"


def _find_size(shape: Shape, value: Any, path: Path) -> Iterator[Violation]:
    """Yields the bounds, the pattern and the enum that a value of the right type violates."""
    metadata = shape.metadata
    size = _size(shape, value)
    if size is not None:
        measure = "length" if shape.type_name in _BOUNDS else "value"
        for bound, word, is_outside in (
            ("min", "greater", lambda limit: size < limit),
            ("max", "less", lambda limit: size > limit),
        ):
            if bound in metadata and is_outside(metadata[bound]):
                text = f"Member must have {measure} {word} than or equal to {metadata[bound]}"
                yield Violation(Kind.SIZE, path, _shown(shape, value), text)
    if shape.type_name != "string":
        return
    pattern = _pattern(metadata["pattern"]) if "pattern" in metadata else None
    if pattern is not None and not pattern.fullmatch(value):
        text = f"Member must satisfy regular expression pattern: {metadata['pattern']}"
        yield Violation(Kind.SIZE, path, _shown(shape, value), text)
    allowed = metadata.get("enum")
    if allowed and value not in allowed:
        text = f"Member must satisfy enum value set: [{', '.join(allowed)}]"
        yield Violation(Kind.ENUM, path, _shown(shape, value), text)


def _size(shape: Shape, value: Any) -> float | None:
    """Returns what `min` and `max` of a shape bound."""
    if shape.type_name == "blob":
        return _blob_length(value)
    if shape.type_name in _BOUNDS:
        return len(value)
    return value if shape.type_name in _NAMES else None


def _blob_length(value: Any) -> int | None:
    if isinstance(value, bytes):
        return len(value)
    try:
        return len(base64.b64decode(value, validate=True))
    except (TypeError, ValueError, binascii.Error):
        return None


def _shown(shape: Shape, value: Any) -> str | None:
    is_text = isinstance(value, (str, int, float))
    if not is_text or shape.metadata.get("sensitive") or len(str(value)) > _LONGEST_VALUE:
        return None
    return str(value)


@cache
def _pattern(text: str) -> re.Pattern[str] | None:
    r"""Returns a pattern of the models, which are Java's. Python has no `\p{..}`.

    Unicode's letters, digits and spaces become Python's, which are a few more. A pattern that
    Python cannot read is not checked.
    """
    python = re.sub(r"\\p\{[LN]\}", r"\\w", text).replace(r"\p{Z}", r"\s")
    try:
        return re.compile(python)
    except re.error:
        return None
