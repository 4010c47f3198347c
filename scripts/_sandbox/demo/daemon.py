"""Runs branchline as a child process, with its log in a file."""

import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from _common.isolation import environment
from _common.problem import Problem

from ..account import SECRET_VARIABLE, Account

STOP_SECONDS = 10
"""Longer than the processing of a message. A long poll lasts longer and must not delay a stop."""

LAST_LINES = 12


class Daemon:
    """A running `branchline run`."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def check_alive(self) -> None:
        """Raises a Problem if the daemon has ended, so that a caller does not wait for it."""
        status = self._process.poll()
        if status is not None:
            raise Problem(f"branchline ended unexpectedly, with exit code {status}")

    def stop(self) -> int:
        """Stops the daemon with SIGTERM, as a service manager does, and returns its exit code."""
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise Problem(f"branchline did not stop within {STOP_SECONDS} s of SIGTERM") from None

    def last_lines(self) -> list[str]:
        """Returns the last lines of the log."""
        return last_lines(self._log)


def last_lines(log: Path) -> list[str]:
    """Returns the last lines of the log of a daemon."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return lines[-LAST_LINES:] or ["(the log is empty)"]


@contextmanager
def running(command: Sequence[str], variables: dict[str, str], log: Path) -> Iterator[Daemon]:
    """Starts the daemon with exactly these variables, and kills it when the block ends."""
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=variables,
                # Ctrl-C must not end the daemon before this process stops it.
                start_new_session=True,
            )
        except OSError as error:
            raise Problem(f"{command[0]}: {error.strerror}") from None
    with process:
        try:
            yield Daemon(process, log)
        finally:
            process.kill()


def run(
    binary: Path, configuration: Path, account: Account, log: Path
) -> AbstractContextManager[Daemon]:
    """Starts `branchline run` with a configuration file in the sandbox's environment."""
    command = [str(binary), "run", "--config", str(configuration), "--log-format", "json"]
    return running(command, environment(**{SECRET_VARIABLE: account.secret}), log)
