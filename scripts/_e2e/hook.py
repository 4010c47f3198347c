"""Posts a webhook as GitHub does, with the header names exactly as given."""

import http.client
import json
import urllib.parse
from dataclasses import dataclass

from _common.problem import Problem
from _sandbox.github import Webhook

SECONDS = 60
"""GitHub's limit is 10 s, but LocalStack takes 4 s for 1 MB even on an idle machine."""


GITHUB = "127.0.0.1"
"""The only address that the module allows here."""

STRANGER = "127.0.0.2"
"""Another address of this machine."""


@dataclass(frozen=True)
class Answer:
    """The response, which GitHub shows under "Recent deliveries"."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def result(self) -> str:
        """The `status` in the body, such as "queued"."""
        try:
            return str(json.loads(self.body)["status"])
        except (ValueError, KeyError, TypeError):
            return self.body[:200]


def post(url: str, webhook: Webhook, method: str = "POST", source: str = GITHUB) -> Answer:
    """Sends one delivery from an address."""
    target = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(
        target.hostname or "", target.port, timeout=SECONDS, source_address=(source, 0)
    )
    headers = {"Accept": "*/*", "Content-Length": str(len(webhook.body)), **webhook.headers}
    try:
        connection.putrequest(method, target.path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(webhook.body)
        answer = connection.getresponse()
        body = answer.read().decode("utf-8", "replace")
        received = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, received, body)
    except (OSError, http.client.HTTPException) as error:
        request = f"a {method} of {len(webhook.body)} bytes"
        raise Problem(f"the API did not answer {request}: {error!r}") from error
    finally:
        connection.close()


def in_lower_case(webhook: Webhook) -> Webhook:
    """Returns the webhook with header names in lower case, as over HTTP/2."""
    return Webhook(webhook.body, {name.lower(): value for name, value in webhook.headers.items()})


def without(webhook: Webhook, name: str) -> Webhook:
    """Returns the webhook without one header."""
    others = {key: value for key, value in webhook.headers.items() if key != name}
    return Webhook(webhook.body, others)
