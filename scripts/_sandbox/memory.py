"""The memory of a process, read from /proc on Linux."""

import re
from pathlib import Path

MEGABYTE = 1_000_000


def peak_megabytes(pid: int) -> float | None:
    """Returns the peak of a process, or None once it has ended.

    Unlike the figure of wait4, it does not include the memory of the process that started it.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 / MEGABYTE if found else None
