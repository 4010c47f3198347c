"""Reads from /proc what a process used: the time of all its threads, and its peak memory."""

from pathlib import Path

from _common.problem import Problem
from _sandbox import memory


def cpu_ms(pid: int) -> float:
    """Returns the milliseconds on a processor, in user and system mode, of all living threads.

    The time of ended threads is missing, but no subject ends a thread.
    """
    threads = list(Path(f"/proc/{pid}/task").glob("*/schedstat"))
    if not threads:
        raise Problem(
            "this system has no /proc/PID/task/*/schedstat, which shows the time of a thread"
        )
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e6


def forget_peak(pid: int) -> None:
    """Resets the peak memory (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_mb(pid: int) -> float:
    """Returns the peak memory since then, in MB of a million bytes."""
    peak = memory.peak_megabytes(pid)
    if peak is None:
        raise Problem("a subject ended unexpectedly: see its log")
    return peak
