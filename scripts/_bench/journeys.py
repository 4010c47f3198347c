"""The way of one message to its effect, while messages arrive one by one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .cells import Cell

# At the default concurrency. The rate is far from what is possible: no message waits for another.
CELL = Cell(20, 32, 25_000)
WEBHOOKS = 200
WEBHOOKS_PER_SECOND = 20.0
# branchline makes one change a second at GitHub.
REPORTS = 15
REPORTS_PER_SECOND = 0.5


@dataclass(frozen=True)
class Journey:
    """A kind of message, and the calls that its effect has to wait for."""

    # `opened`, `synchronize`, or `succeeded` of an execution.
    action: str
    cell: Cell
    # The call that is the effect: when it arrives, the journey ends.
    to: str
    # One after the other, before that.
    calls: tuple[str, ...]
    count: int = WEBHOOKS
    per_second: float = WEBHOOKS_PER_SECOND

    @property
    def name(self) -> str:
        """Returns the journey for people."""
        return f"{self.action} to {self.to}, one by one, {self.cell.name}"

    @property
    def calls_ms(self) -> int:
        """Returns how long these calls take, by the configured latency."""
        return len(self.calls) * self.cell.latency_ms

    @property
    def is_report(self) -> bool:
        """Returns whether this is the way of an event to GitHub, which only branchline goes."""
        return self.action == "succeeded"


@dataclass(kw_only=True)
class Trip:
    """The messages of one subject in one round."""

    subject: str
    journey: Journey
    # From sending a message to the arrival of its effect.
    reached_ms: list[float]
    # How long the null AWS really delayed a call.
    held_ms: float


def all_journeys() -> list[Journey]:
    """Returns every journey. Templates are in the subjects' caches."""
    push = ("receive", "read the row", "claim", "read the tags")
    report = ("receive", "read the owner", "read the commits", "write the commit")
    report += ("read the commit", "take the lease")
    return [
        Journey("opened", CELL, "CreatePipeline", ("receive", "claim")),
        Journey("synchronize", CELL, "StartPipelineExecution", push),
        Journey("succeeded", CELL, "GitHub", report, REPORTS, REPORTS_PER_SECOND),
    ]


def together(trips: Sequence[Trip]) -> Iterable[tuple[Journey, dict[str, list[float]]]]:
    """Returns the sorted times of each journey by subject, those of all rounds together."""
    for journey in dict.fromkeys(trip.journey for trip in trips):
        times: dict[str, list[float]] = {}
        for trip in trips:
            if trip.journey == journey:
                times.setdefault(trip.subject, []).extend(trip.reached_ms)
        yield journey, {subject: sorted(one) for subject, one in times.items()}
