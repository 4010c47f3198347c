"""Measures one subject in one cell: a burst for rate, time and memory, a paced run for latency."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import linear_regression
from typing import Any

from . import process, subjects
from .cells import Cell
from .journeys import Journey, Trip
from .null import NullAws

# Webhooks before the first measurement, until connections are open and Node has compiled hot code.
WARM_UP = {25_000: 400, 1_000_000: 60}


@dataclass(kw_only=True)
class Costs:
    """Measured figures. All but `per_second` and `memory_mb` are those of one webhook or call."""

    per_second: float
    cpu_ms: float
    memory_mb: float
    calls: float
    # Those during which a slot of the concurrency is taken.
    calls_per_slot: float
    request_bytes: float
    # How long the null AWS delayed a call, which is a little more than the configured latency.
    held_ms: float


@dataclass(kw_only=True)
class Result(Costs):
    """The result of one run."""

    subject: str
    cell: Cell
    since_sent_ms: list[float] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        """Returns the result as values for JSON."""
        return asdict(self)


def run(
    subject: str, programs: subjects.Programs, null: NullAws, cells: Sequence[Cell]
) -> list[Result]:
    """Measures cells that share the concurrency and the size, in one process."""
    first = cells[0]
    with subjects.running(subject, programs, null.url, first.concurrency) as pid:
        warm_up = Cell(0, first.concurrency, first.bytes)
        count = WARM_UP[first.bytes]
        null.send(warm_up, count)
        null.settled(count)
        return [_measure(subject, pid, null, cell) for cell in cells]


def _measure(subject: str, pid: int, null: NullAws, cell: Cell) -> Result:
    # The polls that are already waiting are answered with the latency of the previous cell.
    null.send(cell, 1)
    null.settled(1)
    process.forget_peak(pid)
    before = process.cpu_ms(pid)
    null.send(cell, cell.burst)
    burst = null.settled(cell.burst)
    used = process.cpu_ms(pid) - before
    memory = process.peak_mb(pid)
    null.send(cell, cell.paced, cell.per_second)
    paced = null.settled(cell.paced)
    calls = burst["calls"].values()
    return Result(
        subject=subject,
        cell=cell,
        per_second=_per_second(burst["settled_ms"], cell.concurrency),
        cpu_ms=used / cell.burst,
        memory_mb=memory,
        calls=sum(call["count"] for call in calls) / cell.burst,
        calls_per_slot=calls_per_slot(burst["calls"], cell.burst),
        request_bytes=sum(call["bytes"] for call in calls) / cell.burst,
        held_ms=held_ms(burst["calls"]),
        since_sent_ms=paced["since_sent_ms"],
    )


def held_ms(calls: dict[str, dict[str, float]]) -> float:
    """Returns how long a call was delayed on average."""
    held = sum(call["held_ms"] for call in calls.values())
    return held / sum(call["count"] for call in calls.values())


def calls_per_slot(calls: dict[str, dict[str, float]], webhooks: int) -> int:
    """Returns the calls of one webhook that are made one after the other, with ReceiveMessage,
    which asks for as many messages as there are free slots. GetItem is called beside the claim.
    Deletions come after the slot is free, and jobs make few calls.
    """
    left_out = ("ReceiveMessage", "DeleteMessage", "DeleteMessageBatch", "GetItem")
    others = sum(call["count"] for name, call in calls.items() if name not in left_out)
    return 1 + round(others / webhooks)


def travel(subject: str, programs: subjects.Programs, null: NullAws, journey: Journey) -> Trip:
    """Measures one subject while messages of one kind arrive one by one."""
    cell, action, count = journey.cell, journey.action, journey.count
    warm_up = Cell(0, cell.concurrency, cell.bytes)
    keep_rows = action != "opened"

    def send(cell: Cell, action: str, count: int, rate: float | None = None) -> dict[str, Any]:
        null.send(cell, count, rate, action=action, keep_rows=keep_rows)
        return null.settled(count)

    with subjects.running(subject, programs, null.url, cell.concurrency, action):
        if journey.is_report:
            send(warm_up, "opened", count + 1)
            null.reported()
            send(warm_up, "synchronize", count + 1)
            null.reported()
        else:
            # These are the pull requests that are pushed to.
            send(warm_up, "opened", WARM_UP[cell.bytes])
            send(warm_up, action, WARM_UP[cell.bytes] - count - 1)
        # The polls that are already waiting are answered with the latency of the warm-up.
        send(cell, action, 1)
        if journey.is_report:
            null.reported()
        calls = send(cell, action, count, journey.per_second)["calls"]
        reached = null.reached(count)
    return Trip(subject=subject, journey=journey, reached_ms=reached, held_ms=held_ms(calls))


def _per_second(settled_ms: list[float], concurrency: int) -> float:
    """Returns the rate in the middle of the burst, without its start and its end.

    It is the slope of a fitted line, because with a latency messages are deleted in waves, and a
    fixed interval can contain one wave more or less. A burst of few waves has no middle: its rate
    is that of the whole.
    """
    if len(settled_ms) < 4 * concurrency:
        return 1_000 * len(settled_ms) / max(settled_ms)
    first, last = len(settled_ms) // 5, len(settled_ms) * 4 // 5
    middle = sorted(settled_ms)[first:last]
    return 1_000 / linear_regression(range(len(middle)), middle).slope


def record_samples(programs: subjects.Programs, null: NullAws) -> None:
    """Records what branchline sends for a new pull request and for a push.

    The other subjects send the same.
    """
    cell = Cell(0, 1, 25_000)
    with subjects.running("branchline", programs, null.url, 1):
        # The template is read for the first one only.
        for action in ("opened", "synchronize"):
            null.send(cell, 2, action=action, keep_rows=True)
            null.settled(2)
    subjects.SAMPLES.write_text(json.dumps(null.samples()))
