"""A lock between processes. The kernel releases it when its holder ends."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .problem import Problem


@contextmanager
def exclusive(path: Path, busy: str | None = None) -> Iterator[None]:
    """Holds the lock file at `path`. Waits for another holder, or raises `busy` if given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
        except BlockingIOError:
            raise Problem(busy or "") from None
        yield
