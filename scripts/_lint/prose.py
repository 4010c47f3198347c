"""Checks the line width of prose: Markdown paragraphs and comments have at most 100 columns.

Code, tables and lines that cannot be broken, such as a link alone, may be wider.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from . import files

WIDTH = 100

FILES = (
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs/**/*.md",
    "infra/**/*.md",
    "src/**/*.rs",
    "tests/**/*.rs",
    "benches/**/*.rs",
    "infra/**/*.tf",
    "infra/**/*.hcl",
    "infra/**/*.toml",
    "scripts/**",
    "tests/**/*.py",
    ".ci/*",
    ".github/**/*.yml",
    "Dockerfile",
    ".dockerignore",
    "*.toml",
)
"""The files that are checked. To add the Rust sources, add "src/**/*.rs" and so on."""


@dataclass(frozen=True)
class Line:
    """A line of prose: its number, its text, and where the text begins after a marker."""

    number: int
    text: str
    start: int

    def is_too_wide(self) -> bool:
        """Returns whether the line is too wide, and could be broken."""
        prose = self.text[self.start :].strip()
        return len(self.text) > WIDTH and not _is_unbreakable(prose)


# One word after an optional list marker, or a link with nothing but punctuation after it.
_UNBREAKABLE = re.compile(
    r"(?:[-*+] |\d+\. )?(?:\S+|!?\[[^\]]*\]\([^)]*\)[.,;:]?|\[[^\]]*\]: \S+)", re.ASCII
)


def _is_unbreakable(prose: str) -> bool:
    return _UNBREAKABLE.fullmatch(prose) is not None


def _without_blocks(lines: Iterator[Line]) -> Iterator[Line]:
    """Leaves out code between fences, and the rows of tables."""
    fence = ""
    for line in lines:
        prose = line.text[line.start :].strip()
        found = re.match(r"`{3,}|~{3,}", prose)
        if fence:
            if prose.startswith(fence) and not prose.strip(fence[0]):
                fence = ""
        elif found:
            fence = found[0]
        elif not prose.startswith("|"):
            yield line


def markdown(text: str) -> Iterator[Line]:
    """Yields the prose of a Markdown file, without code that is indented by 4."""

    def lines() -> Iterator[Line]:
        blank = True
        code = False
        for number, line in enumerate(text.splitlines(), 1):
            indented = line.startswith("    ") and not re.match(r"\s+([-*+]|\d+\.) ", line)
            code = indented and (blank or code)
            if not code:
                yield Line(number, line, 0)
            blank = not line.strip()

    return _without_blocks(lines())


def comments(marker: str) -> Callable[[str], Iterator[Line]]:
    """Returns a function that yields the lines of a file that are comments as a whole."""
    comment = re.compile(rf"\s*(?:{marker})")

    def lines(text: str) -> Iterator[Line]:
        for number, line in enumerate(text.splitlines(), 1):
            found = comment.match(line)
            if found:
                yield Line(number, line, found.end())

    return lambda text: _without_blocks(lines(text))


def python(text: str) -> Iterator[Line]:
    """Yields the comments and the docstrings of a Python file."""
    whole = text.splitlines()
    numbers = {
        token.start[0]: token.start[1]
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT and not token.line[: token.start[1]].strip()
    }
    for node in ast.walk(ast.parse(text)):
        is_string = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_string and isinstance(node.value.value, str):
            numbers |= {number: 0 for number in range(node.lineno, (node.end_lineno or 0) + 1)}
    lines = (Line(number, whole[number - 1], numbers[number]) for number in sorted(numbers))
    return _without_blocks(lines)


HASH = comments("#")
SLASHES = comments("//[/!]?")
SLASHES_AND_STARS = comments(r"//|/?\*+")

READERS: dict[str, Callable[[str], Iterator[Line]]] = {
    ".md": markdown,
    ".py": python,
    ".rs": SLASHES,
    ".tf": comments("#|//"),
    ".hcl": comments("#|//"),
    ".toml": HASH,
    ".txt": HASH,
    ".yml": HASH,
    ".cjs": SLASHES_AND_STARS,
    ".mjs": SLASHES_AND_STARS,
    ".java": SLASHES_AND_STARS,
}
"""How to read a file, by its suffix. A file without one is Python if its first line says so."""


def reader(path: str, text: str) -> Callable[[str], Iterator[Line]] | None:
    """Returns how to read a file, or None for one without prose, such as JSON."""
    suffix = PurePosixPath(path).suffix
    if suffix:
        return READERS.get(suffix)
    return python if text.startswith("#!/usr/bin/env python3") else HASH


def check(path: str, text: str) -> list[str]:
    """Returns a complaint for each line of prose that is too wide."""
    read = reader(path, text)
    if read is None:
        return []
    return [
        f"{path}:{line.number}: {len(line.text)} columns, but prose has at most {WIDTH}"
        for line in read(text)
        if line.is_too_wide()
    ]


def main() -> int:
    """Checks every file. Returns 1 if a line is too wide."""
    found = [complaint for file in files.matching(FILES) for complaint in check(*file)]
    for complaint in found:
        print(complaint, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
