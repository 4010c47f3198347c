"""Faults that a test asks for: an answer with another status, a lost answer, a delay."""

import re
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Fault:
    """What happens to the next requests that match."""

    operation: str | None = None
    """The operation, such as `checks/create`. None means all."""
    path: str | None = None
    """A regular expression that the path must contain."""
    times: int = 1
    """How many requests it concerns."""
    skip: int = 0
    """How many matching requests pass unharmed before."""
    status: int | None = None
    """The status of the answer, instead of the operation's."""
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    """Close the connection instead of answering."""
    effect: bool = False
    """Do the operation before the fault, so that only its answer is lost."""
    delay_ms: int = 0
    """Wait before anything else."""

    def concerns(self, operation: str, path: str) -> bool:
        """Returns whether it concerns a request."""
        if self.operation not in (None, operation):
            return False
        return self.path is None or re.search(self.path, path) is not None


class Faults:
    """The faults of a world."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def take(self, operation: str, path: str) -> Fault | None:
        """Returns the fault for a request, and counts it."""
        for fault in self.waiting:
            if not fault.concerns(operation, path):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                return None
            fault.times -= 1
            if fault.times <= 0:
                self.waiting.remove(fault)
            return fault
        return None
