"""Makes the scripts' packages importable, and renders and sends the corpus once for all tests."""

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from _common import paths
from _common.isolation import isolate
from _gateway import corpus, engine
from _gateway.arrivals import WORK, Arrival, Queue
from _gateway.case import Case
from _gateway.engine import Request
from _sandbox import emulator

TEMPLATE = paths.TEMPLATE.read_text(encoding="utf-8")
_open = ExitStack()


@cache
def cases() -> list[Case]:
    """Returns the corpus."""
    return corpus.cases()


def render(requests: Mapping[str, Request]) -> dict[str, str]:
    """Returns the forms that Velocity renders, by the names of the requests, in one JVM."""
    answers = dict(zip(requests, engine.render(requests.values()), strict=True))
    failed = [f"{name}: {answer.text}" for name, answer in answers.items() if not answer.rendered]
    if failed:
        raise AssertionError(f"the engine could not render {failed[:5]}")
    return {name: answer.text for name, answer in answers.items()}


@cache
def forms(absent: str = "") -> dict[str, str]:
    """Returns the corpus through the project's template, by the names of the cases."""
    return render({case.name: Request(TEMPLATE, case.webhook, absent) for case in cases()})


@cache
def queue() -> Queue:
    """Starts the emulator, which ends with `close` or with this process."""
    isolate()
    WORK.mkdir(parents=True, exist_ok=True)
    return Queue(_open.enter_context(emulator.running(WORK / "moto.log")).endpoint)


@cache
def arrivals() -> dict[str, Arrival]:
    """Sends the corpus and returns the results."""
    return queue().send(forms())


def close() -> None:
    """Stops the emulator."""
    _open.close()
