"""Output for people: colours only on a terminal, and tables with aligned columns."""

import os
import sys
from collections.abc import Sequence

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "cyan": "36"}


def _colourful() -> bool:
    """Returns whether to use colours. NO_COLOR counts if it is set and not empty (no-color.org)."""
    dumb = os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and not dumb


def paint(text: str, colour: str) -> str:
    """Returns `text` in a colour, or unchanged where colours are off."""
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if _colourful() else text


def _mark() -> str:
    return "✓" if (sys.stdout.encoding or "").lower().replace("-", "") == "utf8" else "ok"


def heading(text: str) -> None:
    """Prints the title of a section."""
    print(f"\n{paint(text, 'bold')}")


def say(text: str) -> None:
    """Prints what is being done."""
    print(f"    {text}")


def done(text: str) -> None:
    """Prints what was checked and holds."""
    print(f"  {paint(_mark(), 'green')} {text}")


def facts(pairs: Sequence[tuple[str, str]]) -> None:
    """Prints names and values in two columns."""
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        print(f"      {paint(name.ljust(width), 'cyan')}  {value}")


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints rows below the names of their columns."""
    widths = [max(len(cell) for cell in column) for column in zip(columns, *rows, strict=True)]
    _row(columns, widths, "cyan")
    for row in rows:
        _row(row, widths, None)


def _row(cells: Sequence[str], widths: Sequence[int], colour: str | None) -> None:
    line = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
    print(f"    {paint(line, colour) if colour else line}")
