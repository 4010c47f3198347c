"""Lets things happen in the fake GitHub, and reads what a person would see there."""

import http.client
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from _common.problem import Problem

from .github import Webhook

TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Reply:
    """An answer of the fake GitHub: parsed if it is JSON, otherwise text."""

    status: int
    headers: dict[str, str]
    body: Any


def request(
    method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None
) -> Reply:
    """Makes one request. A body is sent as JSON."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS
    )
    try:
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        content = json.dumps(body) if body is not None else None
        connection.request(method, target, content, dict(headers or {}))
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    is_json = "json" in (answer.getheader("Content-Type") or "")
    found = {name.lower(): value for name, value in answer.getheaders()}
    return Reply(answer.status, found, json.loads(text) if text and is_json else text)


class GitHub:
    """The control endpoints of one world (the header of fake_github describes them)."""

    def __init__(self, base: str) -> None:
        self._base = base

    def control(self, method: str, endpoint: str, **body: Any) -> Any:
        """Uses a control endpoint. A GET takes parameters instead of a body."""
        url = f"{self._base}/_control/{endpoint}"
        if method == "GET":
            reply = request(method, f"{url}?{urlencode(body)}" if body else url)
        else:
            reply = request(method, url, body)
        if reply.status != 200:
            raise Problem(f"the fake GitHub refused {reply.body['message']}")
        return reply.body

    def apply(self, event: str, payload: bytes) -> None:
        """Lets happen what a webhook describes. A body that describes nothing changes nothing."""
        try:
            parsed = json.loads(payload)
        except ValueError:
            return
        reply = request("POST", f"{self._base}/_control/apply", {"event": event, "payload": parsed})
        if reply.status not in (200, 400):
            raise Problem(f"the fake GitHub refused the event {event}: {reply.body}")

    def record(self, webhook: Webhook, status: str, status_code: int) -> None:
        """Lists an attempt of GitHub to deliver a webhook to the App."""
        payload = webhook.payload()
        self.control(
            "PUT",
            "deliveries",
            guid=webhook.delivery,
            duration=0.1,
            status=status,
            status_code=status_code,
            event=webhook.event,
            action=payload.get("action"),
            installation_id=None,
            repository_id=payload.get("repository", {}).get("id"),
            request={"headers": webhook.headers, "payload": payload},
            raw=webhook.body.decode(),
        )

    def branches(self, repository: str) -> dict[str, str]:
        """Returns the commit of each branch."""
        return dict(self.control("GET", "branches", repository=repository))

    def page(self, pull_request: str) -> str:
        """Returns the page of a pull request, such as `acme/api#7`, as text."""
        return str(self.control("GET", "page", **_parts(pull_request)))

    def rerun(self, pull_request: str) -> list[tuple[str, bytes]]:
        """Clicks Re-run of each check of a pull request. Returns events and bodies of webhooks."""
        sent = []
        for run in self.control("GET", "check_runs", **_parts(pull_request)):
            webhook = self.control("POST", "rerequest", check_run=run["id"])
            sent.append((webhook["event"], json.dumps(webhook["payload"]).encode()))
        return sent

    def calls(self) -> Counter[str]:
        """Returns how often each operation was called."""
        return Counter(str(each.get("operation")) for each in self.control("GET", "requests"))

    def violations(self) -> list[dict[str, str]]:
        """Returns the requests and answers that GitHub's description forbids."""
        return list(self.control("GET", "violations"))


def _parts(pull_request: str) -> dict[str, str]:
    repository, _, number = pull_request.partition("#")
    if not number.isdigit():
        raise Problem(f"{pull_request}: expected a pull request such as acme/api#7", 2)
    return {"repository": repository, "number": number}
