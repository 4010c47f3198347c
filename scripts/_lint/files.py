"""Finds the files that a linter reads."""

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def matching(patterns: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yields path and text of the files that git tracks, or would add, and that match a pattern.

    A pattern is a path or has wildcards: `*` matches within a folder, `**` across folders.
    """
    globs = [f":(glob){pattern}" for pattern in patterns]
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *globs]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    for path in sorted(filter(None, done.stdout.split("\0"))):
        file = ROOT / path
        # A deleted file is listed until its deletion is committed.
        if file.is_file():
            yield path, file.read_text(encoding="utf-8")
