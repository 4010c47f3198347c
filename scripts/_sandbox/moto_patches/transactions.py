"""DynamoDB's transactions, which replace those of moto.

moto copies the whole table before each TransactWriteItems, and writes the copy back if it refuses
the transaction. That loses concurrent writes, needs memory in proportion to the table, and fails
under concurrency. Here, a transaction evaluates all its conditions before it writes, and touches
only the items that it names. The requests to the tables of one account and Region run one after
the other. A request that arrives while a transaction works on one of its items gets the answer of
DynamoDB: TransactionConflict.
"""

import copy
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.dynamodb.comparisons import get_filter_expression
from moto.dynamodb.exceptions import (
    ConditionalCheckFailed,
    DynamodbException,
    MockValidationException,
    MultipleTransactionsException,
    ProvidedKeyDoesNotExist,
    TransactionCanceledException,
    TransactWriteSingleOpException,
)
from moto.dynamodb.models import DynamoDBBackend, DynamoType
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

from .conflicts import Admission, DoneTransactions, InFlight, ItemId, Role, digest

MAX_BYTES = 4 * 1024 * 1024
"""The largest size of all items of a transaction together (TransactWriteItems)."""

Reason = tuple[str, str, Any] | tuple[None, None, None]
"""A cancellation reason as moto takes it: code, message and item."""

NO_REASON: Reason = (None, None, None)
CONFLICT: Reason = ("TransactionConflict", "Transaction is ongoing for the item", None)

_ERROR = "com.amazonaws.dynamodb.v20120810#"
_ROLES = {
    "TransactWriteItems": Role.TRANSACTION,
    "TransactGetItems": Role.SNAPSHOT,
    "PutItem": Role.WRITE,
    "UpdateItem": Role.WRITE,
    "DeleteItem": Role.WRITE,
}


@dataclass
class _Region:
    """What is known of the requests to one account and Region."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    in_flight: InFlight = field(default_factory=InFlight)
    done: DoneTransactions = field(default_factory=DoneTransactions)


_regions: WeakKeyDictionary[DynamoDBBackend, _Region] = WeakKeyDictionary()
_regions_lock = threading.Lock()


def install() -> None:
    """Replaces moto's transactions for the rest of the process."""
    DynamoHandler.call_action = _in_turn(DynamoHandler.call_action)
    for name in ("put_item", "update_item", "delete_item"):
        setattr(DynamoHandler, name, _unless_in_transaction(getattr(DynamoHandler, name)))
    DynamoHandler.transact_get_items = _of_one_moment(DynamoHandler.transact_get_items)
    DynamoHandler.transact_write_items = _once(DynamoHandler.transact_write_items)
    DynamoDBBackend.transact_write_items = _write


def _region(handler: DynamoHandler) -> _Region:
    with _regions_lock:
        return _regions.setdefault(handler.dynamodb_backend, _Region())


def _in_turn(operation: Callable[..., Any]) -> Callable[..., Any]:
    """Lets requests wait for each other. Conflicts are those of the time at which one arrives."""

    def run(handler: Any) -> Any:
        region = _region(handler)
        role = _ROLES.get(handler._get_action())
        if role is None:
            with region.lock:
                return operation(handler)
        items = _item_ids(handler.dynamodb_backend, role, handler.params)
        token = handler.params.get("ClientRequestToken")
        with region.in_flight.enter(role, items, token) as admission:
            handler.admission = admission
            with region.lock:
                return operation(handler)

    return run


def _unless_in_transaction(operation: Callable[..., Any]) -> Callable[..., Any]:
    def run(handler: Any) -> Any:
        if any(handler.admission.conflicts):
            message = "Transaction is ongoing for the item"
            raise DynamodbException(_ERROR + "TransactionConflictException", message)
        return operation(handler)

    return run


def _of_one_moment(operation: Callable[..., Any]) -> Callable[..., Any]:
    def run(handler: Any) -> Any:
        _cancel_on_conflict(handler.admission)
        return operation(handler)

    return run


def _once(operation: Callable[..., Any]) -> Callable[..., Any]:
    """Answers a repeated client token without doing the transaction again."""

    def run(handler: Any) -> Any:
        request = dict(handler.body)
        token = request.pop("ClientRequestToken", None)
        done = _region(handler).done
        known = done.find(token) if token else None
        if known == digest(request):
            return ActionResult({})
        if known is not None:
            message = "The client token was used before, with other parameters"
            raise DynamodbException(_ERROR + "IdempotentParameterMismatchException", message)
        if handler.admission.is_in_progress:
            message = "The transaction with the given request token is already in progress"
            raise DynamodbException(_ERROR + "TransactionInProgressException", message)
        _cancel_on_conflict(handler.admission)
        answer = operation(handler)
        if token:
            done.add(token, digest(request))
        return answer

    return run


