"""scripts/e2e: starts the emulators, applies, plays the story, destroys, and prints the times."""

import argparse
import functools
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from _common import cargo, environments, parts, paths, terminal
from _common.isolation import isolate
from _common.locks import exclusive
from _common.problem import Problem
from _sandbox import aws, emulator
from _sandbox.demo import daemon

from . import applied, container, localstack, steps
from .localstack import HOME
from .module import Module
from .story import Branchline, Story

MOTO_LOG = HOME / "moto.log"
DAEMON_LOG = HOME / "branchline.log"

MOTO = {
    # The account of LocalStack, so that both emulators use the same ARNs.
    "MOTO_ACCOUNT_ID": "000000000000",
    # The role for access logs has a managed policy.
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
}


class Phases:
    """The phases of the run, each with its number of checks and its duration."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str]] = []

    @contextmanager
    def phase(self, title: str, story: Story | None = None) -> Iterator[None]:
        """Measures one phase."""
        terminal.heading(title)
        started, before = time.monotonic(), story.checks if story else 0
        yield
        checks = str(story.checks - before) if story else "-"
        self.rows.append((title, checks, f"{time.monotonic() - started:.1f}"))


def main() -> int:
    """Builds the daemon, starts everything, plays the story, and stops everything."""
    parser = argparse.ArgumentParser(
        prog="scripts/e2e",
        description="Applies infra/ with a real AWS provider to an emulated AWS, posts webhooks to it, and "
        "runs the daemon there. Needs Terraform, Python 3.11 and Rust, but no AWS account.",
    )
    binary_help = "use this branchline and build nothing"
    parser.add_argument("--binary", type=Path, metavar="FILE", help=binary_help)
    arguments = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    parts.need(["terraform"])
    environments.named("e2e").ensure()
    with exclusive(HOME / "lock", busy="another run is in progress in this folder"):
        started = time.monotonic()
        phases = Phases()
        with phases.phase("Build the daemon"):
            given = arguments.binary
            binary = given.resolve() if given else cargo.branchline(release=False)
        isolate()
        os.environ.update(MOTO)
        with aws.errors_in_one_line():
            _perform(binary, phases)
        print()
        terminal.table(["phase", "checks", "seconds"], phases.rows)
        print(f"\nEvery check passed, in {time.monotonic() - started:.0f} s.")
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
            terminal.done("the plan has no changes")
            made = applied.Applied(emulators, module.outputs(), secret)
            made.set_queue_size()
        story = _play(binary, made, phases)
        with phases.phase("Replace the webhook URL", story):
            steps.rotated(story, made, functools.partial(module.apply, path_tokens=[applied.NEW]))
            module.check_settled()
        with phases.phase("Destroy it"):
            terminal.done(module.destroy())
            remains = applied.remaining(emulators)
            if remains:
                raise Problem(f"destroyed, but these resources remain: {', '.join(remains)}")


def _play(binary: Path, made: applied.Applied, phases: Phases) -> Story:
    definition = container.definition(made.emulators)
    environment = container.environment(made.emulators, definition)
    story = Story(made, Branchline(binary, environment))
    with phases.phase("The API refuses invalid webhooks", story):
        steps.refused(story)
    with phases.phase("The API refuses strangers", story):
        steps.strangers(story)
    command = [str(binary), *definition["command"]]
    with daemon.running(command, environment, DAEMON_LOG) as story.daemon:
        try:
            for title, step in steps.ALL:
                with phases.phase(title, story):
                    step(story)
            with phases.phase("Stop the daemon", story):
                status = story.daemon.stop()
                what = "it stops on SIGTERM with exit code 0"
                story.check(what, status == 0, f"it ended with {status}")
        except Problem:
            print(f"\nThe last lines of {paths.shown(DAEMON_LOG)}:")
            for line in story.daemon.last_lines():
                print(f"  {line}")
            raise
    return story


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
