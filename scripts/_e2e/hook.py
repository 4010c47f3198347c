"""GitHub's side of the wire: a POST with the header names as they are given."""

import http.client
import json
import urllib.parse
from dataclasses import dataclass

from _sandbox.github import Webhook
from _sandbox.problem import Problem

SECONDS = 60
"""GitHub hangs up after 10, but LocalStack renders 1 MB in 4 s on an idle machine."""


@dataclass(frozen=True)
class Answer:
    """What GitHub shows under "Recent deliveries"."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def said(self) -> str:
        """The word in the body that says what became of it."""
        try:
            return str(json.loads(self.body)["status"])
        except (ValueError, KeyError, TypeError):
            return self.body[:200]


def post(url: str, webhook: Webhook, method: str = "POST") -> Answer:
    """One delivery."""
    place = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=SECONDS)
    try:
        connection.putrequest(method, place.path, skip_accept_encoding=True)
        for name, value in {"Accept": "*/*", "Content-Length": str(len(webhook.body)), **webhook.headers}.items():
            connection.putheader(name, value)
        connection.endheaders(webhook.body)
        answer = connection.getresponse()
        body = answer.read().decode("utf-8", "replace")
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, body)
    except (OSError, http.client.HTTPException) as error:
        raise Problem(f"the API gave no answer to a {method} of {len(webhook.body)} bytes: {error!r}") from error
    finally:
        connection.close()


def in_lower_case(webhook: Webhook) -> Webhook:
    """As over HTTP/2."""
    return Webhook(webhook.body, {name.lower(): value for name, value in webhook.headers.items()})


def without(webhook: Webhook, name: str) -> Webhook:
    """One header less."""
    return Webhook(webhook.body, {key: value for key, value in webhook.headers.items() if key != name})
