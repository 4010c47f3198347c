"""Unpacks a tarball of scripts/package somewhere else, and uses what is in it."""

import hashlib
import shutil
import struct
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from _common import paths
from _common.isolation import environment
from _common.problem import Problem

SECONDS = 60
DOCUMENTS = ("README.md", "CHANGELOG.md", "LICENSE", "LICENSE-APACHE", "LICENSE-MIT")
COMPLETIONS = {"bash": "branchline.bash", "zsh": "_branchline", "fish": "branchline.fish"}
COMMANDS = ("run", "check", "explain", "mappings", "dlq", "audit")
"""Some commands, whose pages and help must be there."""

_INTERPRETER = 3
"""The type of a program header that names a dynamic loader (elf(5), PT_INTERP)."""


def check(archive: Path, version: str, report: Callable[[str], None]) -> None:
    """Checks a tarball, and reports each thing that holds. The binary must run on this machine."""
    _check_sum(archive)
    report(f"{archive.name} has the checksum in SHA256SUMS")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as opened:
            opened.extractall(folder, filter="data")
        root = Path(folder) / archive.name.removesuffix(".tar.gz")
        _check_documents(root)
        report("it has the documents and licences of this work tree")
        _check_binary(root / "branchline", version, is_static="-musl" in archive.name)
        report(f"its binary runs and is branchline {version}")
        _check_manual(root / "man" / "man1")
        report("it has a manual page for each command")
        _check_completions(root / "completions")
        report("it has completions for bash, zsh and fish")


def _check_sum(archive: Path) -> None:
    sums = archive.with_name("SHA256SUMS").read_text().splitlines()
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if f"{digest}  {archive.name}" not in sums:
        raise Problem(f"SHA256SUMS does not have {digest} for {archive.name}")


def _check_documents(root: Path) -> None:
    for name in DOCUMENTS:
        if (root / name).read_bytes() != (paths.ROOT / name).read_bytes():
            raise Problem(f"{name} in the archive differs from that of this work tree")


def _check_binary(binary: Path, version: str, *, is_static: bool) -> None:
    found = _run(binary, "--version").strip()
    if found != f"branchline {version}":
        raise Problem(f"the binary says '{found}', and not 'branchline {version}'")
    for command in COMMANDS:
        if "Usage: branchline" not in _run(binary, command, "--help"):
            raise Problem(f"branchline {command} --help shows no usage")
    if is_static and has_interpreter(binary.read_bytes()):
        raise Problem("the binary needs a dynamic loader, so it is not static")


def _check_manual(folder: Path) -> None:
    wanted = ["branchline.1", *(f"branchline-{command}.1" for command in COMMANDS)]
    for name in wanted:
        page = folder / name
        if not page.is_file() or ".TH " not in page.read_text():
            raise Problem(f"{name} is missing, or is not a manual page")


def _check_completions(folder: Path) -> None:
    for shell, name in COMPLETIONS.items():
        script = folder / name
        if not script.is_file() or "branchline" not in script.read_text():
            raise Problem(f"the completions for {shell} are missing")
        # Every system of the CI has bash. The others are checked where they are installed.
        if shutil.which(shell):
            _run(Path(shell), *(["--no-execute"] if shell == "fish" else ["-n"]), str(script))


def _run(program: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(program), *arguments],
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode != 0:
        words = " ".join([program.name, *arguments])
        raise Problem(f"{words} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def has_interpreter(elf: bytes) -> bool:
    """Returns whether a 64-bit ELF file names a dynamic loader. A static one names none."""
    if elf[:5] != b"\x7fELF\x02":
        raise Problem("the binary is not a 64-bit ELF file")
    (offset,) = struct.unpack_from("<Q", elf, 32)
    size, count = struct.unpack_from("<HH", elf, 54)
    headers = range(offset, offset + size * count, size)
    return any(struct.unpack_from("<I", elf, at)[0] == _INTERPRETER for at in headers)
