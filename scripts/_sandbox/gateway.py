"""What API Gateway does with a webhook: renders the project's mapping template and POSTs the form to SQS.

No emulator executes that integration for SQS as AWS does, so this does: the template is the real one, and airspeed
renders it. Where airspeed and moto are more lenient than AWS, this is as strict.
"""

import http.client
import re
import urllib.parse
from dataclasses import dataclass
from functools import cache
from typing import Any

import airspeed

from . import aws, paths
from .account import MAX_MESSAGE_BYTES
from .github import Webhook

# In Java, which AWS runs, String.matches is about the whole string. airspeed's is about a prefix.
airspeed.__additional_methods__[str]["matches"] = lambda text, pattern: re.fullmatch(pattern, text) is not None


@dataclass(frozen=True)
class Reply:
    """What SQS answered, as the gateway would pass it to GitHub."""

    status: int
    message_id: str | None
    error: str | None


class _Input:
    """The template's `$input`."""

    def __init__(self, webhook: Webhook) -> None:
        # A payload without binaryMediaTypes is text to the gateway: what is not UTF-8 is replaced, and an empty
        # one is an empty object.
        self.body = _text(webhook.body) or "{}"
        self._headers = webhook.headers

    def params(self, name: str | None = None) -> Any:
        """Without a name all parameters, with one its value; header names by exact case, as AWS has it."""
        if name is None:
            return {"path": {}, "querystring": {}, "header": self._headers}
        return self._headers.get(name, "")


def _text(body: bytes) -> str:
    """As Java decodes UTF-8: a surrogate, which has no place in it, is one U+FFFD there and one per byte in Python."""
    return re.sub(rb"\xed[\xa0-\xbf][\x80-\xbf]?", "\ufffd".encode(), body).decode("utf-8", "replace")


class _Util:
    """The template's `$util`."""

    @staticmethod
    def urlEncode(text: str) -> str:
        """java.net.URLEncoder: as quote_plus, but `*` stays and `~` does not."""
        return urllib.parse.quote_plus(text, safe="*").replace("~", "%7E")


def render(webhook: Webhook) -> str:
    """The form of the SendMessage, to the byte: a stray line end in it would break every signature."""
    return str(_template().merge({"input": _Input(webhook), "util": _Util()}))


@cache
def _template() -> airspeed.Template:
    return airspeed.Template(paths.TEMPLATE.read_text(encoding="utf-8"))


def refusal(form: str) -> str | None:
    """Why SQS would answer 400 to this form, for the cases in which moto does not."""
    fields = dict(urllib.parse.parse_qsl(form, keep_blank_values=True))
    body = fields["MessageBody"]
    if not body:
        return "MissingParameter: the message has no body"
    if re.search(r"[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]", body):
        return "InvalidMessageContents: the body has characters that SQS does not take"
    size = len(body.encode())
    for key, value in fields.items():
        if not key.startswith("MessageAttribute."):
            continue
        if not value:
            name = fields[re.sub(r"Value\.\w+$", "Name", key)]
            return f"InvalidParameterValue: the message attribute {name!r} must not be empty"
        size += len(value.encode())
    if size > MAX_MESSAGE_BYTES:
        return f"InvalidParameterValue: {size} bytes, and a message has at most {MAX_MESSAGE_BYTES}"
    return None


def deliver(webhook: Webhook, queue_url: str) -> Reply:
    """One webhook through the template into the queue."""
    return post(render(webhook), queue_url)


def post(form: str, queue_url: str) -> Reply:
    """A form into the queue, over plain HTTP as the gateway does it."""
    refused = refusal(form)
    if refused is not None:
        return Reply(400, None, refused)
    url = urllib.parse.urlsplit(queue_url)
    scope = f"Credential=test/20260101/{aws.REGION}/sqs/aws4_request"
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        # moto finds the service by the scope and checks no signature.
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
        return Reply(response.status, None, _element(answer, "Message") or answer[:200])
    return Reply(200, _element(answer, "MessageId"), None)


def _element(xml: str, name: str) -> str | None:
    found = re.search(f"<{name}>([^<]*)</{name}>", xml)
    return found.group(1) if found else None
