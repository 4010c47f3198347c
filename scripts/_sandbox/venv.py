"""The virtual environment with the pinned packages. It is whole, or it is made again.

A stamp, written last, names what is inside: without it, or when a pin or the Python has changed, the environment
is thrown away. So an interrupted installation is never taken for a finished one.
"""

import hashlib
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

from . import paths
from .locks import exclusive
from .problem import Problem

STAMP = paths.VENV / "branchline-stamp"
LOG = paths.SANDBOX / "pip.log"
PYTHON = paths.VENV / "bin" / "python"


def ensure() -> Path:
    """The environment's Python, after making the environment if needed."""
    with exclusive(paths.SANDBOX / "venv.lock"):
        if not (STAMP.exists() and STAMP.read_text() == _fingerprint()):
            _make()
            STAMP.write_text(_fingerprint())
    return PYTHON


def _fingerprint() -> str:
    """Changes with a pin, and with the Python that the environment leads to, for instance after an upgrade of it."""
    pins = hashlib.sha256(paths.REQUIREMENTS.read_bytes()).hexdigest()
    return f"{pins} {PYTHON.resolve()}\n"


def _make() -> None:
    _say(f"making a Python environment in {paths.shown(paths.VENV)} (once)")
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        raise Problem(
            f"this Python ({sys.executable}) has no venv module: install it (on Debian and Ubuntu: "
            f"apt install python3-venv), then run this again"
        )
    shutil.rmtree(paths.VENV, ignore_errors=True)
    LOG.unlink(missing_ok=True)
    _logged([sys.executable, "-m", "venv", str(paths.VENV)], "making the Python environment")
    _install()
    # --no-deps kept out what is not pinned; this finds what should have been.
    _logged([str(PYTHON), "-m", "pip", "check"], "checking the pinned packages")


def _logged(command: list[str], doing: str) -> None:
    with LOG.open("ab") as log:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)
    if done.returncode != 0:
        raise _failed(doing)


def _install() -> None:
    """pip's own output is long and goes to the log; a person sees which package of how many."""
    total = sum(1 for line in paths.REQUIREMENTS.read_text().splitlines() if "==" in line)
    options = ["--no-input", "--no-deps", "--only-binary", ":all:", "--progress-bar", "off"]
    # -u: into a pipe, Python would keep its lines back until there are many.
    command = [str(PYTHON), "-u", "-m", "pip", "install", *options, "-r", str(paths.REQUIREMENTS)]
    with (
        LOG.open("a") as log,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True) as pip,
    ):
        assert pip.stdout is not None
        count = 0
        for line in pip.stdout:
            log.write(line)
            if line.startswith("Collecting "):
                count += 1
                _progress(f"package {count} of {total}: {line.split()[1]}", count == total)
            if line.startswith("Installing collected packages"):
                _progress("installing them", True)
    if pip.returncode != 0:
        raise _failed("installing the pinned packages")


def _failed(doing: str) -> Problem:
    lines = LOG.read_text(errors="replace").strip().splitlines() or ["(it said nothing)"]
    errors = [line for line in lines if "ERROR" in line or "Error" in line]
    return Problem(f"{doing} failed: {(errors or lines)[-1].strip()} (all of it: {paths.shown(LOG)})")


def _progress(text: str, last: bool) -> None:
    """One line that changes on a terminal; elsewhere only the last, so that a log is not a list of packages."""
    if sys.stderr.isatty():
        print(f"\r\x1b[2K    {text}", end="\n" if last else "", file=sys.stderr, flush=True)
    elif last:
        _say(text)


def _say(text: str) -> None:
    print(f"    {text}", file=sys.stderr, flush=True)
