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
    """A sandbox that was started. `emulator` shows whether it still runs."""

    emulator: Emulator
    account: Account

    def save(self, file: Path = FILE) -> None:
        """Writes another file and renames it, so that a reader never sees half of it."""
        beside = file.with_suffix(".new")
        beside.write_text(json.dumps(asdict(self), indent=2) + "\n")
        beside.rename(file)


def load(file: Path = FILE) -> State | None:
    """Returns the running sandbox, or None for a file of another version or without a process."""
    try:
        raw = json.loads(file.read_text())
        state = State(Emulator(**raw["emulator"]), Account(**raw["account"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return state if state.emulator.is_alive() else None


def forget(file: Path = FILE) -> None:
    """Removes the file, after the sandbox was stopped."""
    file.unlink(missing_ok=True)
