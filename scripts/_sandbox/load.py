"""Loads the emulator with three daemons, and measures its memory and time.

The table contains many mappings from the start. Then pull requests are opened, and every second of
them is closed, while three daemons share the queue. The run fails if the state at the end is not
the one that the webhooks describe, if the emulator answered with an error of its own (HTTP 500), or
if its memory exceeds the limit.
"""

import argparse
import contextlib
import json
import re
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

from _common import cargo, paths, terminal
from _common.isolation import isolate
from _common.problem import Problem

from . import account, aws, emulator, github, lists
from .account import Account
from .demo import daemon
from .memory import peak_megabytes
from .world import World

FOLDER = paths.SANDBOX / "load"
LOG = FOLDER / "moto.log"
CONFIGURATION = FOLDER / "branchline.toml"
DAEMONS = 3
CODEPIPELINE_RATE = 1_000
"""The calls per second of each daemon. The default protects an account, and would slow the load."""

MAX_MEMORY_MB = 500.0
MESSAGES_PER_REQUEST = 10


def main() -> int:
    """Builds, loads, measures and prints. Returns 1 if something is wrong at the end."""
    parser = argparse.ArgumentParser(prog="scripts/load", description=__doc__)
    parser.add_argument("--mappings", type=int, default=10_000, help="rows before the start")
    parser.add_argument("--webhooks", type=int, default=2_000, help="webhooks to send")
    parser.add_argument("--seconds", type=int, default=900, help="give up after this time")
    arguments = parser.parse_args()
    isolate()
    # Without a handler, the signal would leave the daemons behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    binary = cargo.branchline(release=False)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as running:
        running.enter_context(aws.errors_in_one_line())
        moto = running.enter_context(emulator.running(LOG))
        made = account.make(moto.endpoint)
        account.write_configuration(made, CONFIGURATION, codepipeline_rate=CODEPIPELINE_RATE)
        daemons = [
            running.enter_context(
                daemon.run(binary, CONFIGURATION, made, FOLDER / f"branchline-{number}.log")
            )
            for number in range(DAEMONS)
        ]
        problems = _load(made, moto, daemons, arguments)
    for problem in problems:
        terminal.say(f"wrong: {problem}")
    return 1 if problems else 0


def _load(
    made: Account,
    moto: emulator.Emulator,
    daemons: Sequence[daemon.Daemon],
    arguments: argparse.Namespace,
) -> list[str]:
    """Fills the table, sends the webhooks, waits, and prints the figures. Returns what is wrong."""
    world = World(made)
    at_start = _memory(moto)
    send(made, [webhook(made, 0, "opened")])
    wait(world, daemons, arguments.seconds)
    lists.fill_table(made, arguments.mappings)
    filled = _memory(moto)

    opened, closed = _plan(arguments.mappings, arguments.webhooks)
    started = time.monotonic()
    send(made, [webhook(made, number, "opened") for number in opened])
    send(made, [webhook(made, number, "closed") for number in closed])
    left = wait(world, daemons, arguments.seconds)
    seconds = time.monotonic() - started

    peak = _memory(moto)
    problems = [*left, *_differences(world, opened, closed), *_errors()]
    if peak > MAX_MEMORY_MB:
        problems.append(f"the emulator took {peak:.0f} MB, and the limit is {MAX_MEMORY_MB:.0f}")
    count = len(opened) + len(closed)
    terminal.heading(f"{DAEMONS} daemons, {arguments.mappings:,} mappings")
    terminal.facts(
        [
            ("webhooks", f"{count:,} in {seconds:.0f} s, {count / seconds:.0f} a second"),
            ("memory of the emulator at the start", f"{at_start:.0f} MB"),
            ("with the mappings", f"{filled:.0f} MB"),
            ("at its peak", f"{peak:.0f} MB (limit {MAX_MEMORY_MB:.0f})"),
        ]
    )
    return problems


def _plan(first: int, webhooks: int) -> tuple[range, range]:
    """Returns the numbers of the pull requests to open, and of those to close afterwards."""
    opened = range(first, first + webhooks * 2 // 3)
    return opened, opened[::2]


def webhook(made: Account, number: int, action: str) -> github.Webhook:
    payload: dict[str, Any] = json.loads(lists.pull_request(number))
    if action == "closed":
        pull_request = payload["pull_request"]
        payload["action"] = pull_request["state"] = "closed"
        pull_request["updated_at"] = pull_request["closed_at"] = "2026-03-02T10:20:00Z"
    return github.webhook(json.dumps(payload).encode(), "pull_request", made.secret)


def send(made: Account, webhooks: Sequence[github.Webhook]) -> None:
    sqs = aws.client("sqs", made.endpoint)
    for start in range(0, len(webhooks), MESSAGES_PER_REQUEST):
        entries = []
        for number, webhook in enumerate(webhooks[start : start + MESSAGES_PER_REQUEST]):
            names = ("Content-Type", "X-GitHub-Delivery", "X-GitHub-Event", "X-Hub-Signature-256")
            attributes = {
                name: {"DataType": "String", "StringValue": webhook.headers[name]} for name in names
            }
            body = {"Id": str(number), "MessageBody": webhook.body.decode()}
            entries.append({**body, "MessageAttributes": attributes})
        sqs.send_message_batch(QueueUrl=made.webhooks, Entries=entries)


def wait(world: World, daemons: Sequence[daemon.Daemon], seconds: int) -> list[str]:
    """Waits until the queues are empty. Returns what is left in them when the time is over."""
    deadline = time.monotonic() + seconds
    while not world.is_drained():
        for one in daemons:
            one.check_alive()
        if time.monotonic() > deadline:
            return [f"messages are left in the queue after {seconds} s"]
        time.sleep(1)
    return []


def _differences(world: World, opened: range, closed: range) -> list[str]:
    """Compares mappings and pipelines with the last webhook of each pull request."""
    wanted = {f"PR#{number:010}": "active" for number in opened}
    wanted |= {f"PR#{number:010}": "gone" for number in closed}
    states = {item["sk"]: item["state"] for item in world.mappings()}
    wrong = [
        f"{sk} is {states.get(sk, 'missing')} and not {state}"
        for sk, state in wanted.items()
        if states.get(sk) != state
    ]
    clones = len(world.clones())
    # The first pull request has a pipeline, and its mapping was replaced by the copies.
    expected = len(opened) - len(closed) + 1
    if clones != expected:
        wrong.append(f"there are {clones} clones and not {expected}")
    return wrong


def _errors() -> list[str]:
    """Returns how many requests the emulator answered with HTTP 500, if any."""
    count = len(re.findall(r"] 500 ", LOG.read_text(errors="replace")))
    return [f"the emulator answered {count} requests with HTTP 500: see its log"] if count else []


def _memory(moto: emulator.Emulator) -> float:
    """Returns the peak of the emulator so far, in megabytes."""
    memory = peak_megabytes(moto.pid)
    if memory is None:
        raise Problem("this system does not show the memory of a process in /proc")
    return memory
