"""A question: what is asked, what the code assumes, and what the account answers."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from .place import Place
from .probes import Probes


class Comparison(Enum):
    """How an answer compares with what the code assumes."""

    HOLDS = "as assumed"
    DIFFERS = "DIFFERS"
    NOTED = "noted"
    """The code assumes nothing, and the answer is worth knowing."""
    UNASKED = "not asked"
    FAILED = "FAILED"


@dataclass(frozen=True)
class Answer:
    """What the account answered."""

    text: str
    comparison: Comparison

    @classmethod
    def of(cls, text: str, *, holds: bool) -> "Answer":
        """Returns an answer that agrees with the code, or differs."""
        return cls(text, Comparison.HOLDS if holds else Comparison.DIFFERS)

    @classmethod
    def noted(cls, text: str) -> "Answer":
        """Returns an answer on which the code does not depend."""
        return cls(text, Comparison.NOTED)

    @classmethod
    def unasked(cls, why: str) -> "Answer":
        """Returns why the question could not be asked here."""
        return cls(why, Comparison.UNASKED)


@dataclass(frozen=True)
class Asking:
    """What a question can use."""

    place: Place
    probes: Probes


Ask = Callable[[Asking], Answer]


@dataclass(frozen=True)
class Question:
    """A question with what the code assumes, and where it does."""

    key: str
    text: str
    assumed: str
    where: str
    ask: Ask


class Questions:
    """The questions of one file, in their order."""

    def __init__(self) -> None:
        self.all: list[Question] = []

    def add(self, key: str, text: str, *, assumed: str, where: str) -> Callable[[Ask], Ask]:
        """Adds the decorated function."""

        def added(ask: Ask) -> Ask:
            self.all.append(Question(key, text, assumed, where, ask))
            return ask

        return added
