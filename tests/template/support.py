"""Makes scripts/_infra and scripts/_sandbox importable, renders the corpus once, and sends it once, for all tests."""

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from _infra import corpus, engine
from _infra.case import Case
from _infra.engine import Question
from _infra.letters import Letter, Post
from _infra.paths import WORK
from _sandbox import aws, emulator, paths

TEMPLATE = paths.TEMPLATE.read_text(encoding="utf-8")
_open = ExitStack()


@cache
def cases() -> list[Case]:
    """The corpus."""
    return corpus.cases()


def render(asked: Mapping[str, Question]) -> dict[str, str]:
    """The forms, as Velocity renders them, by the names of the questions. One JVM for all of them: ask together."""
    answers = dict(zip(asked, engine.render(asked.values()), strict=True))
    failed = [f"{name}: {answer.text}" for name, answer in answers.items() if not answer.rendered]
    if failed:
        raise AssertionError(f"the engine could not render {failed[:5]}")
    return {name: answer.text for name, answer in answers.items()}


@cache
def forms(absent: str = "") -> dict[str, str]:
    """The corpus through the project's template, by the cases' names."""
    return render({case.name: Question(TEMPLATE, case.webhook, absent) for case in cases()})


@cache
def post() -> Post:
    """The emulator and branchline. The emulator ends with `close`, or with this process."""
    aws.isolate()
    WORK.mkdir(parents=True, exist_ok=True)
    return Post(_open.enter_context(emulator.running(WORK / "moto.log")).endpoint)


@cache
def letters() -> dict[str, Letter]:
    """What became of the corpus."""
    return post().send(forms())


def close() -> None:
    """Ends the emulator."""
    _open.close()
