"""Knows which items DynamoDB is working on, and which transactions it has done.

DynamoDB does not wait for another request: a write of an item that a transaction is working on
fails at once. A transaction with the client token of an earlier one does not run again.
"""

import json
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from typing import Any

TOKEN_SECONDS = 600
"""How long DynamoDB remembers a client token (TransactWriteItems, ClientRequestToken)."""

ItemId = tuple[str, str]
"""The name of a table, and the key of an item as text."""


class Role(Enum):
    """How a request uses its items. Requests that are not listed here conflict with none."""

    TRANSACTION = "TransactWriteItems"
    SNAPSHOT = "TransactGetItems"
    WRITE = "PutItem, UpdateItem or DeleteItem"


@dataclass(frozen=True)
class Admission:
    """What other requests are doing at the time at which a request arrives."""

    conflicts: Sequence[bool]
    """For each item of the request, whether another request works on it."""

    is_in_progress: bool = False
    """Whether a transaction with the same client token is running."""


class InFlight:
    """The items and client tokens of the requests that are running."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._transactions: Counter[ItemId] = Counter()
        self._writes: Counter[ItemId] = Counter()
        self._tokens: Counter[str] = Counter()

    @contextmanager
    def enter(self, role: Role, items: Sequence[ItemId], token: str | None) -> Iterator[Admission]:
        """Counts a request as running until the block ends, unless others forbid it."""
        with self._lock:
            admission = Admission(
                [self._is_taken(role, item) for item in items],
                token is not None and token in self._tokens,
            )
            if any(admission.conflicts) or admission.is_in_progress:
                items, token = [], None
            self._count(role, items, token, 1)
        try:
            yield admission
        finally:
            with self._lock:
                self._count(role, items, token, -1)

    def _is_taken(self, role: Role, item: ItemId) -> bool:
        return item in self._transactions or (role is Role.SNAPSHOT and item in self._writes)

    def _count(self, role: Role, items: Sequence[ItemId], token: str | None, by: int) -> None:
        if token is not None:
            _add(self._tokens, [token], by)
        if role is Role.TRANSACTION:
            _add(self._transactions, items, by)
        elif role is Role.WRITE:
            _add(self._writes, items, by)


def _add(counts: Counter[Any], names: Sequence[Any], by: int) -> None:
    for name in names:
        counts[name] += by
        if not counts[name]:
            del counts[name]


class DoneTransactions:
    """The client tokens of the transactions of the last ten minutes."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._done: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def find(self, token: str) -> str | None:
        """Returns the digest of the request that used a token, or None."""
        oldest = self._now() - TOKEN_SECONDS
        while self._done and next(iter(self._done.values()))[1] < oldest:
            self._done.popitem(last=False)
        found = self._done.get(token)
        return found[0] if found else None

    def add(self, token: str, digest: str) -> None:
        """Remembers a transaction that was done."""
        self._done[token] = (digest, self._now())


def digest(request: dict[str, Any]) -> str:
    """Returns the same text for the same parameters."""
    text = json.dumps(request, sort_keys=True, default=repr)
    return sha256(text.encode()).hexdigest()
