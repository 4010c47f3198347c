"""Makes three things cheap: the list of services, which moto reads from the disk for each request,
the time, which it asks for each message of a queue, and the items of a table, whose attributes it
compares with the service's model one by one.
"""

import time
from typing import Any

from moto import backends
from moto.core import serialize
from moto.sqs import models

_PLAIN = {"S": str, "N": str, "BOOL": bool, "NULL": bool}


def install() -> None:
    """Replaces them for the rest of the process."""
    services = frozenset(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: services
    models.unix_time_millis = lambda: time.time() * 1_000
    models.unix_time = time.time
    _serialize_attributes_at_once()


def _serialize_attributes_at_once() -> None:
    serializer = serialize.BaseJSONSerializer
    structure = serializer._serialize_type_structure

    def once(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if shape.name == "AttributeValue" and _is_as_sent(value):
            serialized[key] = value
        else:
            structure(self, serialized, value, shape, key)

    serializer._serialize_type_structure = once


def _is_as_sent(value: Any) -> bool:
    """Returns true if an attribute of an item is as DynamoDB sends it already."""
    if not isinstance(value, dict) or len(value) != 1:
        return False
    ((kind, content),) = value.items()
    match kind, content:
        case "M", dict():
            return all(map(_is_as_sent, content.values()))
        case "L", list():
            return all(map(_is_as_sent, content))
        case _:
            return isinstance(content, _PLAIN.get(kind, ()))
