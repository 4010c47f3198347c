"""Makes moto's queues safe for several senders and consumers at a time.

moto takes no lock: two consumers can receive the same message at once, and a deletion, which
replaces the list of messages, can lose one that arrives meanwhile. It also keeps the receipt
handles of all messages that were ever deleted, does not say from which queue SQS moved one, and
gives a message to the long poll of a consumer that has ended.
"""

import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

from flask import has_request_context, request
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.sqs.models import Message, Queue, SQSBackend
from moto.sqs.responses import SQSResponse

DELETED_HANDLES = 10_000
"""The number of receipt handles of deleted messages that a queue remembers, to delete one again."""

_SOURCE = "DeadLetterQueueSourceArn"
_OPERATIONS = (
    "change_message_visibility",
    "delete_message",
    "purge_queue",
    "receive_message",
    "send_message",
)


def install() -> None:
    """Replaces the operations for the rest of the process."""
    for name in _OPERATIONS:
        setattr(SQSBackend, name, _in_turn(getattr(SQSBackend, name)))
    SQSBackend.is_message_valid_based_on_retention_period = _is_retained
    Queue.__init__ = _with_recent_handles(Queue.__init__)
    Queue.add_message = _with_its_first_queue(Queue.add_message)
    Queue.wait_for_messages = _while_connected(Queue.wait_for_messages)
    SQSResponse.receive_message = _with_sources(SQSResponse.receive_message)


def _in_turn(operation: Callable[..., Any]) -> Callable[..., Any]:
    """Holds the queue's lock, which a long poll releases while it waits."""

    def run(self: SQSBackend, queue_name: str, *args: Any, **kwargs: Any) -> Any:
        with self.get_queue(queue_name)._messages_lock:
            return operation(self, queue_name, *args, **kwargs)

    return run


def _is_retained(backend: SQSBackend, queue_name: str, message: Message) -> bool:
    """Replaces moto's method, which counts the whole queue three times per received message."""
    retention = backend.get_queue(queue_name).message_retention_period
    return bool(retention + message.sent_timestamp / 1000 > time.time())


class _RecentHandles(OrderedDict[str, None]):
    """The last receipt handles of deleted messages, in place of moto's set of all of them."""

    def update(self, handles: Iterable[str]) -> None:  # type: ignore[override]
        for handle in handles:
            self[handle] = None
        while len(self) > DELETED_HANDLES:
            self.popitem(last=False)


def _with_recent_handles(initialize: Callable[..., None]) -> Callable[..., None]:
    def run(self: Queue, *args: Any, **kwargs: Any) -> None:
        initialize(self, *args, **kwargs)
        self.deleted_messages = _RecentHandles()

    return run


def _with_its_first_queue(add: Callable[..., None]) -> Callable[..., None]:
    def run(self: Queue, message: Message) -> None:
        if not hasattr(message, "first_queue"):
            message.first_queue = self.queue_arn
        add(self, message)

    return run


def _while_connected(wait: Callable[..., None]) -> Callable[..., None]:
    """Ends a long poll whose consumer has closed its connection, before it takes a message."""

    def run(self: Queue, timeout: int) -> None:
        wait(self, timeout)
        if has_request_context() and _is_closed(request.environ.get("werkzeug.socket")):
            raise JsonRESTError("RequestAborted", "the consumer has closed its connection")

    return run


def _is_closed(connection: socket.socket | None) -> bool:
    if connection is None:
        return False
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _with_sources(receive: Callable[..., ActionResult]) -> Callable[..., ActionResult]:
    """Adds the source of messages that the redrive policy moved."""

    def run(self: SQSResponse) -> ActionResult:
        answer = receive(self)
        names = ("MessageSystemAttributeNames", "AttributeNames")
        wanted = {one for name in names for one in self._get_param(name, [])}
        if wanted & {"All", _SOURCE}:
            queue = self.sqs_backend.get_queue(self._get_queue_name())
            sources = {message.id: message.first_queue for message in queue._messages}
            for received in answer.result.get("Messages", []):
                source = sources.get(received["MessageId"], queue.queue_arn)
                if source != queue.queue_arn:
                    received.setdefault("Attributes", {})[_SOURCE] = source
        return answer

    return run