def _cancel_on_conflict(admission: Admission) -> None:
    if any(admission.conflicts):
        taken = admission.conflicts
        raise TransactionCanceledException([CONFLICT if one else NO_REASON for one in taken])


@dataclass(frozen=True)
class _Action:
    """One part of a transaction: a Put, an Update, a Delete or a ConditionCheck."""

    kind: str
    request: dict[str, Any]
    table: Table
    key: dict[str, Any]

    def refusal(self, backend: DynamoDBBackend) -> Reason:
        """Returns why the condition of the action is not met, if it is not."""
        request = self.request
        condition = get_filter_expression(
            request.get("ConditionExpression"),
            request.get("ExpressionAttributeNames"),
            request.get("ExpressionAttributeValues"),
        )
        item = backend.get_item(self.table.name, self.key)
        if condition.expr(item):
            return NO_REASON
        wants_item = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        old = item.to_json()["Attributes"] if wants_item and item else None
        return ("ConditionalCheckFailed", ConditionalCheckFailed().message, old)

    def apply(self, backend: DynamoDBBackend) -> None:
        """Writes. The condition was evaluated before."""
        name, request = self.table.name, self.request
        if self.kind == "Put":
            backend.put_item(name, request["Item"])
        elif self.kind == "Delete":
            backend.delete_item(name, self.key)
        elif self.kind == "Update":
            backend.update_item(
                name,
                self.key,
                update_expression=request["UpdateExpression"],
                expression_attribute_names=request.get("ExpressionAttributeNames"),
                expression_attribute_values=request.get("ExpressionAttributeValues"),
            )

    def restore(self, old: Any) -> None:
        """Puts back the item that was there before `apply`, or None for no item."""
        names = [name for name in (self.table.hash_key_attr, self.table.range_key_attr) if name]
        keys = [DynamoType(self.key[name]) for name in names]
        items = self.table.items[keys[0]] if len(keys) == 2 else self.table.items
        if old is None:
            items.pop(keys[-1], None)
        else:
            items[keys[-1]] = old


def _write(backend: DynamoDBBackend, transact_items: Sequence[dict[str, Any]]) -> None:
    """Does all actions of a transaction, or none."""
    actions = [_read(backend, one) for one in transact_items]
    ids = [_item_id(action.table, action.key) for action in actions]
    if len(set(ids)) < len(ids):
        raise MultipleTransactionsException()
    _check_size(actions)
    reasons = [action.refusal(backend) for action in actions]
    if any(code for code, _, _ in reasons):
        raise TransactionCanceledException(reasons)
    applied: list[tuple[_Action, Any]] = []
    try:
        for action in actions:
            old = copy.deepcopy(backend.get_item(action.table.name, action.key))
            applied.append((action, old))
            action.apply(backend)
    except Exception as error:
        for action, old in reversed(applied):
            action.restore(old)
        if isinstance(error, MockValidationException) and action.kind == "Update":
            reasons[len(applied) - 1] = ("ValidationError", error.message, None)
            raise TransactionCanceledException(reasons) from error
        raise


def _read(backend: DynamoDBBackend, transact_item: dict[str, Any]) -> _Action:
    if len(transact_item) != 1:
        raise TransactWriteSingleOpException
    [(kind, request)] = transact_item.items()
    table = backend.get_table(request["TableName"])
    return _Action(kind, request, table, _key(table, request))


def _key(table: Table, request: dict[str, Any]) -> dict[str, Any]:
    """Returns the key that a request names: exactly the attributes of the table's key."""
    attributes = request["Item"] if "Item" in request else request["Key"]
    names = [name for name in (table.hash_key_attr, table.range_key_attr) if name]
    if any(name not in attributes for name in names):
        raise ProvidedKeyDoesNotExist
    if "Key" in request and len(attributes) > len(names):
        raise ProvidedKeyDoesNotExist
    return {name: attributes[name] for name in names}


def _check_size(actions: Sequence[_Action]) -> None:
    puts = [action.request["Item"] for action in actions if action.kind == "Put"]
    if sum(DynamoType({"M": item}).size() for item in puts) > MAX_BYTES:
        raise MockValidationException(
            "Transaction items must not have an aggregate size of more than 4 MB"
        )


def _item_id(table: Table, key: dict[str, Any]) -> ItemId:
    return table.name, repr(sorted(key.items()))


def _item_ids(backend: DynamoDBBackend, role: Role, parameters: dict[str, Any]) -> list[ItemId]:
    """Returns the items of a request, or nothing if the request is invalid and fails anyway."""
    is_one = role is Role.WRITE
    parts = [{role.value: parameters}] if is_one else parameters.get("TransactItems", [])
    try:
        actions = [_read(backend, part) for part in parts]
    except (JsonRESTError, KeyError):
        return []
    return [_item_id(action.table, action.key) for action in actions]
