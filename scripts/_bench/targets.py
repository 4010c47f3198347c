"""What branchline is held to, as ratios within one run, so that a slow machine is no excuse and a fast one no merit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from .cells import LATENCIES_MS, Cell
from .figures import Table, allowed_per_second, ratios
from .measure import Result

MAX_CPU_OF_FLOOR = 1.15
MAX_CPU_OF_PEER = 1 / 3
MIN_OF_ALLOWED = 0.95
LITTLE_CONCURRENCY = 256
# Beside the bodies in flight.
MAX_MEMORY_MB = 32


@dataclass(frozen=True)
class Judged:
    """A target in one cell."""

    target: str
    cell: Cell
    figure: float
    limit: float
    met: bool

    @property
    def text(self) -> str:
        """One line for people."""
        return f"{self.target}, {self.cell.name}: {self.figure:.3g} (limit {self.limit:.3g})"


def judge(results: Sequence[Result], table: Table) -> list[Judged]:
    """Every target in every cell in which it means something and was measured."""
    judged = []
    for cell, figures in table.items():
        ours = figures.get("branchline")
        if ours is None:
            continue
        judged += _cpu(results, cell)
        judged += _little(table, cell)
        limit = MAX_MEMORY_MB + cell.concurrency * cell.bytes / 1_000_000
        name = "memory in MB: at most 32 and the bodies in flight"
        judged.append(Judged(name, cell, ours.memory_mb, limit, ours.memory_mb <= limit))
    return judged


def _cpu(results: Sequence[Result], cell: Cell) -> Iterable[Judged]:
    for other, most in (("floor", MAX_CPU_OF_FLOOR), ("peer", MAX_CPU_OF_PEER)):
        found = ratios(results, cell, other, "cpu_ms")
        if found:
            ratio = median(found)
            yield Judged(f"CPU over the {other}'s: at most {most:.3g}", cell, ratio, most, ratio <= most)


def _little(table: Table, cell: Cell) -> Iterable[Judged]:
    """Where the processors allow less than Little's law, they are the limit: the floor shows what they allow."""
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
