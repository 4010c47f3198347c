"""What a webhook and a start cost while there is much else: mappings, rules, pipelines."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from . import process, subjects
from .cells import Cell
from .figures import percentile
from .null import NullAws
from .subjects import Setup
from .targets import Judged

# Calls and time of a webhook may differ by so much from those of the smallest account.
MOST = 1.10
# The number of webhooks in a burst and one by one, and how many of the latter come in a second.
BURST = 1_000
PACED = 200
PER_SECOND = 50.0
# A burst at full speed, and webhooks of which each is alone.
FAST = Cell(0, 32, 25_000)
SLOW = Cell(20, 32, 25_000)
ACTIONS = ("opened", "synchronize")
# Calls that carry several webhooks at once, so that their number depends on the load.
BATCHED = ("ReceiveMessage", "DeleteMessageBatch", "DeleteMessage")
# So long after the last call, a start is over. The next calls follow a minute later.
QUIET_SECONDS = 3.0


@dataclass(frozen=True)
class Size:
    """What is in the account and in the configuration, besides what a webhook is about."""

    mappings: int = 10
    rules: int = 1
    pipelines: int = 1
    # One of the rules, for another repository, has `max_active`.
    limited: bool = False

    @property
    def name(self) -> str:
        """Returns the size for people."""
        mappings, rules, pipelines = (
            f"{count:,} {word}" + ("s" if count > 1 else "")
            for count, word in (
                (self.mappings, "mapping"),
                (self.rules, "rule"),
                (self.pipelines, "pipeline"),
            )
        )
        limited = " (one with max_active)" if self.limited else ""
        return f"flat: {mappings}, {rules}{limited}, {pipelines}"


SMALLEST = Size()


@dataclass(frozen=True)
class Cost:
    """The cost of one webhook of a kind. Batched calls are left out of the calls."""

    calls: dict[str, float]
    cpu_ms: float
    since_sent_ms: list[float]


@dataclass(frozen=True)
class Flat:
    """The result of one run."""

    size: Size
    start_calls: dict[str, int]
    start_cpu_ms: float
    start_memory_mb: float
    webhooks: dict[str, Cost]


def all_sizes() -> list[Size]:
    """Returns the smallest size, and then each in which one thing is large, and all of them."""
    return [
        SMALLEST,
        Size(mappings=100_000),
        Size(rules=1_000),
        Size(pipelines=2_000),
        Size(mappings=100_000, rules=1_000, pipelines=2_000),
        Size(mappings=100_000, rules=2, limited=True),
    ]


def measure(programs: subjects.Programs, null: NullAws, size: Size) -> Flat:
    """Starts branchline once, and sends it webhooks of each kind."""
    null.account(pipelines=size.pipelines, mappings=size.mappings)
    setup = Setup(rules=size.rules, limited=size.limited)
    concurrency = FAST.concurrency
    with subjects.running("branchline", programs, null.url, concurrency, setup=setup) as pid:
        calls = _until_quiet(null)
        used, memory = process.cpu_ms(pid), process.peak_mb(pid)
        webhooks = {}
        for action in ACTIONS:
            # Warms up. The pull requests of the last burst that opened some are pushed to.
            _send(null, FAST, BURST // 4, action)
            _send(null, SLOW, 1, action)
            paced = _send(null, SLOW, PACED, action, PER_SECOND)
            _send(null, FAST, 1, action)
            before = process.cpu_ms(pid)
            # As many pushes as there are pull requests left.
            count = BURST if action == "opened" else BURST // 2
            burst = _send(null, FAST, count, action)
            used_by_burst = process.cpu_ms(pid) - before
            webhooks[action] = Cost(
                calls={
                    name: call["count"] / count
                    for name, call in burst["calls"].items()
                    if name not in BATCHED
                },
                cpu_ms=used_by_burst / count,
                since_sent_ms=paced["since_sent_ms"],
            )
    return Flat(size, calls, used, memory, webhooks)


def _send(
    null: NullAws, cell: Cell, count: int, action: str, rate: float | None = None
) -> dict[str, dict]:
    null.send(cell, count, rate, action=action, keep_rows=True)
    return null.settled(count)


def _until_quiet(null: NullAws) -> dict[str, int]:
    """Waits until a start is over, and returns its calls. Polls are left out: they wait."""
    seen: dict[str, int] = {}
    since = time.monotonic()
    while not seen or time.monotonic() < since + QUIET_SECONDS:
        now = {name: call["count"] for name, call in null.report()["calls"].items()}
        now.pop("ReceiveMessage", None)
        if now != seen:
            seen, since = now, time.monotonic()
        time.sleep(0.1)
    return seen


def judge(results: Sequence[Flat]) -> Iterable[Judged]:
    """Compares each size with the smallest one, in the same round."""
    for size, rounds in by_size(results).items():
        if size == SMALLEST:
            continue
        smallest = by_size(results)[SMALLEST]
        for action in ACTIONS:
            pairs = [
                (ours.webhooks[action], theirs.webhooks[action])
                for ours, theirs in zip(rounds, smallest, strict=False)
            ]
            late, early = (
                percentile(sorted(one for cost in costs for one in cost.since_sent_ms), 99)
                for costs in zip(*pairs, strict=True)
            )
            figures = {
                "calls": median(
                    sum(ours.calls.values()) / sum(theirs.calls.values())
                    for ours, theirs in pairs
                ),
                "CPU": median(ours.cpu_ms / theirs.cpu_ms for ours, theirs in pairs),
                "p99": late / early,
            }
            for name, figure in figures.items():
                target = f"{name} of {action}, of those of the smallest: at most {MOST:.2f}"
                yield Judged(target, size, figure, MOST, figure <= MOST)


def by_size(results: Sequence[Flat]) -> dict[Size, list[Flat]]:
    """Returns the rounds of each size."""
    grouped: dict[Size, list[Flat]] = {}
    for result in results:
        grouped.setdefault(result.size, []).append(result)
    return grouped


COLUMNS = ("start: calls", "CPU ms", "MB") + 2 * ("calls", "CPU ms", "p99 ms")


def rows(results: Sequence[Flat]) -> Iterable[tuple[str, ...]]:
    """Returns the medians of each size, for people."""
    for size, rounds in by_size(results).items():
        row = [
            size.name.removeprefix("flat: "),
            f"{median(sum(one.start_calls.values()) for one in rounds):.0f}",
            f"{median(one.start_cpu_ms for one in rounds):.0f}",
            f"{median(one.start_memory_mb for one in rounds):.0f}",
        ]
        for action in ACTIONS:
            costs = [one.webhooks[action] for one in rounds]
            times = sorted(time for cost in costs for time in cost.since_sent_ms)
            row.append(f"{median(sum(cost.calls.values()) for cost in costs):.2f}")
            row.append(f"{median(cost.cpu_ms for cost in costs):.2f}")
            row.append(f"{percentile(times, 99):.0f}")
        yield tuple(row)


def calls(results: Sequence[Flat]) -> Iterable[str]:
    """Returns the calls of each size by operation, for people."""
    for size, rounds in by_size(results).items():
        first = rounds[0]
        start = ", ".join(f"{count} {name}" for name, count in sorted(first.start_calls.items()))
        yield f"{size.name.removeprefix('flat: ')}: start: {start}"
        for action in ACTIONS:
            made = sorted(first.webhooks[action].calls.items())
            text = ", ".join(f"{count:.2f} {name}" for name, count in made)
            yield f"  {action}: {text}"
