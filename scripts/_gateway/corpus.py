"""Webhooks for the mapping template: GitHub's own examples, and more difficult ones."""

import json
from collections.abc import Iterator

from _infra.paths import NODE
from _sandbox import github
from _sandbox.account import MAX_MESSAGE_BYTES
from _sandbox.github import Webhook

from . import headers
from .case import Case, Result, changed, compact, post, pull_request, size

EXAMPLES = NODE / "@octokit" / "webhooks-examples"


def cases() -> list[Case]:
    """Returns every case. Names are unique, and so are GUIDs, which are derived from the names."""
    bodies = [*_examples(), *_texts(), *_unusual_json(), *_malformed(), *_sizes()]
    found = [*bodies, *headers.cases()]
    assert len({case.name for case in found}) == len(found)
    return found


def _examples() -> Iterator[Case]:
    """Yields every payload of the package, and every eighth one as a form as well."""
    seen = set()
    for file in sorted(EXAMPLES.glob("*/index.json")):
        for kind in json.loads(file.read_text(encoding="utf-8")):
            for number, payload in enumerate(kind["examples"]):
                body = compact(payload)
                if body in seen:
                    continue
                seen.add(body)
                name = f"example {file.parent.name} {kind['name']} {number}"
                yield Case(name, post(name, body, kind["name"]))
                if len(seen) % 8 == 0:
                    yield Case(f"{name} form", post(f"{name} form", body, kind["name"], form=True))


TEXTS = {
    "plus": "a+b + c ++",
    "ampersand": "a&b&MessageBody=evil&MessageGroupId=x;=y&Action=DeleteQueue",
    "percent": "100% %41 %2B %% %zz %00 %u0041",
    "backslash": "\\ \\\\ \\n \\u0041 C:\\x \\",
    "CRLF": "l1\r\nl2\r\n\r\nl3\r",
    "LF": "\nl1\n\nl2\n",
    "tabs": "\t\ta\t",
    "emoji": "\U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467 "
    "\U0001f3f3\ufe0f\u200d\U0001f308 \U0001f44d\U0001f3fd",
    "beyond the BMP": "\U00010000\U0010fffd \U0001d54f",
    "right to left": "العربية עברית \u202e\u2067rtl\u2069\u202c",
    "scripts": "é ü ß 漢字 かな 한글 ไทย",
    "combining": "e\u0301 A\u030a \u1e9b\u0323 Z\u0351\u036b\u0343",
    "line separators": "a\u2028b\u2029c\u0085d",
    "odd spaces": "\u00a0\u2003\u3000\u200b\ufeff\ufffd",
    "characters that encodings treat differently": "~*-._!'()",
    "quotes": "\"'`<>&lt;&quot;&amp;",
    "controls": "nul \x00 bell \x07 escape \x1b delete \x7f",
    "references": "$input.body ${util} $!{foo} $util.urlEncode('x') \\$input $ $$ $1 ${",
    "directives": "#set($event='push') #foreach($i in [1..9])x#end #if(true) #stop "
    "#include('/etc/passwd') #parse('x')",
    "comments": "## the rest #* block *# #[[ verbatim ]]# ##",
    "paths": "$.repository.id $..* @.length() {{ }} <%= 1 %>",
    "form": "payload=%7B%7D&payload=x&a=b",
    "JSON": '{"a":[1,{"b":null}]}',
}


def _texts() -> Iterator[Case]:
    """Yields each difficult text as raw UTF-8 and as escapes, and both as forms."""
    for text_name, text in TEXTS.items():
        payload = pull_request(text)
        bodies = {"raw": compact(payload), "escaped": json.dumps(payload).encode()}
        for writing, body in bodies.items():
            for form in (False, True):
                name = f"text {text_name} {writing}{' form' if form else ''}"
                yield Case(name, post(name, body, form=form))


def _unusual_json() -> Iterator[Case]:
    """Yields JSON that GitHub does not write, and that parsing and writing would change."""
    usual = compact(pull_request("a text"))
    pretty = json.dumps(pull_request("a text"), indent=2).encode()
    bodies = {
        "pretty": pretty,
        "pretty with CRLF": pretty.replace(b"\n", b"\r\n"),
        "pretty with tabs": json.dumps(pull_request("a text"), indent="\t").encode(),
        "line end behind": usual + b"\n",
        "line ends behind": usual + b"\r\n\r\n\n",
        "spaces around": b"  " + usual + b" \t ",
        "line end before": b"\n" + usual,
        "byte order mark": b"\xef\xbb\xbf" + usual,
        "lone surrogates": usual.replace(b"a text", rb"\ud83d \udc00 \udfff\ud800"),
        "escaped pair in mixed case": usual.replace(b"a text", rb"\uD83d\uDe00 \/ \u002b \u0026"),
        "escaped controls": usual.replace(b"a text", rb"\u0000\u0008\u001f\b\f"),
        "numbers": usual[:-1]
        + b',"a":1.0,"b":1e400,"c":10000000000000000000001,"d":-0,"e":1E+2,"f":0.10}',
        "the same key twice": usual[:-1] + b',"action":"closed","action":"opened"}',
        "a key without a name": usual[:-1] + b',"":1}',
        "deep": usual[:-1] + b',"deep":' + b"[" * 300 + b"]" * 300 + b"}",
        "ids as text": b'{"repository":{"id":"a b&c"},"pull_request":{"number":"7\\n8"}}',
        "ids as objects": b'{"repository":{"id":{"a":1}},"pull_request":{"number":[1]}}',
        "an id beyond 2^53": b'{"repository":{"id":9007199254740993},'
        b'"pull_request":{"number":4000000000}}',
        "empty object": b"{}",
    }
    for what, body in bodies.items():
        name = f"JSON {what}"
        yield Case(name, post(name, body))


