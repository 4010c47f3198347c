"""Several daemons with a backlog, which divide the rate of calls to CodePipeline."""

import os
import signal
import time
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import mean

from _common.problem import Problem

from . import subjects
from .cells import Cell
from .null import NullAws
from .subjects import Setup

# What CodePipeline takes in a second, and what is configured: a backlog takes a minute or two.
RATE = 50
CELL = Cell(20, 32, 25_000)
BACKLOG = 5_000
# A daemon that was killed counts as running for up to four minutes, in which the others work on.
LONG_BACKLOG = 12_000
# The number of finished webhooks at which daemons join, or one is killed.
CHANGES_AT = 2_000
DEADLINE_SECONDS = 900
# The whole rate is used again when this share of it is used for as long as this.
USED_AGAIN = 0.95
WINDOW_MS = 5_000.0


@dataclass(frozen=True)
class Crowd:
    """How many daemons there are, and what happens to them."""

    daemons: int
    # So many more start while the backlog is worked off.
    joined_by: int = 0
    # One of them is killed while the backlog is worked off.
    killed: bool = False

    @property
    def backlog(self) -> int:
        """Returns the number of webhooks."""
        return LONG_BACKLOG if self.killed else BACKLOG

    @property
    def name(self) -> str:
        """Returns the crowd for people."""
        joined = f", joined by {self.joined_by}" if self.joined_by else ""
        killed = ", of which one is killed" if self.killed else ""
        return f"daemons: {self.daemons}{joined}{killed}, {self.backlog:,} webhooks"


@dataclass(kw_only=True)
class Course:
    """How the backlog was worked off. All times are in milliseconds from the first receive."""

    crowd: Crowd
    settled_ms: list[float]
    # Calls to CodePipeline that were answered, and those that were throttled.
    calls_ms: list[float]
    throttled_ms: list[float]
    changed_ms: float | None = None
    calls: dict[str, int] = field(default_factory=dict)

    @property
    def webhooks_per_second(self) -> float:
        """Returns the rate of the whole backlog."""
        return 1_000 * len(self.settled_ms) / max(self.settled_ms)

    @property
    def calls_per_second(self) -> float:
        """Returns the answered calls to CodePipeline in a second, from the first to the last."""
        return 1_000 * len(self.calls_ms) / (max(self.calls_ms) - min(self.calls_ms))

    @property
    def largest_second(self) -> int:
        """Returns the most calls within any second, throttled ones included."""
        made = sorted([*self.calls_ms, *self.throttled_ms])
        ends = (bisect_left(made, at + 1_000) for at in made)
        return max(end - begin for begin, end in enumerate(ends))

    @property
    def used_again_ms(self) -> float | None:
        """Returns how long after the change the whole rate is used; `None` if it never is."""
        if self.changed_ms is None:
            return None
        made = sorted(self.calls_ms)
        least = USED_AGAIN * RATE * WINDOW_MS / 1_000
        for at in made[bisect_left(made, self.changed_ms + 1_000) :]:
            count = bisect_left(made, at + WINDOW_MS) - bisect_left(made, at)
            if count >= least:
                return at - self.changed_ms
        return None


def all_crowds() -> list[Crowd]:
    """Returns every crowd."""
    return [Crowd(1), Crowd(2), Crowd(3), Crowd(1, joined_by=2), Crowd(3, killed=True)]


def measure(programs: subjects.Programs, null: NullAws, crowd: Crowd) -> Course:
    """Lets the daemons work off a backlog that is there when they start."""
    null.account(pipelines=1, mappings=0, rate=RATE, heartbeats=True)
    null.send(CELL, crowd.backlog)
    changed = None
    with ExitStack() as daemons:

        def start(number: int) -> int:
            running = subjects.running(
                "branchline",
                programs,
                null.url,
                CELL.concurrency,
                setup=Setup(rate=RATE),
                log=f"branchline-{number}",
            )
            return daemons.enter_context(running)

        pids = [start(number) for number in range(crowd.daemons)]
        deadline = time.monotonic() + DEADLINE_SECONDS
        while (done := null.settled_count()) < crowd.backlog:
            if time.monotonic() > deadline:
                raise Problem(f"{crowd.backlog - done} messages are left: {crowd.name}")
            if changed is None and done >= CHANGES_AT and (crowd.joined_by or crowd.killed):
                changed = null.report()["now_ms"]
                if crowd.killed:
                    os.kill(pids[-1], signal.SIGKILL)
                for number in range(crowd.joined_by):
                    start(crowd.daemons + number)
            time.sleep(0.25)
        report = null.settled(crowd.backlog)
    return Course(
        crowd=crowd,
        settled_ms=report["settled_ms"],
        calls_ms=report["codepipeline_ms"],
        throttled_ms=report["throttled_ms"],
        changed_ms=changed,
        calls={name: call["count"] for name, call in report["calls"].items()},
    )


COLUMNS = (
    "",
    "webhooks/s",
    "calls to CodePipeline/s",
    "in the largest second",
    "throttled",
    "seconds",
    "whole rate used after s",
)


def rows(courses: Sequence[Course]) -> Iterable[tuple[str, ...]]:
    """Returns the rounds of each crowd, for people."""
    grouped: dict[Crowd, list[Course]] = {}
    for course in courses:
        grouped.setdefault(course.crowd, []).append(course)
    for crowd, rounds in grouped.items():
        again = [course.used_again_ms for course in rounds]
        known = [one for one in again if one is not None]
        yield (
            crowd.name.removeprefix("daemons: "),
            f"{mean(course.webhooks_per_second for course in rounds):.1f}",
            f"{mean(course.calls_per_second for course in rounds):.1f}",
            f"{max(course.largest_second for course in rounds)}",
            f"{mean(len(course.throttled_ms) for course in rounds):.0f}",
            f"{mean(max(course.settled_ms) for course in rounds) / 1_000:.0f}",
            f"{mean(known) / 1_000:.0f}" if known else "",
        )
