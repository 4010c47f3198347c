"""Computes medians over the rounds, and ratios between the subjects."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from statistics import median

from .cells import Cell
from .measure import Costs, Result


@dataclass
class Figures(Costs):
    """The medians of one subject in one cell, with latencies."""

    p50_ms: float
    p99_ms: float


Table = dict[Cell, dict[str, Figures]]


def table(results: Iterable[Result]) -> Table:
    """Returns the figures of every cell and subject. Latencies are those of all rounds together."""
    grouped: dict[Cell, dict[str, list[Result]]] = {}
    for result in results:
        grouped.setdefault(result.cell, {}).setdefault(result.subject, []).append(result)
    return {
        cell: {subject: _figures(rounds) for subject, rounds in subjects.items()}
        for cell, subjects in grouped.items()
    }


def _figures(rounds: Sequence[Result]) -> Figures:
    medians = {
        field.name: median(getattr(result, field.name) for result in rounds)
        for field in fields(Costs)
    }
    latencies = sorted(latency for result in rounds for latency in result.since_sent_ms)
    return Figures(
        **medians,
        p50_ms=percentile(latencies, 50),
        p99_ms=percentile(latencies, 99),
    )


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Returns the smallest value that at least `percent` percent of the values do not exceed."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def allowed_per_second(cell: Cell, figures: Figures) -> float:
    """Returns the rate that Little's law allows: slots divided by the time of a slot's calls."""
    return 1_000 * cell.concurrency / (figures.calls_per_slot * figures.held_ms)


def ratios(results: Sequence[Result], cell: Cell, other: str, name: str) -> list[float]:
    """Returns a figure of branchline divided by that of another subject, for each round."""
    in_cell = [result for result in results if result.cell == cell]

    def rounds(subject: str) -> list[float]:
        return [getattr(result, name) for result in in_cell if result.subject == subject]

    pairs = zip(rounds("branchline"), rounds(other), strict=False)
    return [ours / theirs for ours, theirs in pairs]
