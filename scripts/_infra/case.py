"""A webhook for the mapping template, and what has to become of it.

Most have to arrive to the byte and to be proven; some SQS has to refuse, so that GitHub shows the 400; and some have to
arrive and not be proven.
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
"""The one of GitHub's page on validating webhook deliveries."""

ATTRIBUTES = ("X-GitHub-Event", "X-GitHub-Delivery", "X-Hub-Signature-256", "Content-Type")
"""The headers that become message attributes."""


class Fate(enum.Enum):
    """What has to become of a webhook."""

    PROVEN = "arrives, proven"
    UNPROVEN = "arrives, not proven"
    REFUSED = "refused by SQS"


@dataclass(frozen=True)
class Case:
    """A webhook, and what has to become of it."""

    name: str
    webhook: Webhook
    fate: Fate = Fate.PROVEN
    arrives: bytes | None = None
    """The body in the queue, where the gateway itself makes another of it."""

    @property
    def body(self) -> bytes:
        """The body that has to be in the queue."""
        return self.webhook.body if self.arrives is None else self.arrives

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes that have to be in the queue: by GitHub's spelling of the name, else by the first other."""
        found = {name: self._header(name) for name in ATTRIBUTES}
        return {name: value for name, value in found.items() if value or name != "Content-Type"}

    @property
    def group(self) -> str | None:
        """The message group that it has to be in: GitHub's number of whose hook it is."""
        value = self._header("X-GitHub-Hook-Installation-Target-ID")
        return value if re.fullmatch("[0-9]{1,20}", value) else None

    def _header(self, name: str) -> str:
        sent = self.webhook.headers
        others = (value for other, value in sent.items() if other.lower() == name.lower() and value)
        return sent.get(name) or next(others, "")


def post(name: str, body: bytes, event: str = "pull_request", *, form: bool = False) -> Webhook:
    """A signed webhook under a GUID of its own."""
    return github.webhook(body, event, SECRET, delivery=str(uuid.uuid5(uuid.NAMESPACE_URL, name)), form=form)


def changed(webhook: Webhook, new: Mapping[str, str | None]) -> Webhook:
    """With these headers, and without those that are None."""
    merged = {**webhook.headers, **new}
    return Webhook(webhook.body, {name: value for name, value in merged.items() if value is not None})


def compact(payload: Any) -> bytes:
    """JSON as GitHub writes it: on one line, in UTF-8."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def pull_request(text: str) -> dict[str, Any]:
    """A payload of the shape that counts, with a text of a stranger's in it."""
    return {
        "action": "opened",
        "number": 7,
        "pull_request": {"number": 7, "title": "a title", "body": text, "head": {"ref": "feature/x"}},
        "repository": {"id": 186853002, "full_name": "acme/api"},
    }


def size(webhook: Webhook) -> int:
    """What SQS counts: the body, and each attribute's name, type and value."""
    attributes = sum(len(name) + len("String") + len(webhook.headers[name]) for name in ATTRIBUTES)
    return len(webhook.body) + attributes
