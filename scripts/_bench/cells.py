"""The cells of a run: each latency with each concurrency and each size of webhook."""

from dataclasses import dataclass

LATENCIES_MS = (0, 20)
CONCURRENCIES = (1, 32, 256)
# The usual payload of GitHub, and about the largest that SQS accepts.
SIZES = (25_000, 1_000_000)
# Long enough that two processors are idle half of the time, so that only Little's law limits.
LONG_LATENCY_MS = 100
# About how many calls a slot of the concurrency is taken for, to choose a rate. Little's law uses
# the number that was counted.
CALLS_PER_SLOT = 5


@dataclass(frozen=True)
class Cell:
    """One combination of latency, concurrency and size."""

    latency_ms: int
    concurrency: int
    bytes: int

    @property
    def size(self) -> str:
        """Returns the size of a webhook for people."""
        return (
            f"{self.bytes // 1_000} KB"
            if self.bytes < 1_000_000
            else f"{self.bytes // 1_000_000} MB"
        )

    @property
    def name(self) -> str:
        """Returns the whole cell for people."""
        return f"{self.latency_ms} ms, {self.concurrency} at once, {self.size}"

    @property
    def burst(self) -> int:
        """Returns the webhooks of a burst: a second of work, and several times the slots."""
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
        """Returns webhooks per second: few enough that no queue builds up."""
        most = 50 if self.bytes < 1_000_000 else 10
        possible = 1_000 * self.concurrency / (CALLS_PER_SLOT * self.latency_ms + 10)
        return min(most, possible / 2)

    @property
    def paced(self) -> int:
        """Returns the webhooks of the paced run: those of one second."""
        return max(5, round(self.per_second))


def all_cells() -> list[Cell]:
    """Returns every cell, ordered so that cells that share a process are adjacent."""
    cells = []
    for concurrency in CONCURRENCIES:
        for size in SIZES:
            cells += [Cell(latency, concurrency, size) for latency in LATENCIES_MS]
            if (concurrency, size) == (CONCURRENCIES[-1], SIZES[0]):
                cells.append(Cell(LONG_LATENCY_MS, concurrency, size))
    return cells
