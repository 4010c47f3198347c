"""The rules of DynamoDB that its service model leaves out (API reference, AttributeValue; Developer
Guide, "Naming rules and data types" and "Expression attribute names").
"""

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from .refusal import Refusal

MAX_DIGITS = 38
"""The significant digits of a number."""

MAX_EXPONENT = 125
MIN_EXPONENT = -130
MAX_DEPTH = 32
"""The levels of lists and maps in an item."""

Json = dict[str, Any]

_TYPES = frozenset({"S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL"})
_SETS = {"SS": "string", "NS": "number", "BS": "binary"}
_INVALID_VALUES = "One or more parameter values were invalid"
_PLACEHOLDER = re.compile(r"[#:][A-Za-z0-9_]+")


def check(_operation: str, request: Json) -> None:
    """Raises the Refusal of DynamoDB, if it refuses the request."""
    for part in _parts(request):
        _check_placeholders(part)
        for name in ("Item", "Key", "ExpressionAttributeValues", "ExclusiveStartKey"):
            for value in (part.get(name) or {}).values():
                _check_value(value, 1)


def _parts(request: Json) -> Iterator[Json]:
    """Yields the request and its parts, if it has any, each with keys, items and expressions."""
    yield request
    for transact_item in request.get("TransactItems") or []:
        yield from transact_item.values()
    for of_table in (request.get("RequestItems") or {}).values():
        if isinstance(of_table, list):
            for write in of_table:
                yield from write.values()
        else:
            yield from ({"Key": key} for key in of_table.get("Keys") or [])


def _check_placeholders(part: Json) -> None:
    """Checks the names and values of expressions: each is used, and each one used is there."""
    expressions = [text for name, text in part.items() if name.endswith("Expression") and text]
    used = set(_PLACEHOLDER.findall(" ".join(expressions)))
    for name, sign in (("ExpressionAttributeNames", "#"), ("ExpressionAttributeValues", ":")):
        given = part.get(name)
        if given is None:
            continue
        if not expressions:
            raise _invalid(f"{name} can only be specified when using expressions")
        if not given:
            raise _invalid(f"{name} must not be empty")
        for key in given:
            if not _PLACEHOLDER.fullmatch(key) or not key.startswith(sign):
                raise _invalid(f'{name} contains invalid key: Syntax error; key: "{key}"')
        unused = sorted(set(given) - used)
        if unused:
            keys = ", ".join(unused)
            raise _invalid(f"Value provided in {name} unused in expressions: keys: {{{keys}}}")
    for placeholder in sorted(used):
        names = placeholder.startswith("#")
        given = part.get("ExpressionAttributeNames" if names else "ExpressionAttributeValues")
        if placeholder not in (given or {}):
            kind = "name" if names else "value"
            raise _invalid(
                f"Invalid expression: An expression attribute {kind} used in expression is not "
                f"defined; attribute {kind}: {placeholder}"
            )


def _check_value(value: Json, depth: int) -> None:
    types = [name for name in value if name in _TYPES and value[name] is not None]
    if not types:
        raise _invalid(
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
        )
    if len(types) > 1:
        raise _invalid(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of "
            "the supported datatypes"
        )
    if depth > MAX_DEPTH:
        raise _invalid("Nesting Levels have exceeded supported limits")
    [kind] = types
    content = value[kind]
    if kind == "N":
        _check_number(content)
    elif kind in _SETS:
        _check_set(kind, content)
    elif kind == "NULL" and content is not True:
        raise _invalid(f"{_INVALID_VALUES}: Null attribute value types must have the value of true")
    elif kind in ("L", "M"):
        for member in content.values() if kind == "M" else content:
            _check_value(member, depth + 1)


def _check_set(kind: str, content: list[Any]) -> None:
    if not content:
        raise _invalid(f"{_INVALID_VALUES}: An {_SETS[kind]} set  may not be empty")
    if kind == "NS":
        for number in content:
            _check_number(number)
    distinct = {Decimal(one) for one in content} if kind == "NS" else set(content)
    if len(distinct) < len(content):
        raise _invalid(f"{_INVALID_VALUES}: Input collection contains duplicates.")


def _check_number(text: str) -> None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise _invalid(
            "A value provided cannot be converted into a number"
            if text
            else "The parameter cannot be converted to a numeric value"
        )
    if number and not MIN_EXPONENT <= number.adjusted() <= MAX_EXPONENT:
        size = "overflow" if number.adjusted() > 0 else "underflow"
        raise _invalid(f"Number {size}. Attempting to store a number beyond the supported range")
    digits = "".join(map(str, number.as_tuple().digits))
    if len(digits.strip("0")) > MAX_DIGITS:
        raise _invalid("Attempting to store more than 38 significant digits in a Number")


def _invalid(message: str) -> Refusal:
    return Refusal("ValidationException", message)
