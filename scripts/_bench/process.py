"""What a process used, as Linux tells it: the time of all its threads, and the most memory that it held."""

from pathlib import Path

from _sandbox import memory
from _sandbox.problem import Problem


def cpu_ms(pid: int) -> float:
    """Milliseconds on a processor, its own and the system's for it. Threads that ended are missing: no subject ends any."""
    threads = list(Path(f"/proc/{pid}/task").glob("*/schedstat"))
    if not threads:
        raise Problem("this system does not tell a thread's time in /proc/PID/task/*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e6


def forget_peak(pid: int) -> None:
    """From now on the most is counted anew (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_mb(pid: int) -> float:
    """The most memory since then, in MB of a million bytes."""
    peak = memory.peak_megabytes(pid)
    if peak is None:
        raise Problem("a subject ended by itself: see its log")
    return peak
