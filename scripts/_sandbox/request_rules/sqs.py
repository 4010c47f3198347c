"""The rules of SQS that its service model leaves out (API reference; quotas of messages)."""

import re
from collections.abc import Iterable
from typing import Any

from .refusal import Refusal

MAX_MESSAGE_BYTES = 1024 * 1024
"""The largest message, and the largest batch, with attributes."""

MAX_ATTRIBUTES = 10
MAX_ENTRIES = 10

Json = dict[str, Any]

_BATCHES = {
    "SendMessageBatch": "Send",
    "DeleteMessageBatch": "Delete",
    "ChangeMessageVisibilityBatch": "ChangeVisibility",
}
_RANGES = {
    "DelaySeconds": (0, 900),
    "MaxNumberOfMessages": (1, 10),
    "VisibilityTimeout": (0, 43_200),
    "WaitTimeSeconds": (0, 20),
}
_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_GROUP = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}")
_ATTRIBUTE_NAME = re.compile(r"(?!(?i:aws|amazon)\.)(?!\.)(?!.*\.\.)[A-Za-z0-9_.-]{1,256}(?<!\.)")
_ATTRIBUTE_TYPE = re.compile(r"(String|Number|Binary)(\..{1,})?")
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def check(operation: str, request: Json) -> None:
    """Raises the Refusal of SQS, if it refuses the whole request."""
    _check_ranges(request)
    if operation == "SendMessage":
        check_message(request)
    elif operation in _BATCHES:
        _check_entries(_BATCHES[operation], request["Entries"])


def check_message(message: Json) -> None:
    """Raises the Refusal of one message. In a batch, only that message is refused."""
    _check_ranges(message)
    body = message["MessageBody"]
    if not body:
        raise Refusal("MissingParameter", "The request must contain the parameter MessageBody.")
    if _FORBIDDEN.search(body):
        raise Refusal("InvalidMessageContents", "Invalid characters found in the message body.")
    for name in ("MessageGroupId", "MessageDeduplicationId"):
        if name in message and not _GROUP.fullmatch(message[name]):
            raise _invalid(
                f"Value {message[name]} for parameter {name} is invalid. Reason: {name} can only "
                "include alphanumeric and punctuation characters. 1 to 128 in length."
            )
    attributes = message.get("MessageAttributes") or {}
    if len(attributes) > MAX_ATTRIBUTES:
        raise _invalid(
            f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum "
            f"[{MAX_ATTRIBUTES}]."
        )
    for name, attribute in attributes.items():
        _check_attribute(name, attribute)
    if size(message) > MAX_MESSAGE_BYTES:
        raise _invalid(
            "One or more parameters are invalid. Reason: Message must be shorter than "
            f"{MAX_MESSAGE_BYTES} bytes."
        )


def size(message: Json) -> int:
    """Returns the bytes of a message as SQS counts them: body, and attributes with their names."""
    attributes: Iterable[tuple[str, Json]] = (message.get("MessageAttributes") or {}).items()
    return len(message["MessageBody"].encode()) + sum(
        len(name.encode()) + len(one["DataType"].encode()) + _value_size(one)
        for name, one in attributes
    )


def _value_size(attribute: Json) -> int:
    binary = attribute.get("BinaryValue") or b""
    # In JSON, four characters of Base64 are three bytes.
    length = len(binary) if isinstance(binary, bytes) else len(binary.rstrip("=")) * 3 // 4
    return len((attribute.get("StringValue") or "").encode()) + length


def _check_attribute(name: str, attribute: Json) -> None:
    if not _ATTRIBUTE_NAME.fullmatch(name):
        raise _invalid(f"The message attribute name '{name}' is invalid.")
    kind = attribute["DataType"]
    if not _ATTRIBUTE_TYPE.fullmatch(kind) or len(kind) > 256:
        raise _invalid(f"The type of message (user) attribute '{name}' is invalid: '{kind}'.")
    wanted = "BinaryValue" if kind.startswith("Binary") else "StringValue"
    value = attribute.get(wanted)
    if not value:
        raise _invalid(
            f"Message (user) attribute '{name}' must contain a non-empty value of type '{kind}'."
        )
    if isinstance(value, str) and _FORBIDDEN.search(value):
        raise _invalid(f"Message (user) attribute '{name}' contains invalid characters.")


def _check_ranges(request: Json) -> None:
    for name, (least, most) in _RANGES.items():
        value = request.get(name)
        if value is not None and not least <= value <= most:
            raise _invalid(
                f"Value {value} for parameter {name} is invalid. Reason: Must be between {least} "
                f"and {most}, if provided."
            )


def _check_entries(verb: str, entries: list[Json]) -> None:
    if not entries:
        raise Refusal(
            "AWS.SimpleQueueService.EmptyBatchRequest",
            f"There should be at least one {verb}MessageBatchRequestEntry in the request.",
        )
    if len(entries) > MAX_ENTRIES:
        raise Refusal(
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            f"Maximum number of entries per request are {MAX_ENTRIES}. You have sent "
            f"{len(entries)}.",
        )
    ids = [entry["Id"] for entry in entries]
    if not all(_ID.fullmatch(one) for one in ids):
        raise Refusal(
            "AWS.SimpleQueueService.InvalidBatchEntryId",
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
            "It can be at most 80 characters long.",
        )
    if len(set(ids)) < len(ids):
        twice = next(one for one in ids if ids.count(one) > 1)
        code = "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"
        raise Refusal(code, f"Id {twice} repeated.")
    total = sum(size(entry) for entry in entries if "MessageBody" in entry)
    if total > MAX_MESSAGE_BYTES:
        raise Refusal(
            "AWS.SimpleQueueService.BatchRequestTooLong",
            f"Batch requests cannot be longer than {MAX_MESSAGE_BYTES} bytes. You have sent "
            f"{total} bytes.",
        )


def _invalid(message: str) -> Refusal:
    return Refusal("InvalidParameterValue", message)
