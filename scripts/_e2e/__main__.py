"""scripts/e2e: install and start everything, apply, tell the story, destroy, and say how long each took."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from _sandbox import aws, bootstrap, emulator, paths, terminal
from _sandbox.demo import build
from _sandbox.locks import exclusive
from _sandbox.problem import Problem

from . import applied, container, localstack, steps
from .localstack import HOME
from .module import Module
from .story import Branchline, Story

MOTO_LOG = HOME / "moto.log"
DAEMON_LOG = HOME / "branchline.log"

MOTO = {
    # LocalStack's, so that the two agree on ARNs.
    "MOTO_ACCOUNT_ID": "000000000000",
    # The role for access logs has one.
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
}


class Phases:
    """What was done, how many checks were in it, and how long it took."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str]] = []

    @contextmanager
    def phase(self, title: str, story: Story | None = None) -> Iterator[None]:
        """One of them."""
        terminal.heading(title)
        started, before = time.monotonic(), story.checks if story else 0
        yield
        checks = str(story.checks - before) if story else "-"
        self.rows.append((title, checks, f"{time.monotonic() - started:.1f}"))


def main() -> int:
    """Builds, starts everything, tells the story, and stops everything."""
    parser = argparse.ArgumentParser(
        prog="scripts/e2e", description="Applies infra/ to emulators and posts webhooks to it. Needs no AWS account."
    )
    parser.add_argument("--binary", type=Path, metavar="FILE", help="use this branchline and build nothing")
    arguments = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    with exclusive(HOME / "lock", busy="another one is running in this folder"):
        started = time.monotonic()
        phases = Phases()
        with phases.phase("Build the daemon"):
            binary = paths.ROOT / arguments.binary if arguments.binary else build.branchline(release=False)
        aws.isolate()
        os.environ.update(MOTO)
        with aws.told():
            _perform(binary, phases)
        print()
        terminal.table(["phase", "checks", "seconds"], phases.rows)
        print(f"\nAll as told, in {time.monotonic() - started:.0f} s.")
    return 0


def _perform(binary: Path, phases: Phases) -> None:
    with ExitStack() as stack:
        with phases.phase("Start LocalStack and moto"):
            front = stack.enter_context(localstack.running())
            rest = stack.enter_context(emulator.running(MOTO_LOG))
            emulators = applied.Emulators(localstack=front, moto=rest.endpoint)
            secret, variables = applied.prepare(emulators)
            terminal.done(f"API Gateway and SQS at {front}, the rest at {rest.endpoint}")
        with phases.phase("Apply the module"):
            module = Module(emulators.for_terraform(), variables)
            module.init()
            terminal.done(module.apply())
        with phases.phase("Plan it again"):
            module.check_settled()
            terminal.done("nothing would change")
            made = applied.Applied(emulators, module.outputs(), secret)
            made.give_queues_their_size()
        _tell(binary, made, phases)
        with phases.phase("Destroy it"):
            terminal.done(module.destroy())
            remains = applied.left(emulators)
            if remains:
                raise Problem(f"destroyed, but this is still there: {', '.join(remains)}")


def _tell(binary: Path, made: applied.Applied, phases: Phases) -> None:
    definition = container.definition(made.emulators)
    environment = container.environment(made.emulators, definition)
    story = Story(made, Branchline(binary, environment))
    with phases.phase("The API refuses what is no webhook", story):
        steps.refused(story)
    with container.running(binary, definition, environment, DAEMON_LOG) as story.daemon:
        try:
            for title, step in steps.ALL:
                with phases.phase(title, story):
                    step(story)
            with phases.phase("Stop the daemon", story):
                status = story.daemon.stop()
                story.check("it stops on SIGTERM with exit code 0", status == 0, f"it ended with {status}")
        except Problem:
            print(f"\nThe last lines of {paths.shown(DAEMON_LOG)}:")
            for line in story.daemon.last_lines():
                print(f"  {line}")
            raise


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.argv[0] = "scripts/e2e"  # what it is called by, in what it says
    bootstrap.run(main)
