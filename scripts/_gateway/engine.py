"""Renders mapping templates with Apache Velocity 1.7 and JsonPath, as API Gateway does.

velocity/Render.java does the work of the gateway. One JVM renders all requests of a call.
"""

import struct
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from _sandbox.github import Webhook

from .packages import ENGINE

# Not every JAR of the packages: of their five backends of slf4j, this one logs nothing.
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
"""A JVM starts in 1 s and renders hundreds of payloads in another. The machine may be busy."""


@dataclass(frozen=True)
class Request:
    """A template, and the webhook for which to render it."""

    template: str
    webhook: Webhook
    absent: str = ""
    """The value of an absent parameter: "" or "null". AWS does not document which."""


@dataclass(frozen=True)
class Answer:
    """The rendered text, or the error of the engine."""

    rendered: bool
    text: str


def render(requests: Iterable[Request]) -> list[Answer]:
    """Returns the answers, in the order of the requests."""
    folder = ENGINE.folder
    jars = folder / "root" / "usr" / "share" / "java"
    classes = ":".join(map(str, [folder / "classes", *(jars / jar for jar in JARS)]))
    frames = b"".join(_frame(part) for request in requests for part in _parts(request))
    # For a quick start, and on one core, because it runs for about a second.
    options = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m", "-cp", classes]
    command = ["java", *options, "Render"]
    done = subprocess.run(command, input=frames, capture_output=True, timeout=SECONDS, check=False)
    if done.returncode != 0:
        errors = done.stderr.decode(errors="replace")
        raise AssertionError(f"Render ended with {done.returncode}:\n{errors}")
    texts = list(_frames(done.stdout))
    pairs = zip(texts[::2], texts[1::2], strict=True)
    return [Answer(word == "rendered", text) for word, text in pairs]


def _parts(request: Request) -> Iterator[bytes]:
    yield request.template.encode()
    yield request.webhook.body
    yield request.absent.encode()
    yield str(len(request.webhook.headers)).encode()
    for name, value in request.webhook.headers.items():
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
