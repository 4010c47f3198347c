"""scripts/demo: branchline's main job, seen from outside, on one machine.

build.py makes the binary, daemon.py runs it, story.py is what a step may do, steps.py is what is told.
"""

import argparse
import signal
import time
from contextlib import ExitStack
from pathlib import Path

from .. import account, aws, emulator, paths, terminal
from ..locks import exclusive
from ..problem import Problem
from ..world import World
from . import build, daemon, steps
from .story import Story

CONFIGURATION = paths.DEMO / "branchline.toml"
DAEMON_LOG = paths.DEMO / "branchline.log"
MOTO_LOG = paths.DEMO / "moto.log"


def main() -> int:
    """Builds, starts everything, tells the story, and stops everything."""
    arguments = _parser().parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    with exclusive(paths.DEMO / "lock", busy="another demo is running in this folder"):
        terminal.heading("Preparing")
        binary = arguments.binary or build.branchline(release=arguments.release)
        aws.isolate()
        return _perform(binary)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description="Shows branchline at work on this machine. Needs Rust, Python 3.11 and no AWS account.",
    )
    parser.add_argument("--release", action="store_true", help="build as for production: several times slower")
    parser.add_argument("--binary", type=Path, metavar="FILE", help="use this branchline and build nothing")
    return parser


def _perform(binary: Path) -> int:
    started = time.monotonic()
    with ExitStack() as stack:
        fresh = stack.enter_context(emulator.running(MOTO_LOG))
        made = account.make(fresh.endpoint)
        account.write_configuration(made, CONFIGURATION)
        terminal.done(f"an emulated AWS at {made.endpoint}: 3 queues, a table, the pipeline {made.template}")
        branchline = stack.enter_context(daemon.running(binary, CONFIGURATION, made, DAEMON_LOG))
        terminal.done(f"branchline runs (process {branchline.pid}, log in {paths.shown(DAEMON_LOG)})")
        stack.callback(_ignore_interrupts)
        try:
            with aws.told():
                _tell(Story(made, World(made), branchline))
        except Problem as problem:
            _explain(problem, branchline)
            return 1
    print(f"\nAll as told, in {time.monotonic() - started:.1f} s. To play with it yourself: scripts/sandbox up")
    return 0


def _tell(story: Story) -> None:
    for number, (title, step) in enumerate(steps.ALL, 1):
        terminal.heading(f"{number}. {title}")
        step(story)
    terminal.heading("Stopping")
    status = story.daemon.stop()
    story.check("branchline stops on SIGTERM with exit code 0", status == 0, f"it ended with {status}")


def _explain(problem: Problem, branchline: daemon.Daemon) -> None:
    """What was not as told, and what the daemon said last: enough to start looking."""
    print(f"\n{terminal.paint('Not as told:', 'red')} {problem}")
    print(f"\nThe last lines of {paths.shown(DAEMON_LOG)}:")
    for line in branchline.last_lines():
        print(f"  {line}")


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _ignore_interrupts() -> None:
    """What is left is to stop what was started; a second Ctrl-C must not keep us from it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
