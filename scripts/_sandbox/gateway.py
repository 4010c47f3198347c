"""Does what API Gateway does: renders the mapping template and sends the form to SQS.

No emulator runs this integration for SQS as AWS does. The template is the real one, and airspeed
renders it. Where airspeed is more lenient than AWS, this module is as strict as AWS.
"""

import http.client
import re
import urllib.parse
from dataclasses import dataclass
from functools import cache
from typing import Any

import airspeed

from _common import paths
from _common.isolation import REGION

from .github import Webhook

# Java's String.matches, which AWS uses, matches the whole string. airspeed's matches a prefix.
_METHODS = airspeed.__additional_methods__[str]
_METHODS["matches"] = lambda text, pattern: re.fullmatch(pattern, text) is not None
# Java writes a group of the match as $1, and Python as \1.
_METHODS["replaceAll"] = lambda text, pattern, new: re.sub(
    pattern, re.sub(r"\$(\d)", r"\\\1", new), text
)


@dataclass(frozen=True)
class Reply:
    """The answer of SQS, as the gateway passes it to GitHub."""

    status: int
    message_id: str | None
    error: str | None


class _Input:
    """The template's `$input`."""

    def __init__(self, webhook: Webhook) -> None:
        # Without binaryMediaTypes, the gateway reads a payload as text: it replaces bytes that are
        # not UTF-8, and it reads an empty payload as an empty object.
        self.body = _text(webhook.body) or "{}"
        self._headers = webhook.headers

    def params(self, name: str | None = None) -> Any:
        """Returns all parameters, or one. Header names match by exact case, as on AWS."""
        if name is None:
            return {"path": {}, "querystring": {}, "header": self._headers}
        return self._headers.get(name, "")


def _text(body: bytes) -> str:
    """Decodes UTF-8 as Java does: an encoded surrogate is one U+FFFD, not one for each byte."""
    return re.sub(rb"\xed[\xa0-\xbf][\x80-\xbf]?", "\ufffd".encode(), body).decode(
        "utf-8", "replace"
    )


class _Util:
    """The template's `$util`."""

    @staticmethod
    def urlEncode(text: str) -> str:
        """Encodes like java.net.URLEncoder: like quote_plus, but it keeps `*` and encodes `~`."""
        return urllib.parse.quote_plus(text, safe="*").replace("~", "%7E")


def render(webhook: Webhook) -> str:
    """Returns the form of SendMessage. One stray line end in it would break every signature."""
    return str(_template().merge({"input": _Input(webhook), "util": _Util()}))


@cache
def _template() -> airspeed.Template:
    return airspeed.Template(paths.TEMPLATE.read_text(encoding="utf-8"))


def deliver(webhook: Webhook, queue_url: str, region: str = REGION) -> Reply:
    """Sends one webhook through the template into the queue."""
    return post(render(webhook), queue_url, region)


def post(form: str, queue_url: str, region: str = REGION) -> Reply:
    """Sends a form to the queue over plain HTTP, as the gateway does."""
    url = urllib.parse.urlsplit(queue_url)
    scope = f"Credential=test/20260101/{region}/sqs/aws4_request"
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        # moto finds the service and the Region in the scope, and does not check the signature.
        "Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0",
    }
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=30)
    try:
        connection.request("POST", url.path, body=form.encode(), headers=headers)
        response = connection.getresponse()
        answer = response.read().decode("utf-8", "replace")
    finally:
        connection.close()
    if response.status != 200:
        code, message = _element(answer, "Code"), _element(answer, "Message")
        return Reply(response.status, None, f"{code}: {message}" if code else answer[:200])
    return Reply(200, _element(answer, "MessageId"), None)


def _element(xml: str, name: str) -> str | None:
    found = re.search(f"<{name}>([^<]*)</{name}>", xml)
    return found.group(1) if found else None
