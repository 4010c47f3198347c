"""Starts and stops the emulators, and tells their processes from others with the same ids.

One is the AWS (moto), the other one the fake GitHub.
"""

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
from typing import Any

from _common import paths
from _common.problem import Problem

START_SECONDS = 60
"""Enough for a cold disk on a busy machine. On an idle one, moto's imports alone take a second."""

STOP_SECONDS = 5

AWS = "_sandbox.moto_server"
GITHUB = "_sandbox.fake_github.server"


@dataclass(frozen=True)
class Emulator:
    """A running emulator. Its command line contains `token`, which is checked before a signal."""

    pid: int
    token: str
    endpoint: str
    private_key: str = ""
    """The key of the GitHub App, which the fake GitHub makes when it starts."""

    def is_alive(self) -> bool:
        """Returns whether the process runs and is the one that was started: a pid can be reused."""
        return self.token in _command_line(self.pid)

    def stop(self) -> None:
        """Ends the process if it runs. It keeps everything in memory and saves nothing."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self.is_alive():
                return
            os.kill(self.pid, number)
            _wait_until_gone(self, STOP_SECONDS)


def start(log: Path, port: int = 0, program: str = AWS) -> Emulator:
    """Starts an emulator that outlives this process. Port 0 means any free port."""
    return _Starting(program, log, port, tied=False).finish()


def start_both(aws_log: Path, github_log: Path, port: int = 0) -> tuple[Emulator, Emulator]:
    """Starts both emulators at the same time, which outlive this process."""
    aws = _Starting(AWS, aws_log, port, tied=False)
    github = _Starting(GITHUB, github_log, 0, tied=False)
    try:
        moto = aws.finish()
    except BaseException:
        github.abort()
        raise
    return moto, github.finish()


@contextmanager
def running(log: Path, program: str = AWS) -> Iterator[Emulator]:
    """Starts an emulator that ends with the block, and with this process however it ends."""
    with _ending(_Starting(program, log, 0, tied=True)) as emulator:
        yield emulator


@contextmanager
def both_running(aws_log: Path, github_log: Path) -> Iterator[tuple[Emulator, Emulator]]:
    """Starts both emulators at the same time. They end like those of `running`."""
    aws = _Starting(AWS, aws_log, 0, tied=True)
    github = _Starting(GITHUB, github_log, 0, tied=True)
    with _ending(github) as fake, _ending(aws) as moto:
        yield moto, fake


@contextmanager
def _ending(starting: "_Starting") -> Iterator[Emulator]:
    emulator = starting.finish()
    with starting.process:
        try:
            yield emulator
        finally:
            starting.process.terminate()


class _Starting:
    """A process that was started and has not reported its port yet."""

    def __init__(self, program: str, log: Path, port: int, *, tied: bool) -> None:
        self._program = program
        self._log = log
        self._token = "branchline-" + secrets.token_hex(8)
        command = [sys.executable, "-m", program, "--port", str(port), "--token", self._token]
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as errors:
            self.process = subprocess.Popen(
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

    def finish(self) -> Emulator:
        """Waits until it listens."""
        try:
            report = self._read_report()
        except BaseException:
            self.abort()
            raise
        endpoint = f"http://127.0.0.1:{report['port']}"
        return Emulator(self.process.pid, self._token, endpoint, report.get("private_key", ""))

    def abort(self) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.wait()

    def _read_report(self) -> dict[str, Any]:
        name = "moto" if self._program == AWS else "the fake GitHub"
        see = f"see {paths.shown(self._log)}"
        assert self.process.stdout is not None
        with self.process.stdout as output:
            ready, _, _ = select.select([output], [], [], START_SECONDS)
            if not ready:
                raise Problem(f"{name} did not start within {START_SECONDS} s: {see}")
            line = output.readline()
        if not line:
            raise Problem(f"{name} ended while starting: {see}")
        report: dict[str, Any] = json.loads(line)
        if "problem" in report:
            raise Problem(f"{name}: {report['problem']}")
        return report


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
