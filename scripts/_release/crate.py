"""Reads what `cargo publish` would upload, without building it."""

import re
import subprocess

from _common import paths
from _common.problem import Problem

MAX_KILOBYTES = 1024
"""The most that the packed crate may take. The sources of today take half of it."""

_ALLOWED = re.compile(
    r"src/.+|README\.md|CHANGELOG\.md|LICENSE(-APACHE|-MIT)?"
    r"|Cargo\.(toml|toml\.orig|lock)|\.cargo_vcs_info\.json"
)


def listed() -> list[str]:
    """Returns the files of the crate."""
    return _cargo("package", "--list", "--allow-dirty").split()


def unexpected(files: list[str]) -> list[str]:
    """Returns the files that a user of the crate does not need."""
    return [name for name in files if not _ALLOWED.fullmatch(name)]


def pack() -> int:
    """Packs the crate without building it, and returns its size in KB."""
    extra = unexpected(listed())
    if extra:
        raise Problem(f"the crate has files that it does not need: {', '.join(extra[:5])}")
    folder = paths.SANDBOX / "crate"
    _cargo("package", "--no-verify", "--allow-dirty", "--quiet", "--target-dir", str(folder))
    (crate,) = (folder / "package").glob("branchline-*.crate")
    kilobytes = crate.stat().st_size // 1024
    crate.unlink()
    if kilobytes > MAX_KILOBYTES:
        raise Problem(f"the crate has {kilobytes} KB, and {MAX_KILOBYTES} KB are allowed")
    return kilobytes


def _cargo(*arguments: str) -> str:
    command = ["cargo", *arguments, "--locked"]
    done = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Problem(f"{' '.join(command)} failed:\n{done.stderr}")
    return done.stdout
