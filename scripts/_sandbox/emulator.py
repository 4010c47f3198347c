"""Starts and stops the emulator, and tells its process from another one with the same id."""

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

from _common import paths
from _common.problem import Problem

START_SECONDS = 60
"""Enough for a cold disk on a busy machine. On an idle one, moto's imports alone take a second."""

STOP_SECONDS = 5


@dataclass(frozen=True)
class Emulator:
    """A running moto. Its command line contains `token`, which is checked before a signal."""

    pid: int
    token: str
    endpoint: str

    def is_alive(self) -> bool:
        """Returns whether the process runs and is the one that was started: a pid can be reused."""
        return self.token in _command_line(self.pid)

    def stop(self) -> None:
        """Ends the process if it runs. moto keeps everything in memory and saves nothing."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self.is_alive():
                return
            os.kill(self.pid, number)
            _wait_until_gone(self, STOP_SECONDS)


def start(log: Path, port: int = 0) -> Emulator:
    """Starts an emulator that outlives this process. Port 0 means any free port."""
    return _start(log, port, tied=False)[0]


@contextmanager
def running(log: Path) -> Iterator[Emulator]:
    """Starts an emulator that ends with the block, and with this process however it ends."""
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
            env={
                **os.environ,
                "PYTHONPATH": str(paths.SCRIPTS),
                # Each test has a Region to itself, which it names after itself.
                "MOTO_ALLOW_NONEXISTENT_REGION": "true",
            },
            # Ctrl-C must not end the emulator before the processes that use it.
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
    """Returns the arguments of a process, or nothing: from /proc, or on other systems from ps."""
    proc = Path("/proc")
    if (proc / "self" / "cmdline").exists():
        try:
            arguments = (proc / str(pid) / "cmdline").read_bytes()
        except OSError:
            return ""
        return arguments.replace(b"\0", b" ").decode(errors="replace")
    command = ["ps", "-ww", "-o", "args=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
