"""What an operation returns: an answer, or GitHub's refusal."""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from .specification import Json

DOCUMENTATION = "https://docs.github.com/rest"


@dataclass
class Answer:
    """A status, a body or None, and headers."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.headers: dict[str, str] = more.pop("headers", {})
        body: Json = {"message": message, "documentation_url": DOCUMENTATION, **more}
        if status != HTTPStatus.UNPROCESSABLE_ENTITY:
            body["status"] = str(status)
        self.answer = Answer(status, body, self.headers)


def not_found() -> Refusal:
    """Returns the answer for what does not exist, or must not be seen."""
    return Refusal(HTTPStatus.NOT_FOUND, "Not Found")


def invalid(resource: str, field_name: str, code: str, message: str | None = None) -> Refusal:
    """Returns the answer for a value that GitHub does not accept."""
    error = {"resource": resource, "field": field_name, "code": code}
    if message is not None:
        error["message"] = message
    return unprocessable("Validation Failed", errors=[error])


def unprocessable(message: str, **more: Any) -> Refusal:
    """Returns an answer with the status 422."""
    return Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, message, **more)
