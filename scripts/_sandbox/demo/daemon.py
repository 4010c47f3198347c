"""branchline as a child process, with its log in a file."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .. import aws
from ..account import SECRET_VARIABLE, Account
from ..problem import Problem

STOP_SECONDS = 10
"""More than a message in work may need, and much less than a long poll lasts: stopping must not wait for one."""

LAST_LINES = 12


class Daemon:
    """A running `branchline run`."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def check_alive(self) -> None:
        """A daemon that has ended answers nothing: no use in waiting for it."""
        status = self._process.poll()
        if status is not None:
            raise Problem(f"branchline ended by itself, with {status}")

    def stop(self) -> int:
        """Asks it to end as a service manager would, and gives its exit code."""
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise Problem(f"branchline did not stop within {STOP_SECONDS} s of SIGTERM") from None

    def last_lines(self) -> list[str]:
        """What it said last."""
        lines = self._log.read_text(errors="replace").splitlines()
        return lines[-LAST_LINES:] or ["(it said nothing)"]


@contextmanager
def running(binary: Path, configuration: Path, account: Account, log: Path) -> Iterator[Daemon]:
    """Starts it; whatever happens in the block, it does not outlive it."""
    command = [str(binary), "run", "--config", str(configuration), "--log-format", "json"]
    environment = aws.environment(**{SECRET_VARIABLE: account.secret})
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                # A Ctrl-C is for us: the daemon is stopped by name, in order.
                start_new_session=True,
            )
        except OSError as error:
            raise Problem(f"{binary}: {error.strerror}") from None
    with process:
        try:
            yield Daemon(process, log)
        finally:
            process.kill()
