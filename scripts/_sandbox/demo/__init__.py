"""scripts/demo: shows from outside what branchline does, on one machine.

daemon.py runs the binary, steps.py has the steps of the story, previews.py those with stacks,
story.py what a step can do, and picture.py makes a picture of what it prints.
"""

import argparse
import contextlib
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from _common import cargo, paths, terminal
from _common.isolation import isolate
from _common.locks import exclusive
from _common.problem import Problem

from .. import account, aws, emulator
from ..world import World
from . import daemon, picture, previews, steps
from .story import Story

FOLDER = paths.SANDBOX / "demo"
CONFIGURATION = FOLDER / "branchline.toml"
DAEMON_LOG = FOLDER / "branchline.log"
PREVIEWS = FOLDER / "preview.toml"
PREVIEWS_LOG = FOLDER / "previews.log"
MOTO_LOG = FOLDER / "moto.log"
GITHUB_LOG = FOLDER / "github.log"


def main() -> int:
    """Builds the binary, starts everything, plays the story, and stops everything."""
    arguments = _parser().parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    with exclusive(FOLDER / "lock", busy="another demo is running in this folder"):
        terminal.heading("Preparing")
        binary = arguments.binary or cargo.branchline(release=arguments.release)
        isolate()
        tee = picture.Tee(sys.stdout)
        with contextlib.redirect_stdout(tee):
            status = _perform(binary)
        if status == 0 and arguments.record:
            picture.record(tee.text(), arguments.record.resolve())
        if status == 0 and arguments.compare:
            picture.compare(tee.text(), arguments.compare.resolve())
        return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description="Shows branchline at work. Needs Rust and Python 3.11, but no AWS account.",
    )
    release_help = "build as for production, which takes several times as long"
    parser.add_argument("--release", action="store_true", help=release_help)
    binary_help = "use this branchline and build nothing"
    parser.add_argument("--binary", type=Path, metavar="FILE", help=binary_help)
    picture_help = "write the picture of the first steps, such as docs/demo.svg"
    parser.add_argument("--record", type=Path, metavar="FILE", help=picture_help)
    compare_help = "fail if that picture shows something else than this run"
    parser.add_argument("--compare", type=Path, metavar="FILE", help=compare_help)
    return parser


def _perform(binary: Path) -> int:
    started = time.monotonic()
    with ExitStack() as stack:
        emulators = emulator.both_running(MOTO_LOG, GITHUB_LOG)
        fresh, fake = stack.enter_context(emulators)
        made = account.make(fresh.endpoint, fake)
        account.write_configuration(made, CONFIGURATION)
        content = f"{len(made.queues())} queues, a table, the pipeline {made.template}"
        terminal.done(f"an emulated AWS at {made.endpoint}: {content}")
        terminal.done(f"an emulated GitHub at {made.github}, with the App in acme/api")
        branchline = stack.enter_context(daemon.run(binary, CONFIGURATION, made, DAEMON_LOG))
        terminal.done(
            f"branchline runs (process {branchline.pid}, log in {paths.shown(DAEMON_LOG)})"
        )
        stack.callback(_ignore_interrupts)
        log = DAEMON_LOG
        try:
            with aws.errors_in_one_line():
                _play(Story(made, World(made), branchline))
                log = PREVIEWS_LOG
                terminal.heading(f"{len(steps.ALL) + 1}. With another rule, each has its own stack")
                previews.play(made, lambda: daemon.run(binary, PREVIEWS, made, log), PREVIEWS)
        except Problem as problem:
            _explain(problem, log)
            return 1
    print(f"\nEvery check passed, in {time.monotonic() - started:.1f} s.")
    print("To try it yourself: scripts/sandbox up")
    return 0


def _play(story: Story) -> None:
    for number, (title, step) in enumerate(steps.ALL, 1):
        terminal.heading(f"{number}. {title}")
        step(story)
    terminal.heading("Stopping")
    status = story.daemon.stop()
    story.check(
        "branchline stops on SIGTERM with exit code 0", status == 0, f"it ended with {status}"
    )


def _explain(problem: Problem, log: Path) -> None:
    """Prints what failed and the last lines of the daemon's log."""
    print(f"\n{terminal.paint('Failed:', 'red')} {problem}")
    print(f"\nThe last lines of {paths.shown(log)}:")
    for line in daemon.last_lines(log):
        print(f"  {line}")


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _ignore_interrupts() -> None:
    """Keeps a second Ctrl-C from interrupting the stop of the processes."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
