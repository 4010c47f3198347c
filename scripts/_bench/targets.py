"""The targets of branchline: ratios within one run, so that the machine does not decide."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol

from .cells import LATENCIES_MS, Cell
from .figures import Table, allowed_per_second, percentile, ratios
from .journeys import Trip, together
from .measure import Result

MAX_CPU_OF_FLOOR_PLUS = 1.25
# With fewer at once, the wake-ups of an idle process are most of the time.
MIN_CONCURRENCY_OF_FLOOR_PLUS = 32
MAX_CPU_OF_PEER = 1 / 3
MIN_OF_ALLOWED = 0.95
LITTLE_CONCURRENCY = 256
# Of the calls that the pipeline has to wait for, one after the other.
MAX_OF_CALLS = 1.10
# In addition to the bodies in flight.
MAX_MEMORY_MB = 32


class Measured(Protocol):
    """What was measured: a cell, a journey, or an account of some size."""

    @property
    def name(self) -> str:
        """Returns it for people."""


@dataclass(frozen=True)
class Judged:
    """A target in one cell, and whether it is met."""

    target: str
    cell: Measured
    figure: float
    limit: float
    met: bool

    @property
    def text(self) -> str:
        """Returns one line for people."""
        return f"{self.target}, {self.cell.name}: {self.figure:.3g} (limit {self.limit:.3g})"


def judge(results: Sequence[Result], table: Table) -> list[Judged]:
    """Returns every target in every cell to which it applies and which was measured."""
    judged = []
    for cell, figures in table.items():
        ours = figures.get("branchline")
        if ours is None:
            continue
        judged += _cpu(results, cell)
        judged += _little(table, cell)
        limit = MAX_MEMORY_MB + cell.concurrency * cell.bytes / 1_000_000
        met = ours.memory_mb <= limit
        name = "memory in MB: at most 32 plus the bodies in flight"
        judged.append(Judged(name, cell, ours.memory_mb, limit, met))
    return judged


def judge_trips(trips: Sequence[Trip]) -> Iterable[Judged]:
    """Compares the median time to a pipeline with the calls before it."""
    for journey, times in together(trips):
        ours = times.get("branchline")
        # Of a report, only the time is known: no target is set.
        if ours and not journey.is_report:
            half = percentile(ours, 50)
            limit = MAX_OF_CALLS * journey.calls_ms
            name = f"ms to a pipeline (p50): at most {MAX_OF_CALLS:.2f} of the calls before it"
            yield Judged(name, journey, half, limit, half <= limit)


def _cpu(results: Sequence[Result], cell: Cell) -> Iterable[Judged]:
    limits = [("peer", MAX_CPU_OF_PEER)]
    if cell.concurrency >= MIN_CONCURRENCY_OF_FLOOR_PLUS:
        limits.append(("floor+", MAX_CPU_OF_FLOOR_PLUS))
    for other, most in limits:
        found = ratios(results, cell, other, "cpu_ms")
        if found:
            ratio = median(found)
            target = f"CPU divided by the {other}'s: at most {most:.3g}"
            yield Judged(target, cell, ratio, most, ratio <= most)


def _little(table: Table, cell: Cell) -> Iterable[Judged]:
    """Compares the rate with Little's law, or with the floor's if the processors limit it."""
    if cell.concurrency != LITTLE_CONCURRENCY or cell.latency_ms == 0:
        return
    ours = table[cell]["branchline"]
    allowed = allowed_per_second(cell, ours)
    name = "webhooks a second: at least 95 % of what Little's law allows"
    busy = table.get(Cell(LATENCIES_MS[0], cell.concurrency, cell.bytes), {}).get("floor")
    if busy and busy.per_second < allowed:
        allowed = busy.per_second
        name += " (of what the processors allow, which is less)"
    least = MIN_OF_ALLOWED * allowed
    yield Judged(name, cell, ours.per_second, least, ours.per_second >= least)
