"""Tests how the benchmark judges what it measured."""

import unittest

import support

from _bench import figures, flat, journeys, measure, targets
from _bench.cells import Cell
from _bench.daemons import Course, Crowd
from _bench.flat import Cost, Flat, Size
from _bench.journeys import Journey, Trip
from _bench.subjects import Setup

assert support  # it makes the scripts' packages importable

OPENED, PUSH, REPORT = journeys.all_journeys()


def trip(journey: Journey, *times: float, subject: str = "branchline") -> Trip:
    """Returns one round."""
    return Trip(subject=subject, journey=journey, reached_ms=list(times), held_ms=20.0)


class TimeToPipeline(unittest.TestCase):
    """The median over all rounds is compared with the configured latency of the calls before."""

    def test_ten_percent_more_than_the_calls_before_it_meet_the_target(self) -> None:
        [judged] = targets.judge_trips([trip(OPENED, 43.9, 44.0), trip(OPENED, 44.0, 300.0)])
        self.assertAlmostEqual(judged.limit, 44.0)
        self.assertEqual(judged.figure, 44.0)
        self.assertTrue(judged.met)

    def test_more_misses_it(self) -> None:
        [judged] = targets.judge_trips([trip(OPENED, 44.1, 44.1, 30.0)])
        self.assertFalse(judged.met)

    def test_each_journey_has_its_own_calls(self) -> None:
        judged = targets.judge_trips([trip(OPENED, 50.0), trip(PUSH, 50.0)])
        self.assertEqual(
            [(one.cell.name, round(one.limit), one.met) for one in judged],
            [
                (OPENED.name, 44, False),
                (PUSH.name, 88, True),
            ],
        )

    def test_a_report_has_no_target(self) -> None:
        self.assertEqual(list(targets.judge_trips([trip(REPORT, 500.0)])), [])

    def test_only_branchline_has_targets(self) -> None:
        self.assertEqual(list(targets.judge_trips([trip(OPENED, 500.0, subject="floor")])), [])

    def test_times_are_grouped_by_journey_and_subject(self) -> None:
        trips = [trip(OPENED, 3.0, 1.0), trip(PUSH, 9.0), trip(OPENED, 2.0)]
        trips.append(trip(OPENED, 4.0, subject="peer"))
        self.assertEqual(
            list(journeys.together(trips)),
            [
                (OPENED, {"branchline": [1.0, 2.0, 3.0], "peer": [4.0]}),
                (PUSH, {"branchline": [9.0]}),
            ],
        )


def result(subject: str, cell: Cell, cpu_ms: float) -> measure.Result:
    """Returns one round."""
    return measure.Result(
        subject=subject,
        cell=cell,
        per_second=100.0,
        cpu_ms=cpu_ms,
        memory_mb=20.0,
        calls=4.0,
        calls_per_slot=4.0,
        request_bytes=6_000.0,
        held_ms=20.0,
        since_sent_ms=[100.0],
    )


class Cpu(unittest.TestCase):
    """The floor that verifies and parses is the measure where the process is not idle."""

    def _judged(self, cell: Cell, **cpu_ms: float) -> list[tuple[str, float, bool]]:
        results = [result(name.replace("_", "+"), cell, cpu) for name, cpu in cpu_ms.items()]
        judged = targets.judge(results, figures.table(results))
        return [
            (one.target, round(one.figure, 2), one.met)
            for one in judged
            if one.target.startswith("CPU")
        ]

    def test_at_most_a_quarter_more_than_that_floor(self) -> None:
        target = "CPU divided by the floor+'s: at most 1.25"
        cell = Cell(20, 32, 25_000)
        self.assertEqual(
            self._judged(cell, branchline=0.5, floor=0.2, floor_=0.4), [(target, 1.25, True)]
        )
        self.assertEqual(self._judged(cell, branchline=0.52, floor_=0.4), [(target, 1.3, False)])

    def test_one_at_once_is_compared_with_the_peer_alone(self) -> None:
        target = "CPU divided by the peer's: at most 0.333"
        judged = self._judged(Cell(20, 1, 25_000), branchline=0.5, floor_=0.1, peer=2.0)
        self.assertEqual(judged, [(target, 0.25, True)])


def flat_result(size: Size, cpu_ms: float, calls: float = 4.0) -> Flat:
    """Returns one round."""
    cost = Cost(calls={"GetItem": calls}, cpu_ms=cpu_ms, since_sent_ms=[100.0, 200.0])
    webhooks = dict.fromkeys(flat.ACTIONS, cost)
    return Flat(size, {"Query": 9}, 20.0, 23.0, webhooks)


class FlatCosts(unittest.TestCase):
    """Each size is compared with the smallest one of its round."""

    def test_a_tenth_more_than_in_the_smallest_account_is_allowed(self) -> None:
        large = Size(rules=1_000)
        results = [flat_result(flat.SMALLEST, 1.0), flat_result(large, 1.1, calls=4.8)]
        judged = list(flat.judge(results))
        self.assertEqual({one.cell for one in judged}, {large})
        missed = [one.target.split()[0] for one in judged if not one.met]
        self.assertEqual(missed, ["calls", "calls"], "one for each kind of webhook")

    def test_rounds_are_compared_with_their_own(self) -> None:
        large = Size(pipelines=2_000)
        slow = [flat_result(flat.SMALLEST, 2.0), flat_result(large, 2.0)]
        judged = flat.judge([flat_result(flat.SMALLEST, 1.0), flat_result(large, 1.0), *slow])
        self.assertEqual({one.figure for one in judged}, {1.0})

    def test_the_configuration_has_as_many_rules(self) -> None:
        text = Setup(rules=1_000, limited=True).text("")
        self.assertEqual((text.count("[[rule]]"), text.count("max_active")), (1_000, 1))


class Backlog(unittest.TestCase):
    """What is computed from the times of calls."""

    def _course(self, calls_ms: list[float], changed_ms: float | None = None) -> Course:
        return Course(
            crowd=Crowd(3, killed=True),
            settled_ms=[1_000.0, 2_000.0],
            calls_ms=calls_ms,
            throttled_ms=[],
            changed_ms=changed_ms,
        )

    def test_the_largest_second_begins_with_any_call(self) -> None:
        course = self._course([0.0, 900.0, 950.0, 1_850.0, 1_899.0, 5_000.0])
        self.assertEqual(course.largest_second, 4)

    def test_the_whole_rate_is_used_again_once_five_seconds_have_it(self) -> None:
        slow = [30.0 * number for number in range(1_000)]
        fast = [30_000.0 + 20.0 * number for number in range(1_000)]
        course = self._course([*slow, *fast], changed_ms=10_000.0)
        again = course.used_again_ms
        assert again is not None
        self.assertTrue(19_000 < again <= 20_000, again)
        self.assertIsNone(self._course(slow, changed_ms=10_000.0).used_again_ms)
        self.assertIsNone(self._course(fast).used_again_ms)


class CallsPerSlot(unittest.TestCase):
    """Little's law uses the calls that were made."""

    def test_batches_count_once_and_jobs_not_at_all(self) -> None:
        counts = {"ReceiveMessage": 12, "DeleteMessageBatch": 11, "CreatePipeline": 100}
        counts |= {"TransactWriteItems": 200, "GetItem": 104, "ListPipelines": 1}
        calls = {name: {"count": float(count)} for name, count in counts.items()}
        # Each GetItem is beside a claim.
        self.assertEqual(measure.calls_per_slot(calls, 100), 4)
