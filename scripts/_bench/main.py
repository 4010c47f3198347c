"""scripts/bench: builds and installs the subjects, measures them in turn, and compares them."""

import argparse
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from _common import cargo, terminal
from _common.problem import Problem

from . import daemons, figures, flat, measure, null, report, subjects, targets
from .cells import Cell, all_cells
from .daemons import Course, Crowd, all_crowds
from .flat import Flat, Size, all_sizes
from .journeys import Journey, all_journeys


def main() -> int:
    """Returns 1 if a target is missed."""
    arguments = _arguments()
    only = tuple(arguments.only.split(","))
    cells = [cell for cell in all_cells() if arguments.match in cell.name]
    journeys = [journey for journey in all_journeys() if arguments.match in journey.name]
    sizes, crowds = _on_request(arguments.match)
    if not cells and not journeys and not sizes and not crowds:
        everything = [*all_cells(), *all_journeys(), *all_sizes(), *all_crowds()]
        names = "; ".join(one.name for one in everything)
        raise Problem(f"no cell has '{arguments.match}' in its name: {names}")
    programs = _programs(only, release=not arguments.development)
    load = os.getloadavg()[0]
    rounds = f"{arguments.rounds} rounds"
    terminal.say(f"{os.cpu_count()} processors, load average {load:.2f}, {rounds}")
    results: list[measure.Result] = []
    trips: list[measure.Trip] = []
    flats: list[Flat] = []
    courses: list[Course] = []
    with null.running(programs.daemon) as aws:
        measure.record_samples(programs, aws)
        for number in range(arguments.rounds):
            terminal.say(f"round {number + 1} of {arguments.rounds}")
            order = _order(number, only)
            results += _round(order, programs, aws, cells)
            trips += _trips(order, programs, aws, journeys)
            flats += [flat.measure(programs, aws, size) for size in sizes]
            courses += [daemons.measure(programs, aws, crowd) for crowd in crowds]
    table = figures.table(results)
    judged = [*targets.judge(results, table), *targets.judge_trips(trips), *flat.judge(flats)]
    report.show_accounts(flats, courses)
    report.show(table, trips, judged)
    if arguments.json:
        report.write(arguments.json, results, table, trips, judged, [*flats, *courses])
    return 0 if all(one.met for one in judged) else 1


def _on_request(match: str) -> tuple[list[Size], list[Crowd]]:
    """Returns what is measured only if it is asked for, since it takes many minutes."""
    sizes = [size for size in all_sizes() if match and match in size.name]
    if sizes and flat.SMALLEST not in sizes:
        # The others are compared with it.
        sizes.insert(0, flat.SMALLEST)
    return sizes, [crowd for crowd in all_crowds() if match and match in crowd.name]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description="Compares branchline with two floors and a peer."
    )
    rounds_help = "how often to measure everything [default: 2]"
    parser.add_argument("--rounds", type=int, default=2, help=rounds_help)
    only_help = "the subjects, separated by commas [default: all four]"
    parser.add_argument("--only", default=",".join(subjects.NAMES), help=only_help)
    match_help = "measure only cells whose name contains this, such as '256 at once, 25 KB'"
    parser.add_argument("--match", default="", help=match_help)
    json_help = "write all measurements to this file as well"
    parser.add_argument("--json", type=Path, metavar="FILE", help=json_help)
    development_help = "use the development build, to try out the benchmark: no figure is valid"
    parser.add_argument("--development", action="store_true", help=development_help)
    arguments = parser.parse_args()
    unknown = set(arguments.only.split(",")) - set(subjects.NAMES)
    if unknown or arguments.rounds < 1:
        names = ", ".join(subjects.NAMES)
        parser.error(f"--rounds must be at least 1, and --only must name some of {names}")
    return arguments


def _order(number: int, only: Sequence[str]) -> Sequence[str]:
    """Returns the subjects in turn. Each round begins with another one."""
    turn = number % len(only)
    return [*only[turn:], *only[:turn]]


def _round(
    order: Sequence[str],
    programs: subjects.Programs,
    aws: null.NullAws,
    cells: Iterable[Cell],
) -> list[measure.Result]:
    """Runs each process once, the subjects in turn."""
    together: dict[tuple[int, int], list[Cell]] = {}
    for cell in cells:
        together.setdefault((cell.concurrency, cell.bytes), []).append(cell)
    return [
        result
        for group in together.values()
        for name in order
        for result in measure.run(name, programs, aws, group)
    ]


def _trips(
    order: Sequence[str],
    programs: subjects.Programs,
    aws: null.NullAws,
    journeys: Iterable[Journey],
) -> list[measure.Trip]:
    return [
        measure.travel(name, programs, aws, journey)
        for journey in journeys
        for name in order
        if name == "branchline" or not journey.is_report
    ]


def _programs(only: Sequence[str], *, release: bool) -> subjects.Programs:
    if release:
        what = "the release binary and the benchmark: the first time takes many minutes"
    else:
        what = "the development binary and the benchmark: no figure below is valid"
    terminal.say(f"building {what}")
    # In two steps: a common build would give the binary the features that tests need of tokio. The
    # second step makes such a binary as well, in the place of the first one.
    built = cargo.build("bin", "branchline", release=release)
    subjects.FOLDER.mkdir(parents=True, exist_ok=True)
    return subjects.Programs(
        branchline=Path(shutil.copy(built, subjects.FOLDER)),
        daemon=cargo.build("bench", "daemon", release=release),
        peer=subjects.install_peer() if "peer" in only else None,
    )
