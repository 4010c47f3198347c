"""Mapping templates rendered by Apache Velocity 1.7 with JsonPath, which is what API Gateway runs.

velocity/Render.java is the gateway's side of it; here is how to ask it. One JVM renders all that is asked at once.
"""

import struct
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from _sandbox.github import Webhook

from .paths import VELOCITY

# Not all that is there: of the packages' five backends of slf4j, this is the one that says nothing.
JARS = [
    "velocity.jar",
    "commons-collections3.jar",
    "commons-lang.jar",
    "json-path.jar",
    "json-smart.jar",
    "accessors-smart.jar",
    "asm.jar",
    "slf4j-api.jar",
    "slf4j-nop.jar",
]

SECONDS = 60
"""A JVM starts in one, and renders hundreds of payloads in another; the machine may be busy."""


@dataclass(frozen=True)
class Question:
    """A template and what it is rendered for."""

    template: str
    webhook: Webhook
    absent: str = ""
    """What the gateway gives for a parameter that is not there: "" or "null". AWS does not say."""


@dataclass(frozen=True)
class Answer:
    """What came of it: a text, or the engine's error."""

    rendered: bool
    text: str


def render(questions: Iterable[Question]) -> list[Answer]:
    """The answers, in order."""
    jars = VELOCITY / "root" / "usr" / "share" / "java"
    classes = ":".join(map(str, [VELOCITY / "classes", *(jars / jar for jar in JARS)]))
    request = b"".join(_frame(part) for question in questions for part in _parts(question))
    # Quick to start, and on one core: it runs for a second on a machine that others use, too.
    command = ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m", "-cp", classes, "Render"]
    done = subprocess.run(command, input=request, capture_output=True, timeout=SECONDS, check=False)
    if done.returncode != 0:
        raise AssertionError(f"Render ended with {done.returncode}:\n{done.stderr.decode(errors='replace')}")
    frames = list(_frames(done.stdout))
    return [Answer(word == "rendered", text) for word, text in zip(frames[::2], frames[1::2], strict=True)]


def _parts(question: Question) -> Iterator[bytes]:
    yield question.template.encode()
    yield question.webhook.body
    yield question.absent.encode()
    yield str(len(question.webhook.headers)).encode()
    for name, value in question.webhook.headers.items():
        yield name.encode()
        yield value.encode()


def _frame(part: bytes) -> bytes:
    return struct.pack(">i", len(part)) + part


def _frames(answer: bytes) -> Iterator[str]:
    at = 0
    while at < len(answer):
        (length,) = struct.unpack_from(">i", answer, at)
        yield answer[at + 4 : at + 4 + length].decode()
        at += 4 + length
