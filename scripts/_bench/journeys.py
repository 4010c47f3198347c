"""The way of one webhook to its pipeline, while webhooks arrive one by one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .cells import Cell

# At this latency, which is about that of a busy AWS, and with the default concurrency.
CELL = Cell(20, 32, 25_000)
# A small part of what one processor can do, so that no webhook waits for another.
PER_SECOND = 20.0
COUNT = 200


@dataclass(frozen=True)
class Journey:
    """What happens to a pull request, and the calls that its pipeline has to wait for."""

    action: str
    cell: Cell
    # Until the call that creates or starts the pipeline arrives, which is not among them.
    calls: tuple[str, ...]

    @property
    def name(self) -> str:
        """Returns the journey for people."""
        return f"{self.action}, one by one, {self.cell.name}"

    @property
    def calls_ms(self) -> int:
        """Returns how long these calls take one after the other, by the configured latency."""
        return len(self.calls) * self.cell.latency_ms


@dataclass(kw_only=True)
class Trip:
    """The webhooks of one subject in one round."""

    subject: str
    journey: Journey
    # From sending a webhook to the arrival of the call that creates or starts its pipeline.
    to_pipeline_ms: list[float]


def all_journeys() -> list[Journey]:
    """Returns every journey. Templates are in the subjects' caches."""
    return [
        Journey("opened", CELL, ("receive", "claim")),
        Journey("synchronize", CELL, ("receive", "read the row", "claim", "read the tags")),
    ]


def together(trips: Sequence[Trip]) -> Iterable[tuple[Journey, dict[str, list[float]]]]:
    """Returns the sorted times of each journey by subject, those of all rounds together."""
    for journey in dict.fromkeys(trip.journey for trip in trips):
        times: dict[str, list[float]] = {}
        for trip in trips:
            if trip.journey == journey:
                times.setdefault(trip.subject, []).extend(trip.to_pipeline_ms)
        yield journey, {subject: sorted(one) for subject, one in times.items()}