def _malformed() -> Iterator[Case]:
    """Yields bodies that the API's validator refuses, and that otherwise must arrive unchanged."""
    whole = compact(pull_request("a text"))
    bodies = {
        "text": b"not json",
        "truncated": whole[: len(whole) // 2],
        "truncated escape": whole[: whole.index(b"a text")] + b"\\u00",
        "array": b"[1,2]",
        "string": b'"x"',
        "null": b"null",
        "number": b"0",
        "two documents": whole + whole,
        "dollar": b"$",
        "hash": b"##",
        "a space": b" ",
        "a line end": b"\n",
        "bare form": b"a=b&c=d",
        "XML": b"<?xml version='1.0'?><a>&amp;</a>",
    }
    for what, body in bodies.items():
        yield Case(f"malformed {what}", post(f"malformed {what}", body))
    forms = {"form without payload": b"a=b", "form with an empty payload": b"payload="}
    for what, form in forms.items():
        signed = post(f"malformed {what}", form)
        yield Case(f"malformed {what}", changed(signed, {"Content-Type": github.FORM}))
    # The gateway reads an empty body as an empty object, and invalid UTF-8 as U+FFFD. The signature
    # does not cover either.
    yield Case("malformed empty", post("malformed empty", b""), Result.INVALID, b"{}")
    # Java writes one U+FFFD for each sequence that cannot continue.
    strays = {
        "Latin-1": (b"\xe9", 1),
        "half a character": (b"\xf0\x9f\x98", 1),
        "a surrogate": (b"\xed\xa0\xbd", 1),
        "no lead byte": (b"\x80\xbf", 2),
        "an overlong slash": (b"\xc0\xaf", 2),
    }
    for what, (stray, count) in strays.items():
        arrives = whole.replace(b"a text", "\ufffd".encode() * count)
        body = whole.replace(b"a text", stray)
        name = f"malformed {what}"
        yield Case(name, post(name, body), Result.INVALID, arrives)
    # Characters that SQS does not accept (API reference, SendMessage).
    characters = {"raw NUL": "\0", "raw escape": "\x1b", "U+FFFE": "\ufffe", "U+FFFF": "\uffff"}
    for what, character in characters.items():
        body = whole.replace(b"a text", character.encode())
        yield Case(f"malformed {what}", post(f"malformed {what}", body), Result.REFUSED)


def _sizes() -> Iterator[Case]:
    """Yields messages around the limit of 1 MiB for body and attributes together."""
    fillers = {
        "ASCII": b"x",
        "spaces": b" ",
        "plus": b"+",
        "emoji": "\U0001f600".encode(),
        "backslashes": rb"\\",
    }
    for what, filler in fillers.items():
        for over in (0, 1):
            name = f"size {what} {'over' if over else 'full'}"
            result = Result.REFUSED if over else Result.VALID
            yield Case(name, _filled(name, filler, MAX_MESSAGE_BYTES + over), result)
    for what, most in {"300 KB": 300_000, "900 KB": 900_000}.items():
        text = "".join(TEXTS.values())
        body = compact(pull_request(text * (most // len(text.encode()))))
        for form in (False, True):
            name = f"size {what}{' form' if form else ''}"
            signed = post(name, body, form=form)
            too_large = size(signed) > MAX_MESSAGE_BYTES
            yield Case(name, signed, Result.REFUSED if too_large else Result.VALID)
    huge = post("size 5 MB", b'"' + b"x" * 5_000_000 + b'"')
    yield Case("size 5 MB", huge, Result.REFUSED)


def _filled(name: str, filler: bytes, wanted: int) -> Webhook:
    """Returns a webhook whose message has exactly `wanted` bytes."""
    empty = size(post(name, b'{"text":""}'))
    whole, rest = divmod(wanted - empty, len(filler))
    signed = post(name, b'{"text":"' + filler * whole + b"." * rest + b'"}')
    assert size(signed) == wanted
    return signed
