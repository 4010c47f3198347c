"""One at a time, across processes: the kernel drops the lock with its holder, so none is left behind."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .problem import Problem


@contextmanager
def exclusive(path: Path, busy: str | None = None) -> Iterator[None]:
    """Holds the lock file at `path`. Waits for it, or where `busy` is given fails with that sentence."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
        except BlockingIOError:
            raise Problem(busy or "") from None
        yield
