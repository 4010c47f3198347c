"""Questions about queues: a hundred receives, sizes, characters, groups."""

import json
import time
from typing import Any

from ..asking import Answer, Asking, Questions
from ..probes import refusal

QUESTIONS = Questions()
ask = QUESTIONS.add

RECEIVES = 100
MIB = 1024 * 1024
REFUSED = ("InvalidMessageContents", "InvalidParameterValue", "InvalidParameterValueException")
ATTRIBUTES = {"X-GitHub-Event": {"DataType": "String", "StringValue": "pull_request"}}


@ask(
    "hundred-receives",
    "What happens to a message that was received 100 times, with a maxReceiveCount of 100?",
    assumed="SQS moves it to the dead-letter queue at the next receive, with its body, its "
    "attributes and the time at which it was first sent",
    where="docs/decisions/0039-a-dead-letter-is-cut-to-its-queue.md",
)
def hundred_receives(asking: Asking) -> Answer:
    sqs = asking.place.client("sqs")
    dead = asking.probes.queue("dead")
    redrive = {"deadLetterTargetArn": asking.probes.arn(dead), "maxReceiveCount": RECEIVES}
    queue = asking.probes.queue("hundred", RedrivePolicy=json.dumps(redrive))
    sqs.send_message(QueueUrl=queue, MessageBody="hundred", MessageAttributes=ATTRIBUTES)
    sent = counts = 0
    deadline = time.monotonic() + 300
    moved: dict[str, Any] = {}
    while not moved and time.monotonic() < deadline:
        for message in _receive(sqs, queue):
            counts = int(message["Attributes"]["ApproximateReceiveCount"])
            sent = int(message["Attributes"]["SentTimestamp"])
        moved = next(iter(_receive(sqs, dead)), {}) if counts >= RECEIVES else {}
    if not moved:
        return Answer.of(f"it was received {counts} times and not moved", holds=False)
    kept = moved["Body"] == "hundred" and bool(moved.get("MessageAttributes"))
    same = int(moved["Attributes"]["SentTimestamp"]) == sent
    source = "DeadLetterQueueSourceArn" in moved["Attributes"]
    text = (
        f"it is moved after {counts} receives; body and attributes are "
        f"{'kept' if kept else 'changed'}, the time is {'kept' if same else 'new'}, and its queue "
        f"is {'named' if source else 'not named'}"
    )
    return Answer.of(text, holds=kept and same and counts == RECEIVES)


@ask(
    "moved-although-too-large",
    "Does SQS move a message that is larger than the dead-letter queue accepts?",
    assumed="unknown: branchline cuts what it sends there itself",
    where="docs/decisions/0039-a-dead-letter-is-cut-to-its-queue.md",
)
def moved_although_too_large(asking: Asking) -> Answer:
    sqs = asking.place.client("sqs")
    small = asking.probes.queue("small", MaximumMessageSize="1024")
    redrive = {"deadLetterTargetArn": asking.probes.arn(small), "maxReceiveCount": 1}
    queue = asking.probes.queue("large", RedrivePolicy=json.dumps(redrive))
    sqs.send_message(QueueUrl=queue, MessageBody="x" * 4096)
    receives = 0

    def moved() -> list[Any]:
        nonlocal receives
        receives += len(_receive(sqs, queue))
        return _receive(sqs, small) if receives else []

    found = asking.place.watch(moved, 30 if asking.place.pause_seconds >= 1 else 2)
    if not found:
        return Answer.noted(f"not within the time, in which it was received {receives} times")
    size = len(found[0]["Body"])
    return Answer.noted(f"yes, with {size} of its 4096 bytes")


@ask(
    "largest-message",
    "Is a message of 1 MiB accepted, attributes included, and one byte more refused?",
    assumed="yes; the code of the refusal is one that dead-letters the message",
    where="src/aws/fault.rs",
)
def largest_message(asking: Asking) -> Answer:
    sqs = asking.place.client("sqs")
    queue = asking.probes.queue("sizes", MaximumMessageSize=str(MIB))
    extra = sum(
        len(name) + len(each["DataType"]) + len(each["StringValue"])
        for name, each in ATTRIBUTES.items()
    )

    def send(size: int) -> Any:
        body = "x" * (size - extra)
        return sqs.send_message(QueueUrl=queue, MessageBody=body, MessageAttributes=ATTRIBUTES)

    whole = refusal(lambda: send(MIB))
    more = refusal(lambda: send(MIB + 1))
    text = f"1 MiB: {whole[0] if whole else 'accepted'}; more: {more[0] if more else 'accepted'}"
    return Answer.of(text, holds=whole is None and more is not None and _short(more[0]) in REFUSED)


@ask(
    "forbidden-character",
    "What does SendMessage answer for a character that SQS does not allow?",
    assumed="InvalidMessageContents",
    where="src/aws/fault.rs",
)
def forbidden_character(asking: Asking) -> Answer:
    sqs = asking.place.client("sqs")
    queue = asking.probes.queue("characters")
    refused = refusal(lambda: sqs.send_message(QueueUrl=queue, MessageBody="\x01"))
    code = refused[0] if refused else "it is accepted"
    return Answer.of(code, holds=_short(code) in REFUSED)


@ask(
    "group-of-a-standard-queue",
    "Does a message of a standard queue keep its group, and can two of a group be in flight?",
    assumed="both: the group makes the queue fair, and orders nothing",
    where="infra/templates/sqs_send_message.vtl",
)
def group_of_a_standard_queue(asking: Asking) -> Answer:
    sqs = asking.place.client("sqs")
    queue = asking.probes.queue("groups", VisibilityTimeout="60")
    for number in range(2):
        sqs.send_message(QueueUrl=queue, MessageBody=str(number), MessageGroupId="730001")
    received: list[Any] = []

    def both() -> bool:
        received.extend(_receive(sqs, queue, visibility=60))
        return len(received) == 2

    asking.place.watch(both, 30)
    groups = {each["Attributes"].get("MessageGroupId", "none") for each in received}
    text = f"the group is {', '.join(sorted(groups))}, and {len(received)} are in flight"
    return Answer.of(text, holds=groups == {"730001"} and len(received) == 2)


def _receive(sqs: Any, queue: str, visibility: int = 0) -> list[Any]:
    answer = sqs.receive_message(
        QueueUrl=queue,
        MaxNumberOfMessages=10,
        VisibilityTimeout=visibility,
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["All"],
    )
    return list(answer.get("Messages", []))


def _short(code: str) -> str:
    """Returns a code without the prefix of the older protocol."""
    return code.rpartition(".")[2]
