"""Webhooks as GitHub sends them: headers, signature, and a body as JSON or as a form."""

import hashlib
import hmac
import json
import re
import urllib.parse
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from _common.problem import Problem

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Webhook:
    """A POST request from GitHub: a raw body and its headers."""

    body: bytes
    headers: dict[str, str] = field(hash=False)

    @property
    def delivery(self) -> str:
        """The GUID of the delivery, which a redelivery keeps."""
        return self.headers["X-GitHub-Delivery"]

    @property
    def event(self) -> str:
        """The name of the event."""
        return self.headers["X-GitHub-Event"]

    def payload(self) -> dict[str, Any]:
        """Returns the payload, or nothing if the body has none."""
        if self.headers["Content-Type"] != FORM:
            return _object(self.body)
        form = urllib.parse.parse_qs(self.body.decode())
        return _object("".join(form.get("payload", [])).encode())


def webhook(
    body: bytes, event: str, secret: str, *, delivery: str | None = None, form: bool = False
) -> Webhook:
    """Signs `body` and adds GitHub's headers. The signature of a form covers the form."""
    repository = _repository_id(body)
    if form:
        body = b"payload=" + urllib.parse.quote_plus(body).encode("ascii")
    headers = {
        "Content-Type": FORM if form else JSON,
        "User-Agent": "GitHub-Hookshot/sandbox",
        "X-GitHub-Delivery": delivery or str(uuid.uuid4()),
        "X-GitHub-Event": event,
        "X-GitHub-Hook-ID": "1",
        "X-GitHub-Hook-Installation-Target-ID": str(repository or 1),
        "X-GitHub-Hook-Installation-Target-Type": "repository",
        "X-Hub-Signature-256": sign(body, secret),
    }
    return Webhook(body, headers)


def sign(body: bytes, secret: str) -> str:
    """Returns the value of X-Hub-Signature-256."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def guess_event(path: Path, body: bytes) -> str:
    """Finds the event in a name such as `pull_request.opened.json`, or by the payload's keys."""
    named = re.fullmatch(r"([a-z]+(?:_[a-z]+)*)\.[\w.]+\.json", path.name)
    if named:
        return named.group(1)
    payload = _object(body)
    marks = {
        "pull_request": "pull_request",
        "commits": "push",
        "master_branch": "create",
        "ref_type": "delete",
        "zen": "ping",
        "check_run": "check_run",
        "check_suite": "check_suite",
        "merge_group": "merge_group",
    }
    for mark, event in marks.items():
        if mark in payload:
            return event
    raise Problem(f"{path}: neither the name nor the content shows the event: add --event", 2)


def _repository_id(body: bytes) -> int | None:
    repository = _object(body).get("repository")
    found = repository.get("id") if isinstance(repository, dict) else None
    return found if isinstance(found, int) else None


def _object(body: bytes) -> dict[str, Any]:
    try:
        payload = json.loads(body)
    except ValueError:
        return {}
    return payload if isinstance(payload, dict) else {}
