"""Compares what a release says about itself: the tag, Cargo.toml, and CHANGELOG.md."""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from _common import paths

PLACEHOLDER = "OWNER"
"""The owner of the repository, in every file that names one, until the repository is at GitHub."""

EXCEPT = (":!scripts", ":!tests", ":!docs/decisions")
"""Files that describe the placeholder, or use versions of their own."""

_NAMED = rf"\b{PLACEHOLDER}/(branchline|maintainers)"
_VERSIONED = r"branchline([:-]|/(releases/download|blob)/v|.*@refs/tags/v)[0-9]+[.][0-9]+[.][0-9]+"
"""An image, an archive or an address of one version."""
_SECTION = re.compile(r"^## (?P<version>\S+?)(?P<rest>, .*)?$", re.MULTILINE)
_DATE = re.compile(r", \d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Release:
    """The files that state a version."""

    version: str
    repository: str
    lock: str
    changelog: str
    placeholders: tuple[str, ...] = ()
    """The files that still have the placeholder."""
    outdated: tuple[str, ...] = ()
    """The files that name an image, an archive or an address of another version."""

    @classmethod
    def read(cls, root: Path = paths.ROOT) -> "Release":
        """Reads the files of a work tree."""
        package = tomllib.loads((root / "Cargo.toml").read_text())["package"]
        packages = tomllib.loads((root / "Cargo.lock").read_text())["package"]
        (locked,) = (each for each in packages if each["name"] == package["name"])
        changelog = (root / "CHANGELOG.md").read_text()
        return cls(
            package["version"],
            package["repository"],
            locked["version"],
            changelog,
            tuple(with_placeholder(root)),
            tuple(_outdated(root, package["version"])),
        )

    def problems(self, tag: str, repository: str) -> Iterator[str]:
        """Yields what prevents a release of a tag from a repository, which is its address."""
        if tag != f"v{self.version}":
            yield f"the tag is {tag}, but Cargo.toml has the version {self.version}"
        if self.lock != self.version:
            yield f"Cargo.lock has the version {self.lock}: run cargo check, and commit it"
        if self.outdated:
            yield f"write the version {self.version} in {', '.join(self.outdated)}"
        yield from self._problems_of_repository(repository)
        yield from self._problems_of_changelog()

    def _problems_of_repository(self, repository: str) -> Iterator[str]:
        """The crate and `cargo binstall` take the address from Cargo.toml."""
        if self.placeholders:
            files = ", ".join(self.placeholders)
            yield f"write the owner of {repository} instead of {PLACEHOLDER} in {files}"
        elif self.repository.lower() != repository.lower():
            yield f"`repository` in Cargo.toml is {self.repository}, but this is {repository}"

    def _problems_of_changelog(self) -> Iterator[str]:
        newest = _SECTION.search(self.changelog)
        if newest is None or newest["version"] != self.version:
            found = newest["version"] if newest else "none"
            yield f"the first section of CHANGELOG.md is {found}, and must be {self.version}"
        elif not _DATE.fullmatch(newest["rest"] or ""):
            heading = f"## {self.version}, YYYY-MM-DD"
            yield f"CHANGELOG.md has no date for {self.version}: write '{heading}'"
        elif not self.notes():
            yield f"CHANGELOG.md says nothing about {self.version}"

    def notes(self) -> str:
        """Returns what CHANGELOG.md says about this version, which the release at GitHub shows."""
        sections = list(_SECTION.finditer(self.changelog))
        for section, following in zip(sections, [*sections[1:], None], strict=True):
            if section["version"] == self.version:
                end = following.start() if following else len(self.changelog)
                return self.changelog[section.end() : end].strip()
        return ""


def own(owner: str, root: Path = paths.ROOT) -> list[str]:
    """Writes the owner of the repository instead of the placeholder, and returns the files."""
    files = with_placeholder(root)
    for name in files:
        file = root / name
        file.write_text(re.sub(_NAMED, rf"{owner}/\1", file.read_text()))
    return files


def with_placeholder(root: Path) -> list[str]:
    """Returns the files that git tracks and that have the placeholder."""
    return _grep(root, "--files-with-matches", _NAMED)


def _outdated(root: Path, version: str) -> Iterator[str]:
    """Yields the files that name another version. CHANGELOG.md names all of them."""
    found = _grep(root, "--only-matching", _VERSIONED)
    files = (line.partition(":") for line in found)
    others = {file for file, _, text in files if not re.search(rf"[v:-]{re.escape(version)}$", text)}
    yield from sorted(others - {"CHANGELOG.md"})


def _grep(root: Path, option: str, pattern: str) -> list[str]:
    command = ["git", "grep", option, "--extended-regexp", "-e", pattern, "--", ".", *EXCEPT]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()
