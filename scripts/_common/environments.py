"""The Python environments: one list of pins each, because their packages conflict."""

import functools
import importlib.util
import subprocess
import sys
from pathlib import Path

from . import paths
from .parts import Part
from .problem import Problem

FOLDER = paths.SANDBOX / "env"


class Environment:
    """A virtual environment with the packages of `scripts/requirements/<name>.txt`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.folder = FOLDER / name
        self.python = self.folder / "bin" / "python"
        self._pins = paths.REQUIREMENTS / f"{name}.txt"
        self._log = self.folder.with_suffix(".log")

    def ensure(self) -> Path:
        """Makes the environment if needed, and returns the folder of its commands."""
        return Part(self.folder, (self._pins,), self._fill, self._interpreter).ensure() / "bin"

    def _interpreter(self) -> str:
        """Returns the Python behind the environment's. An upgrade can move or remove it."""
        return str(self.python.resolve()) if self.python.exists() else "(none)"

    def _fill(self, folder: Path) -> None:
        _say(f"making the Python environment {paths.shown(folder)} (once)")
        if (
            importlib.util.find_spec("venv") is None
            or importlib.util.find_spec("ensurepip") is None
        ):
            raise Problem(
                f"this Python ({sys.executable}) has no venv module: install it (on Debian and Ubuntu: "
                "apt install python3-venv), then run this again"
            )
        self._log.unlink(missing_ok=True)
        self._logged([sys.executable, "-m", "venv", str(folder)], "making the environment")
        self._install()
        # --no-deps installs only what is pinned. This finds a dependency without a pin.
        self._logged([str(self.python), "-m", "pip", "check"], "checking the pinned packages")

    def _logged(self, command: list[str], doing: str) -> None:
        with self._log.open("ab") as log:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False
            )
        if done.returncode != 0:
            raise self._failed(doing)

    def _install(self) -> None:
        """Runs pip. Its long output goes to the log, and its progress to the terminal."""
        total = sum(1 for line in self._pins.read_text().splitlines() if "==" in line)
        options = [
            "--no-input",
            "--disable-pip-version-check",
            "--no-deps",
            "--progress-bar",
            "off",
        ]
        # -u: into a pipe, Python would write blocks instead of lines.
        command = [str(self.python), "-u", "-m", "pip", "install", *options, "-r", str(self._pins)]
        with (
            self._log.open("a") as log,
            subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True
            ) as pip,
        ):
            assert pip.stdout is not None
            count = 0
            for line in pip.stdout:
                log.write(line)
                if line.startswith("Collecting "):
                    count += 1
                    text = f"package {count} of {total}: {line.split()[1]}"
                    _progress(text, last=count == total)
                if line.startswith("Installing collected packages"):
                    _progress("installing the packages", last=True)
        if pip.returncode != 0:
            raise self._failed("installing the pinned packages")

    def _failed(self, doing: str) -> Problem:
        lines = self._log.read_text(errors="replace").strip().splitlines() or ["(no output)"]
        errors = [line for line in lines if "ERROR" in line or "Error" in line]
        log = paths.shown(self._log)
        return Problem(f"{doing} failed: {(errors or lines)[-1].strip()} (whole log: {log})")


@functools.cache
def named(name: str) -> Environment:
    """Returns the environment of that name."""
    known = sorted(pins.stem for pins in paths.REQUIREMENTS.glob("*.txt"))
    if name not in known:
        raise Problem(f"there is no environment '{name}': choose one of {', '.join(known)}", 2)
    return Environment(name)


def _progress(text: str, *, last: bool) -> None:
    """Shows one changing line on a terminal. A log gets the last text alone."""
    if sys.stderr.isatty():
        print(f"\r\x1b[2K    {text}", end="\n" if last else "", file=sys.stderr, flush=True)
    elif last:
        _say(text)


def _say(text: str) -> None:
    print(f"    {text}", file=sys.stderr, flush=True)
