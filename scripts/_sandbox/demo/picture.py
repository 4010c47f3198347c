"""Makes docs/demo.svg of what the demo prints, and compares it with what it printed before.

The picture has the first steps of the story. What differs in each run (ids, durations) is replaced
by fixed values, so that two runs of one branchline result in the same bytes. A different picture
means that the demo shows something else now.
"""

import io
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import TextIO

from _common import paths
from _common.problem import Problem

STEPS = 4
"""The number of steps in the picture: opened, green, pushed, red."""
COLUMNS = 88
FONT_SIZE, LINE_HEIGHT, COLUMN_WIDTH, MARGIN = 13, 19, 7.83, 20

_HEADING = re.compile(r"(\d+)\. ")
_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
_VARYING = (
    (re.compile(r" \(delivery [0-9a-f]{8}, \d+ bytes\)"), ""),
    (re.compile(r"execution [0-9a-f]{8}\b"), "execution 0f8a3942"),
    (re.compile(r"\b\d+ s\b"), "9 s"),
)
_LEFT_OUT = re.compile(r"^\s+\|(\s*$|\s{7})")
"""Rows of the page that are empty or that have the details of a check."""

_STYLE = """\
    text { font: %dpx ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #d0d7de }
    .title { font-weight: bold; fill: #ffffff }
    .done { fill: #3fb950 }
    .failed { fill: #f85149 }
    .sent { fill: #79c0ff }
    .page { fill: #8b949e }
"""


class Tee(io.TextIOBase):
    """Writes to the terminal, and keeps what was written."""

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        self._kept = io.StringIO()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the terminal, on which the output depends."""
        return self._terminal.encoding

    def isatty(self) -> bool:
        """Returns whether a person sees the output, on which its colours depend."""
        return self._terminal.isatty()

    def write(self, text: str) -> int:
        """Writes a text to both."""
        self._kept.write(text)
        return self._terminal.write(text)

    def flush(self) -> None:
        """Shows what was written."""
        self._terminal.flush()

    def text(self) -> str:
        """Returns what was written, without colours."""
        return _ESCAPE.sub("", self._kept.getvalue())


def lines(text: str) -> Iterator[str]:
    """Yields the lines of the picture: the first steps, with fixed values for what varies."""
    step = 0
    for line in text.splitlines():
        heading = _HEADING.match(line)
        if heading:
            step = int(heading[1])
        if not 1 <= step <= STEPS or _LEFT_OUT.search(line):
            continue
        for pattern, value in _VARYING:
            line = pattern.sub(value, line)
        yield line if len(line) <= COLUMNS else f"{line[: COLUMNS - 1]}…"


def svg(text: str) -> str:
    """Returns the picture of what the demo printed."""
    shown = "\n".join(lines(text)).strip().split("\n")
    width = round(2 * MARGIN + COLUMNS * COLUMN_WIDTH)
    height = 2 * MARGIN + LINE_HEIGHT * len(shown)
    rows = "".join(_row(number, line) for number, line in enumerate(shown) if line)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="The output of scripts/demo">\n'
        f"  <style>\n{_STYLE % FONT_SIZE}  </style>\n"
        f'  <rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>\n{rows}</svg>\n'
    )


def _row(number: int, line: str) -> str:
    y = MARGIN + FONT_SIZE + number * LINE_HEIGHT
    kind = _kind(line)
    name = f' class="{kind}"' if kind else ""
    mark, rest = (line[:3], line[3:]) if kind == "done" else ("", line)
    if mark:
        # The mark alone is green.
        body, name = f'<tspan class="done">{escape(mark)}</tspan>{escape(rest)}', ""
    else:
        body = escape(rest)
    return f'  <text x="{MARGIN}" y="{y}" xml:space="preserve"{name}>{body}</text>\n'


def _kind(line: str) -> str:
    if _HEADING.match(line):
        return "title"
    if line.startswith("    ->"):
        return "failed" if line.endswith("FAILED") else "sent"
    if line.startswith("  ✓"):
        return "done"
    return "page" if line.lstrip().startswith("|") else ""


def record(text: str, file: Path) -> None:
    """Writes the picture."""
    file.write_text(svg(text), encoding="utf-8")


def compare(text: str, file: Path) -> None:
    """Raises a Problem if the picture shows something else than what was printed."""
    shown = paths.shown(file)
    if not file.is_file() or file.read_text(encoding="utf-8") != svg(text):
        again = f"run scripts/demo --record {shown}, and look at it"
        raise Problem(f"{shown} does not show what the demo prints now: {again}")
