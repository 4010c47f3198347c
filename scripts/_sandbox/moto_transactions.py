"""Replaces moto's DynamoDB transactions by ones that are atomic per item, as on AWS.

moto copies the whole table before each TransactWriteItems, and writes the copy back if it refuses
the transaction. That loses concurrent writes, needs memory in proportion to the table, and fails
under concurrency. Here, a transaction copies only the items that it names, and a refused one
restores only those. Every operation on the tables takes one lock.
"""

import copy
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from moto.dynamodb import models
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table

_LOCK = threading.RLock()
# The operations that read or write items outside of a transaction.
_OPERATIONS = (
    "batch_get_item",
    "delete_item",
    "get_item",
    "put_item",
    "query",
    "scan",
    "transact_get_items",
    "update_item",
)


def install() -> None:
    """Replaces moto's transactions for the rest of the process."""
    for name in _OPERATIONS:
        if hasattr(DynamoDBBackend, name):
            setattr(DynamoDBBackend, name, _locked(getattr(DynamoDBBackend, name)))
    DynamoDBBackend.transact_write_items = _atomic(DynamoDBBackend.transact_write_items)
    models.copy = SimpleNamespace(copy=copy.copy, deepcopy=_deepcopy_except_tables)


def _deepcopy_except_tables(value: Any, memo: dict[int, Any] | None = None) -> Any:
    return value if isinstance(value, Table) else copy.deepcopy(value, memo)


def _locked(operation: Callable[..., Any]) -> Callable[..., Any]:
    def run(self: DynamoDBBackend, *args: Any, **kwargs: Any) -> Any:
        with _LOCK:
            return operation(self, *args, **kwargs)

    return run


def _atomic(operation: Callable[..., None]) -> Callable[..., None]:
    def run(self: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
        with _LOCK:
            before = [_remember(self, item) for item in transact_items]
            try:
                operation(self, transact_items)
            except Exception:
                for table, key, item in before:
                    _restore(table, key, item)
                raise

    return run


def _remember(backend: DynamoDBBackend, item: dict[str, Any]) -> tuple[Table, tuple[Any, Any], Any]:
    """Returns table, key and a copy of the item that one part of a transaction names."""
    kind, operation = next(iter(item.items()))
    table = backend.get_table(operation["TableName"])
    attributes = operation["Item"] if kind == "Put" else operation["Key"]
    names = [name for name in (table.hash_key_attr, table.range_key_attr) if name]
    found = backend.get_item(table.name, {name: attributes[name] for name in names})
    key = tuple(models.DynamoType(attributes[name]) for name in names)
    return table, (key[0], key[1] if len(key) > 1 else None), copy.deepcopy(found)


def _restore(table: Table, key: tuple[Any, Any], item: Any) -> None:
    hash_key, range_key = key
    if range_key is None:
        if item is None:
            table.items.pop(hash_key, None)
        else:
            table.items[hash_key] = item
    elif item is None:
        table.items.get(hash_key, {}).pop(range_key, None)
    else:
        table.items[hash_key][range_key] = item
