"""Size of the release binary, memory at rest and in lists, and times, beside their limits.

Size and memory fail the run when they are over. The time is told and not judged: a busy machine would lie about it.
"""

import json
import time
from pathlib import Path

from . import account, aws, emulator, gateway, github, lists, paths, terminal
from .demo import build, daemon
from .memory import MEGABYTE, peak_megabytes
from .problem import Problem
from .world import World

FOLDER = paths.SANDBOX / "footprint"
MAX_BINARY_MB = 20.0
MAX_MEMORY_MB = 40.0
POLL_MS = 300
START_SECONDS = 30


def main() -> int:
    """Builds, measures, prints; 1 when a limit is broken."""
    aws.isolate()
    binary = build.branchline(release=True)
    size = binary.stat().st_size / MEGABYTE
    FOLDER.mkdir(parents=True, exist_ok=True)
    with emulator.running(FOLDER / "moto.log") as moto:
        made = account.make(moto.endpoint)
        account.write_configuration(made, FOLDER / "branchline.toml")
        log = FOLDER / "branchline.log"
        with daemon.running(binary, FOLDER / "branchline.toml", made, log) as running:
            startup_ms = _startup_ms(running, log)
            # At rest nothing was in work: the most that it held is its rest and its start.
            memory = peak_megabytes(running.pid)
            if memory is None:
                raise Problem("this system does not tell a process's memory in /proc")
            _open_one(made)
            running.stop()
        listed = lists.measure(binary, FOLDER / "branchline.toml", made)
    terminal.heading("Footprint")
    terminal.facts(
        [
            ("release binary", f"{size:.1f} MB (limit {MAX_BINARY_MB:.0f})"),
            ("memory at rest", f"{memory:.1f} MB (limit {MAX_MEMORY_MB:.0f})"),
            ("until it polls", f"{startup_ms} ms (wanted: {POLL_MS})"),
            *((name, figures) for name, figures, _ in listed),
        ]
    )
    lists_fit = all(used <= lists.MAX_MEMORY_MB for _, _, used in listed)
    return 0 if size <= MAX_BINARY_MB and memory <= MAX_MEMORY_MB and lists_fit else 1


def _open_one(made: account.Account) -> None:
    """One pull request, whose mapping the lists are made of."""
    body = (Path(__file__).parents[2] / "tests/fixtures/webhooks/pull_request.opened.json").read_bytes()
    gateway.deliver(github.webhook(body, "pull_request", made.secret), made.webhooks)
    world = World(made)
    deadline = time.monotonic() + START_SECONDS
    while not (world.clones() and world.is_drained()):
        if time.monotonic() > deadline:
            raise Problem(f"branchline made no pipeline within {START_SECONDS} s")
        time.sleep(0.05)


def _startup_ms(running: daemon.Daemon, log: Path) -> int:
    """What the daemon says of its own start, once it says so."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        running.check_alive()
        for line in log.read_text().splitlines():
            event = json.loads(line)
            if "startup_ms" in event:
                return int(event["startup_ms"])
        time.sleep(0.02)
    raise Problem(f"branchline did not say within {START_SECONDS} s that it polls: see {paths.shown(log)}")
