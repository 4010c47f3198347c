"""Starting and stopping the emulator, and knowing our own process from a stranger's with the same number."""

import json
import os
import secrets
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import paths
from .problem import Problem

START_SECONDS = 60
"""A cold disk under a busy machine: moto's imports alone take a second on an idle one."""

STOP_SECONDS = 5


@dataclass(frozen=True)
class Emulator:
    """A running moto. `token` is in its command line, so its pid can be checked before it is signalled."""

    pid: int
    token: str
    endpoint: str

    def is_alive(self) -> bool:
        """Whether that process still runs and is still ours: a pid is used again after its process has ended."""
        return self.token in _command_line(self.pid)

    def stop(self) -> None:
        """Ends it, if it is there. Nothing is lost: moto keeps everything in memory."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self.is_alive():
                return
            os.kill(self.pid, number)
            _wait_until_gone(self, STOP_SECONDS)


def start(log: Path, port: int = 0) -> Emulator:
    """Starts one that outlives us. Port 0 is any free port."""
    return _start(log, port, tied=False)[0]


@contextmanager
def running(log: Path) -> Iterator[Emulator]:
    """One that ends with the block, and with this process however it ends."""
    emulator, process = _start(log, 0, tied=True)
    with process:
        try:
            yield emulator
        finally:
            process.terminate()


def _start(log: Path, port: int, tied: bool) -> tuple[Emulator, subprocess.Popen[bytes]]:
    token = "branchline-" + secrets.token_hex(8)
    command = [sys.executable, "-m", "_sandbox.moto_server", "--port", str(port), "--token", token]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [*command, "--tied"] if tied else command,
            stdin=subprocess.PIPE if tied else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "PYTHONPATH": str(paths.SCRIPTS)},
            # A Ctrl-C is for us: we end it ourselves, after what still talks to it.
            start_new_session=True,
        )
    try:
        port = _read_port(process, log)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return Emulator(process.pid, token, f"http://127.0.0.1:{port}"), process


def _read_port(process: subprocess.Popen[bytes], log: Path) -> int:
    assert process.stdout is not None
    with process.stdout as output:
        ready, _, _ = select.select([output], [], [], START_SECONDS)
        if not ready:
            raise Problem(f"moto did not start within {START_SECONDS} s: see {paths.shown(log)}")
        line = output.readline()
    if not line:
        raise Problem(f"moto ended while starting: see {paths.shown(log)}")
    report = json.loads(line)
    if "problem" in report:
        raise Problem(f"moto: {report['problem']}")
    return int(report["port"])


def _wait_until_gone(emulator: Emulator, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while emulator.is_alive() and time.monotonic() < deadline:
        time.sleep(0.02)


def _command_line(pid: int) -> str:
    """The process's arguments, empty when there is no such process. Linux has them in /proc, others in ps."""
    proc = Path("/proc")
    if (proc / "self" / "cmdline").exists():
        try:
            return (proc / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    listed = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listed.stdout
