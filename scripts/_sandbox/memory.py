"""What a process holds in memory, as Linux tells it."""

import re
from pathlib import Path

MEGABYTE = 1_000_000


def peak_megabytes(pid: int) -> float | None:
    """The most that it ever held, or None once it has ended. Its starter's memory, which wait4 tells too, is not in it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 / MEGABYTE if found else None
