"""Measures the release binary: its size, its memory at rest and in lists, and times.

The run fails if the size or the memory exceeds its limit. Times have no limit, because they depend
on how busy the machine is.
"""

import json
import time
from pathlib import Path

from _common import cargo, paths, terminal
from _common.isolation import isolate
from _common.problem import Problem

from . import account, emulator, gateway, github, lists
from .demo import daemon
from .memory import MEGABYTE, peak_megabytes
from .world import World

FOLDER = paths.SANDBOX / "footprint"
MAX_BINARY_MB = 25.5
MAX_MEMORY_MB = 40.0
POLL_MS = 300
START_SECONDS = 30


def main() -> int:
    """Builds, measures and prints. Returns 1 if a limit is exceeded."""
    isolate()
    binary = cargo.branchline(release=True)
    size = binary.stat().st_size / MEGABYTE
    FOLDER.mkdir(parents=True, exist_ok=True)
    with emulator.both_running(FOLDER / "moto.log", FOLDER / "github.log") as (moto, fake):
        made = account.make(moto.endpoint, fake)
        account.write_configuration(made, FOLDER / "branchline.toml")
        log = FOLDER / "branchline.log"
        with daemon.run(binary, FOLDER / "branchline.toml", made, log) as running:
            startup_ms = _startup_ms(running, log)
            # Nothing was processed yet, so the peak is that of the start and of rest.
            memory = peak_megabytes(running.pid)
            if memory is None:
                raise Problem("this system does not show the memory of a process in /proc")
            _open_one(made)
            running.stop()
        listed = lists.measure(binary, FOLDER / "branchline.toml", made)
    terminal.heading("Footprint")
    terminal.facts(
        [
            ("release binary", f"{size:.1f} MB (limit {MAX_BINARY_MB:.1f})"),
            ("memory at rest", f"{memory:.1f} MB (limit {MAX_MEMORY_MB:.0f})"),
            ("time until the first poll", f"{startup_ms} ms (target: {POLL_MS})"),
            *((name, figures) for name, figures, _ in listed),
        ]
    )
    lists_fit = all(used <= lists.MAX_MEMORY_MB for _, _, used in listed)
    return 0 if size <= MAX_BINARY_MB and memory <= MAX_MEMORY_MB and lists_fit else 1


def _open_one(made: account.Account) -> None:
    """Opens one pull request, whose mapping is copied for the lists."""
    body = (paths.FIXTURES / "pull_request.opened.json").read_bytes()
    gateway.deliver(github.webhook(body, "pull_request", made.secret), made.webhooks)
    world = World(made)
    deadline = time.monotonic() + START_SECONDS
    while not (world.clones() and world.is_drained()):
        if time.monotonic() > deadline:
            raise Problem(f"branchline created no pipeline within {START_SECONDS} s")
        time.sleep(0.05)


def _startup_ms(running: daemon.Daemon, log: Path) -> int:
    """Waits until the daemon logs how long its start took, and returns that."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        running.check_alive()
        for line in log.read_text().splitlines():
            event = json.loads(line)
            if "startup_ms" in event:
                return int(event["startup_ms"])
        time.sleep(0.02)
    shown = paths.shown(log)
    raise Problem(f"branchline did not poll within {START_SECONDS} s: see {shown}")
