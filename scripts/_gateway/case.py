"""A webhook for the mapping template, with the result that it must have.

Most must arrive unchanged and with a valid signature. SQS must refuse some, so that GitHub shows
the
400. The others must arrive, but with an invalid signature.
"""

import enum
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from _sandbox import github
from _sandbox.github import Webhook

SECRET = "It's a Secret to Everybody"
"""The example on GitHub's page on validating webhook deliveries."""

ATTRIBUTES = ("X-GitHub-Event", "X-GitHub-Delivery", "X-Hub-Signature-256", "Content-Type")
"""The headers that become message attributes."""


class Result(enum.Enum):
    """The result that a webhook must have."""

    VALID = "with a valid signature"
    INVALID = "with an invalid signature"
    REFUSED = "refused by SQS"


@dataclass(frozen=True)
class Case:
    """A webhook, and the result that it must have."""

    name: str
    webhook: Webhook
    result: Result = Result.VALID
    arrives: bytes | None = None
    """The body in the queue, if the gateway itself changes it."""

    @property
    def body(self) -> bytes:
        """Returns the body that must be in the queue."""
        return self.webhook.body if self.arrives is None else self.arrives

    @property
    def attributes(self) -> dict[str, str]:
        """Returns the attributes that must be in the queue.

        A header in GitHub's spelling comes first, then the first one in another spelling.
        """
        found = {name: self._header(name) for name in ATTRIBUTES}
        return {name: value for name, value in found.items() if value or name != "Content-Type"}

    @property
    def group(self) -> str | None:
        """Returns the message group that it must have.

        It is the repository's number in the body, and otherwise that of the hook's owner in the
        header.
        """
        text = self.body.decode("utf-8", "replace")
        found = re.search(r'"repository":\{"id":(\d{1,20}),', text, re.ASCII) or re.search(
            r"%22repository%22%3A%7B%22id%22%3A(\d{1,20})%2C", text, re.ASCII
        )
        if found:
            return found.group(1)
        value = self._header("X-GitHub-Hook-Installation-Target-ID")
        return value if re.fullmatch("[0-9]{1,20}", value) else None

    def _header(self, name: str) -> str:
        sent = self.webhook.headers
        lower = name.lower()
        others = (value for other, value in sent.items() if other.lower() == lower and value)
        return sent.get(name) or next(others, "")


def post(name: str, body: bytes, event: str = "pull_request", *, form: bool = False) -> Webhook:
    """Returns a signed webhook with its own GUID."""
    delivery = str(uuid.uuid5(uuid.NAMESPACE_URL, name))
    return github.webhook(body, event, SECRET, delivery=delivery, form=form)


def changed(webhook: Webhook, new: Mapping[str, str | None]) -> Webhook:
    """Returns the webhook with these headers added or replaced, and without those that are None."""
    merged = {**webhook.headers, **new}
    headers = {name: value for name, value in merged.items() if value is not None}
    return Webhook(webhook.body, headers)


def compact(payload: Any) -> bytes:
    """Returns JSON as GitHub writes it: on one line, in UTF-8."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def pull_request(text: str) -> dict[str, Any]:
    """Returns a payload with a given text in the body of the pull request."""
    return {
        "action": "opened",
        "number": 7,
        "pull_request": {
            "number": 7,
            "title": "a title",
            "body": text,
            "head": {"ref": "feature/x"},
        },
        "repository": {"id": 186853002, "full_name": "acme/api"},
    }


def size(webhook: Webhook) -> int:
    """Returns the size that SQS counts: the body, and name, type and value of each attribute."""
    headers = webhook.headers
    attributes = sum(len(name) + len("String") + len(headers[name]) for name in ATTRIBUTES)
    return len(webhook.body) + attributes
