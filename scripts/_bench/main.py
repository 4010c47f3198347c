"""scripts/bench: builds, installs, measures in turns, compares."""

import argparse
import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from _sandbox import paths, terminal
from _sandbox.problem import Problem

from . import figures, measure, null, report, subjects, targets
from .cells import Cell, all_cells


def main() -> int:
    """1 when a target is missed."""
    asked = _arguments()
    only = tuple(asked.only.split(","))
    cells = [cell for cell in all_cells() if asked.match in cell.name]
    if not cells:
        raise Problem(f"no cell has '{asked.match}' in its name: {'; '.join(cell.name for cell in all_cells())}")
    programs = _programs(only)
    load = os.getloadavg()[0]
    terminal.say(f"{os.cpu_count()} processors, load average {load:.2f}, {asked.rounds} rounds")
    results: list[measure.Result] = []
    with null.running(programs.daemon) as aws:
        measure.record_samples(programs, aws)
        for number in range(asked.rounds):
            terminal.say(f"round {number + 1} of {asked.rounds}")
            results += _round(number, only, programs, aws, cells)
    table = figures.table(results)
    judged = targets.judge(results, table)
    report.show(table, judged)
    if asked.json:
        report.write(asked.json, results, table, judged)
    return 0 if all(one.met for one in judged) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measures branchline beside a floor and a peer.")
    parser.add_argument("--rounds", type=int, default=2, help="how often everything is measured [default: 2]")
    parser.add_argument("--only", default=",".join(subjects.NAMES), help="subjects, with commas [default: all three]")
    parser.add_argument("--match", default="", help="only cells with this in their name, such as '256 at once, 25 KB'")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured there, too")
    asked = parser.parse_args()
    unknown = set(asked.only.split(",")) - set(subjects.NAMES)
    if unknown or asked.rounds < 1:
        parser.error("--rounds is at least 1, and --only names some of " + ", ".join(subjects.NAMES))
    return asked


def _round(
    number: int, only: Sequence[str], programs: subjects.Programs, aws: null.NullAws, cells: Iterable[Cell]
) -> list[measure.Result]:
    """Each process once, the subjects in turns; each round begins with another one."""
    together: dict[tuple[int, int], list[Cell]] = {}
    for cell in cells:
        together.setdefault((cell.concurrency, cell.bytes), []).append(cell)
    turn = number % len(only)
    order = [*only[turn:], *only[:turn]]
    return [
        result for group in together.values() for name in order for result in measure.run(name, programs, aws, group)
    ]


def _programs(only: Sequence[str]) -> subjects.Programs:
    if shutil.which("cargo") is None:
        raise Problem("cargo is not on the PATH: install Rust first, then run this again")
    terminal.say("building the release binary and the benchmark: the first time takes many minutes")
    return subjects.Programs(
        branchline=_built("--bin", "branchline"),
        daemon=_built("--bench", "daemon"),
        peer=subjects.install_peer() if "peer" in only else None,
    )


def _built(kind: str, name: str) -> Path:
    """Apart from each other: what tests need of tokio would be in the release binary, too."""
    command = ["cargo", "build", "--locked", "--release", kind, name, "--message-format", "json-render-diagnostics"]
    built = subprocess.run(command, cwd=paths.ROOT, stdout=subprocess.PIPE, text=True, check=False)
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if built.returncode == 0 and message.get("executable") and message["target"]["name"] == name:
            return Path(message["executable"])
    raise Problem("cargo build failed: its messages are above")
