"""Installs what the scripts need below `.sandbox/`. A part is complete, or it is made again.

A stamp, written last, holds a fingerprint of the pins. Without it, or when the pins have changed,
the part's folder is deleted and filled again, so an interrupted installation is never taken for a
complete one. A lock keeps two processes from filling the same folder.
"""

import hashlib
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from .locks import exclusive
from .problem import Problem

STAMP = "branchline-stamp"


@dataclass(frozen=True)
class Part:
    """A folder that is filled once for its pins."""

    folder: Path
    pins: tuple[Path, ...]
    """The files that decide what is installed."""
    fill: Callable[[Path], None]
    """Fills the folder, which exists and is empty."""
    extra: Callable[[], str] = str
    """Returns what else the content depends on, before and after the folder was filled."""

    def ensure(self) -> Path:
        """Returns the folder, after filling it if needed."""
        stamp = self.folder / STAMP
        with exclusive(self.folder.with_name(f"{self.folder.name}.lock")):
            if not (stamp.exists() and stamp.read_text() == self._fingerprint()):
                shutil.rmtree(self.folder, ignore_errors=True)
                self.folder.mkdir(parents=True)
                self.fill(self.folder)
                stamp.write_text(self._fingerprint())
        return self.folder

    def _fingerprint(self) -> str:
        digest = hashlib.sha256()
        for pin in self.pins:
            digest.update(pin.read_bytes())
        return f"{digest.hexdigest()} {self.extra()}\n"


def need(tools: Iterable[str]) -> None:
    """Raises a Problem that names the first tool that is not installed."""
    for tool in tools:
        if shutil.which(tool) is None:
            raise Problem(f"{tool} is not installed{_HINTS.get(tool, '')}", 2)


_HINTS = {
    "terraform": ": version 1.9 or newer is needed, and no package registry has it",
    "java": ": the mapping template's engine needs a JDK, version 11 or newer",
    "javac": ": the mapping template's engine needs a JDK, version 11 or newer",
    "apt-get": ": the mapping template's engine comes from Debian's packages",
    "dpkg-deb": ": the mapping template's engine comes from Debian's packages",
}


def npm_ci(folder: Path, manifests: Iterable[Path]) -> None:
    """Installs a package-lock.json and its package.json, without running any script."""
    for manifest in manifests:
        shutil.copy(manifest, folder)
    command = ["npm", "ci", "--silent", "--no-fund", "--no-audit", "--ignore-scripts"]
    if subprocess.run(command, cwd=folder, check=False).returncode:
        raise Problem("npm ci failed: see its messages above")


def check_sum(file: Path, wanted: str) -> None:
    """Raises a Problem if a file's SHA-256 is not the pinned one."""
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != wanted:
        raise Problem(f"{file.name} has the SHA-256 {found}, and {wanted} is pinned")
