"""What is measured: each latency with each concurrency and each size of webhook."""

from dataclasses import dataclass

LATENCIES_MS = (0, 20)
CONCURRENCIES = (1, 32, 256)
# GitHub's usual payload, and about the most that SQS takes.
SIZES = (25_000, 1_000_000)
# Long enough that two processors are idle half of the time, so that Little's law alone decides.
LONG_LATENCY_MS = 100
# Calls that hold a place: ReceiveMessage, which is asked for as many messages as there are places for, and the three of a
# new pull request.
CALLS_IN_PLACE = 4


@dataclass(frozen=True)
class Cell:
    """One set of circumstances."""

    latency_ms: int
    concurrency: int
    bytes: int

    @property
    def size(self) -> str:
        """The webhooks' size for people."""
        return f"{self.bytes // 1_000} KB" if self.bytes < 1_000_000 else f"{self.bytes // 1_000_000} MB"

    @property
    def name(self) -> str:
        """All of it for people."""
        return f"{self.latency_ms} ms, {self.concurrency} at once, {self.size}"

    @property
    def burst(self) -> int:
        """Webhooks that are there at once: enough for a second or more of work, and to fill every place several times."""
        slow = self.latency_ms > 0
        if self.latency_ms == LONG_LATENCY_MS:
            return 3_000
        if self.concurrency == 1:
            return 20 if slow else {25_000: 500}.get(self.bytes, 100)
        if self.bytes < 1_000_000:
            return 1_500 if self.concurrency > 32 and slow else 1_000
        return 300 if self.concurrency > 32 else 100

    @property
    def per_second(self) -> float:
        """Webhooks a second that leave everybody time to spare, so that what is timed is the way and not the queue."""
        most = 50 if self.bytes < 1_000_000 else 10
        possible = 1_000 * self.concurrency / (CALLS_IN_PLACE * self.latency_ms + 10)
        return min(most, possible / 2)

    @property
    def paced(self) -> int:
        """Webhooks of the paced run: one second of them."""
        return max(5, round(self.per_second))


def all_cells() -> list[Cell]:
    """Every one; those of one concurrency and size follow each other, for one process works through them."""
    cells = []
    for concurrency in CONCURRENCIES:
        for size in SIZES:
            cells += [Cell(latency, concurrency, size) for latency in LATENCIES_MS]
            if (concurrency, size) == (CONCURRENCIES[-1], SIZES[0]):
                cells.append(Cell(LONG_LATENCY_MS, concurrency, size))
    return cells
