"""Plain words on a terminal: colours only where they are seen, tables that line up."""

import os
import sys
from collections.abc import Sequence

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "cyan": "36"}


def _colourful() -> bool:
    """NO_COLOR is honoured as no-color.org has it: set and not empty."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str) -> str:
    """`text` in a colour, or as it is."""
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if _colourful() else text


def _mark() -> str:
    return "✓" if (sys.stdout.encoding or "").lower().replace("-", "") == "utf8" else "ok"


def heading(text: str) -> None:
    """A line that starts something."""
    print(f"\n{paint(text, 'bold')}")


def say(text: str) -> None:
    """A line about what is being done."""
    print(f"    {text}")


def done(text: str) -> None:
    """A line about what was checked and holds."""
    print(f"  {paint(_mark(), 'green')} {text}")


def facts(pairs: Sequence[tuple[str, str]]) -> None:
    """Names and values in two columns."""
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        print(f"      {paint(name.ljust(width), 'cyan')}  {value}")


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows under their columns' names."""
    widths = [max(len(cell) for cell in column) for column in zip(columns, *rows, strict=True)]
    _row(columns, widths, "cyan")
    for row in rows:
        _row(row, widths, None)


def _row(cells: Sequence[str], widths: Sequence[int], colour: str | None) -> None:
    line = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
    print(f"    {paint(line, colour) if colour else line}")
