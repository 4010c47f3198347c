"""The file `.sandbox/state.json`, which `scripts/sandbox up` writes for the other commands."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from _common import paths

from .account import Account
from .emulator import Emulator

FILE = paths.SANDBOX / "state.json"


@dataclass(frozen=True)
class State:
    """A sandbox that was started. Its emulators show whether it still runs."""

    emulator: Emulator
    github: Emulator
    account: Account

    def is_alive(self) -> bool:
        """Returns whether both emulators run."""
        return self.emulator.is_alive() and self.github.is_alive()

    def stop(self) -> None:
        """Ends the emulators that run."""
        self.emulator.stop()
        self.github.stop()

    def save(self, file: Path = FILE) -> None:
        """Writes another file and renames it, so that a reader never sees half of it."""
        beside = file.with_suffix(".new")
        beside.write_text(json.dumps(asdict(self), indent=2) + "\n")
        beside.rename(file)


def load(file: Path = FILE) -> State | None:
    """Returns the running sandbox, or None if it does not run as a whole."""
    found = read(file)
    return found if found is not None and found.is_alive() else None


def read(file: Path = FILE) -> State | None:
    """Returns the sandbox that was started last, or None for a file of another version."""
    try:
        raw = json.loads(file.read_text())
        emulators = Emulator(**raw["emulator"]), Emulator(**raw["github"])
        return State(*emulators, Account(**raw["account"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def forget(file: Path = FILE) -> None:
    """Removes the file, after the sandbox was stopped."""
    file.unlink(missing_ok=True)
