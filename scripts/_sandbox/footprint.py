"""Size of the release binary, memory at rest, and time until it polls, beside their limits.

Size and memory fail the run when they are over. The time is told and not judged: a busy machine would lie about it.
"""

import json
import re
import time
from pathlib import Path

from . import account, aws, emulator, paths, terminal
from .demo import build, daemon
from .problem import Problem

FOLDER = paths.SANDBOX / "footprint"
MAX_BINARY_MB = 20.0
MAX_MEMORY_MB = 40.0
POLL_MS = 300
START_SECONDS = 30
MEGABYTE = 1_000_000


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
            memory = _resident_megabytes(running.pid)
            running.stop()
    terminal.heading("Footprint")
    terminal.facts(
        [
            ("release binary", f"{size:.1f} MB (limit {MAX_BINARY_MB:.0f})"),
            ("memory at rest", f"{memory:.1f} MB (limit {MAX_MEMORY_MB:.0f})"),
            ("until it polls", f"{startup_ms} ms (wanted: {POLL_MS})"),
        ]
    )
    return 1 if size > MAX_BINARY_MB or memory > MAX_MEMORY_MB else 0


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


def _resident_megabytes(pid: int) -> float:
    """The most that it ever held: at rest nothing was in work, so that is its rest and its start."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    if found is None:
        raise Problem("this system does not tell a process's memory in /proc")
    return int(found[1]) * 1024 / MEGABYTE
