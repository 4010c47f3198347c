"""What `scripts/sandbox up` remembers for the other commands, in `.sandbox/state.json`."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from . import paths
from .account import Account
from .emulator import Emulator

FILE = paths.SANDBOX / "state.json"


@dataclass(frozen=True)
class State:
    """A sandbox that was started. Whether it still runs, the emulator's process says."""

    emulator: Emulator
    account: Account

    def save(self, file: Path = FILE) -> None:
        """Written beside and renamed, so that a reader never sees half of it."""
        beside = file.with_suffix(".new")
        beside.write_text(json.dumps(asdict(self), indent=2) + "\n")
        beside.rename(file)


def load(file: Path = FILE) -> State | None:
    """The sandbox that runs, or None: a file without its process, or of another version, is no sandbox."""
    try:
        raw = json.loads(file.read_text())
        state = State(Emulator(**raw["emulator"]), Account(**raw["account"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return state if state.emulator.is_alive() else None


def forget(file: Path = FILE) -> None:
    """After the sandbox was stopped."""
    file.unlink(missing_ok=True)
