"""Medians over the rounds, and how the subjects compare."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from .cells import CALLS_IN_PLACE, Cell
from .measure import Result


@dataclass(frozen=True)
class Figures:
    """One subject in one cell."""

    per_second: float
    cpu_ms: float
    memory_mb: float
    calls: float
    request_bytes: float
    held_ms: float
    p50_ms: float
    p99_ms: float


Table = dict[Cell, dict[str, Figures]]


def table(results: Iterable[Result]) -> Table:
    """The figures of every cell and subject. Latencies are those of all rounds together."""
    grouped: dict[Cell, dict[str, list[Result]]] = {}
    for result in results:
        grouped.setdefault(result.cell, {}).setdefault(result.subject, []).append(result)
    return {
        cell: {subject: _figures(rounds) for subject, rounds in subjects.items()} for cell, subjects in grouped.items()
    }


def _figures(rounds: Sequence[Result]) -> Figures:
    def middle(name: str) -> float:
        return median(getattr(result, name) for result in rounds)

    latencies = sorted(latency for result in rounds for latency in result.since_sent_ms)
    return Figures(
        per_second=middle("per_second"),
        cpu_ms=middle("cpu_ms"),
        memory_mb=middle("memory_mb"),
        calls=middle("calls"),
        request_bytes=middle("request_bytes"),
        held_ms=middle("held_ms"),
        p50_ms=percentile(latencies, 50),
        p99_ms=percentile(latencies, 99),
    )


def percentile(ordered: Sequence[float], percent: int) -> float:
    """The smallest value that at least so many percent do not exceed."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def allowed_per_second(cell: Cell, figures: Figures) -> float:
    """What Little's law allows: so many places, each held for as long as its calls are held back."""
    return 1_000 * cell.concurrency / (CALLS_IN_PLACE * figures.held_ms)


def ratios(results: Sequence[Result], cell: Cell, other: str, name: str) -> list[float]:
    """branchline's figure over another's, round by round."""

    def of(subject: str) -> list[float]:
        return [getattr(result, name) for result in results if result.cell == cell and result.subject == subject]

    return [ours / theirs for ours, theirs in zip(of("branchline"), of(other), strict=False)]
