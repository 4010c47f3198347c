"""Tests the rendered mapping template: SQS must receive the body and the headers from GitHub."""

import json
import unittest
import urllib.parse
from collections.abc import Mapping
from typing import ClassVar

from support import Form, read_form

from _common import paths
from _sandbox import gateway, github
from _sandbox.github import Webhook

SECRET = "It's a secret to the tests"
GUID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"

TEXTS = {
    "plus": "a+b + c ++",
    "ampersand": "a&b&MessageBody=evil&MessageGroupId=x;=y",
    "percent": "100% %41 %2B %% %zz",
    "backslash": "\\ \\\\ \\n \\u0041 C:\\x",
    "line ends and tab": "l1\r\nl2\r\n\r\n\ttab\rcr",
    "emoji": "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f3f3\ufe0f\u200d\U0001f308",
    "scripts": "é ü 漢字 العربية \u202e rtl e\u0301",
    "quotes": "\"'`<>&lt;",
    "template source": "$input.body ${util} #set($x=1) #foreach($i in [1..9])x#end $!{foo} ## c #* *#",
    "characters that encodings treat differently": "~*-._!'()",
    "odd spaces": "\u00a0\u2028\u2029\ufeff\ufffd",
}


def post(
    body: bytes, headers: Mapping[str, str | None] | None = None, *, form: bool = False
) -> Webhook:
    """Returns a signed webhook with headers replaced or added, and without those that are None."""
    signed = github.webhook(body, "pull_request", SECRET, delivery=GUID, form=form)
    merged = {**signed.headers, **(headers or {})}
    kept = {name: value for name, value in merged.items() if value is not None}
    return Webhook(signed.body, kept)


def rendered(webhook: Webhook) -> Form:
    """Renders a webhook and parses the form."""
    return read_form(gateway.render(webhook))


class Bodies(unittest.TestCase):
    """The body arrives unchanged, so its signature is valid."""

    def assert_intact(self, webhook: Webhook) -> None:
        """Checks the bytes of the body, and that its HMAC equals the signature that arrived."""
        form = rendered(webhook)
        self.assertEqual(form.body, webhook.body)
        self.assertEqual(form.attributes["X-Hub-Signature-256"], github.sign(form.body, SECRET))
        self.assertIsNone(form.refusal)

    def test_every_difficult_text_as_json_and_as_a_form(self) -> None:
        """Each text arrives as raw UTF-8, as \\u escapes, and form-encoded."""
        for name, text in TEXTS.items():
            for ascii_only in (False, True):
                body = json.dumps({"text": text}, ensure_ascii=ascii_only).encode()
                for form in (False, True):
                    with self.subTest(name, ascii_only=ascii_only, form=form):
                        self.assert_intact(post(body, form=form))

    def test_bodies_that_are_not_json(self) -> None:
        """The gateway's validator may refuse them, but the template does not."""
        for body in (b"not json", b"[1,2]", b'"x"', b"null", b'{"half": ', b"a=b&c=d", b"$"):
            with self.subTest(body):
                self.assert_intact(post(body))

    def test_white_space_around_the_body(self) -> None:
        """A payload with CRLF arrives, and so do line ends before and after a payload."""
        pretty = json.dumps({"a": [1, {"b": None}]}, indent=2).replace("\n", "\r\n").encode()
        for body in (pretty, pretty + b"\r\n", b"  {} \n\n", b"\n{}"):
            with self.subTest(body):
                self.assert_intact(post(body))

    def test_escapes_and_numbers_stay_as_they_were_written(self) -> None:
        """Nothing parses the body, so lone surrogates and large numbers are plain characters."""
        numbers = b'"b":1.0,"c":1e400,"d":10000000000000000000001}'
        self.assert_intact(post(rb'{"a":"\ud83d \udc00 \/ \u0000",' + numbers))

    def test_a_large_body(self) -> None:
        """A body close to the limit of a message arrives."""
        text = "+é&漢😀 " * 60_000
        self.assert_intact(post(json.dumps({"text": text}, ensure_ascii=False).encode()))

    def test_the_fixtures(self) -> None:
        """The payloads of the demo and of the daemon's own tests arrive."""
        for path in sorted(paths.FIXTURES.glob("*.json")):
            for form in (False, True):
                with self.subTest(path.name, form=form):
                    self.assert_intact(post(path.read_bytes(), form=form))

    def test_a_form_body_holds_the_payload(self) -> None:
        """The signature covers the form, and the payload in it is unchanged."""
        body = json.dumps({"text": "".join(TEXTS.values())}).encode()
        form = rendered(post(body, form=True))
        payload = urllib.parse.parse_qs(form.body.decode())["payload"][0]
        self.assertEqual(payload.encode(), body)
        self.assertEqual(form.attributes["Content-Type"], "application/x-www-form-urlencoded")


class Headers(unittest.TestCase):
    """Four headers become attributes, in any spelling."""

    def test_exactly_these_fields(self) -> None:
        """A form has no other fields: no deduplication id, no delay, no fifth attribute."""
        form = rendered(post(b"{}"))
        self.assertEqual(
            form.attributes,
            {
                "X-GitHub-Event": "pull_request",
                "X-GitHub-Delivery": GUID,
                "X-Hub-Signature-256": github.sign(b"{}", SECRET),
                "Content-Type": "application/json",
            },
        )
        others = {name for name in form.fields if not name.startswith("MessageAttribute.")}
        self.assertEqual(others, {"Action", "Version", "MessageGroupId", "MessageBody"})
        call = (form.fields["Action"], form.fields["Version"])
        self.assertEqual(call, ("SendMessage", "2012-11-05"))

    def test_other_spellings_of_the_names_render_the_same(self) -> None:
        """HTTP/2 has header names in lower case, and some proxies in upper case."""
        usual = post(b'{"a":1}')
        for spell in (str.lower, str.upper, str.title):
            with self.subTest(spell.__name__):
                headers = {spell(name): value for name, value in usual.headers.items()}
                spelt = Webhook(usual.body, headers)
                self.assertEqual(gateway.render(spelt), gateway.render(usual))

    def test_the_exact_spelling_wins_over_another(self) -> None:
        """A second header in another spelling does not replace the first."""
        form = rendered(post(b"{}", {"x-github-event": "push", "X-GITHUB-EVENT": "ping"}))
        self.assertEqual(form.attributes["X-GitHub-Event"], "pull_request")

    def test_a_longer_name_is_another_header(self) -> None:
        """Java's matches() compares the whole name."""
        longer = {"x-github-event-id": "1", "my-x-github-event": "2"}
        form = rendered(post(b"{}", {"X-GitHub-Event": None, **longer}))
        self.assertEqual(form.attributes["X-GitHub-Event"], "")

    def test_values_are_encoded(self) -> None:
        """A value cannot add a field."""
        evil = "push&MessageBody=evil&x=$input.body"
        charset = "application/json; charset=utf-8"
        form = rendered(post(b"{}", {"X-GitHub-Event": evil, "Content-Type": charset}))
        self.assertEqual(form.attributes["X-GitHub-Event"], evil)
        self.assertEqual(form.attributes["Content-Type"], charset)
        self.assertEqual(form.body, b"{}")


class AbsentHeaders(unittest.TestCase):
    """SQS refuses a message without a required header, and accepts one without another."""

    def test_event_delivery_and_signature_are_required(self) -> None:
        """SQS answers 400 to an empty attribute, and the gateway passes that to GitHub."""
        for name in ("X-GitHub-Event", "X-GitHub-Delivery"):
            with self.subTest(name):
                webhook = post(b"{}", {name: None})
                form = rendered(webhook)
                self.assertEqual(form.attributes[name], "")
                self.assertIn(name, form.refusal or "")

    def test_without_a_well_formed_signature_nothing_is_sent(self) -> None:
        """SQS answers 400, and neither the body nor the header reaches it."""
        genuine = github.sign(b"{}", SECRET)
        malformed = (None, "", "x", genuine[7:], genuine[:-1], genuine + "0", genuine + " ", "sha1=" + "0" * 40)
        for signature in malformed:
            with self.subTest(signature):
                form = rendered(post(b"{}", {"X-Hub-Signature-256": signature}))
                self.assertEqual(form.body, b"")
                self.assertEqual(form.attributes["X-Hub-Signature-256"], "")
        self.assertEqual(rendered(post(b"{}", {"X-Hub-Signature-256": genuine.upper().replace("SHA", "sha")})).body, b"{}")

    def test_the_content_type_is_not_required(self) -> None:
        """The template leaves its attribute out, because SQS would refuse an empty one."""
        for absent in (None, ""):
            webhook = post(b"{}", {"Content-Type": absent})
            form = rendered(webhook)
            self.assertNotIn("Content-Type", form.attributes)
            self.assertIsNone(form.refusal)

    def test_the_group_is_digits_or_there_is_none(self) -> None:
        """SQS accepts the group id for every value of the header."""
        for value in ("1", "730001", "9" * 20):
            with self.subTest(value):
                self.assertEqual(group(post(b"{}", {TARGET: value})), value)
        others = (None, "", "9" * 21, "12a", "a12", "-1", "1.0", "1&MessageBody=x", " 1", "٣")
        for value in others:
            with self.subTest(value):
                self.assertIsNone(group(post(b"{}", {TARGET: value})))


TARGET = "X-GitHub-Hook-Installation-Target-ID"


def group(webhook: Webhook) -> str | None:
    """Renders a webhook and returns its message group."""
    return rendered(webhook).fields.get("MessageGroupId")


class Groups(unittest.TestCase):
    """A repository of an organisation or of an App is a group of its own."""

    APP: ClassVar = {TARGET: "99"}

    def test_the_repository_of_the_body_is_the_group(self) -> None:
        """It counts more than the header, which an App has for all its repositories."""
        for path in sorted(paths.FIXTURES.glob("*.json")):
            payload = json.loads(path.read_text())
            body = json.dumps(payload, separators=(",", ":")).encode()
            for form in (False, True):
                with self.subTest(path.name, form=form):
                    found = group(post(body, self.APP, form=form))
                    self.assertEqual(found, str(payload["repository"]["id"]))

    def test_a_body_that_names_no_repository_in_this_way_has_the_group_of_the_header(self) -> None:
        """Text that looks like it, and values that are no number, are no repository."""
        text = json.dumps({"title": '"repository":{"id":7,"a":1}'}, separators=(",", ":"))
        others = (
            b"{}",
            text.encode(),
            b'{"repository":{"id":"7","a":1}}',
            b'{"repository":{"id":7}}',
            b'{"repository":{"node_id":"x","id":7,"a":1}}',
            b'{"repository":{"id":' + b"9" * 21 + b',"a":1}}',
            b'{"repository":{"id":1&MessageBody=x,"a":1}}',
            '{"repository":{"id":٣,"a":1}}'.encode(),
            b'{"repositories":[{"id":7,"a":1}]}',
        )
        for body in others:
            for form in (False, True):
                with self.subTest(body, form=form):
                    self.assertEqual(group(post(body, self.APP, form=form)), "99")

    def test_a_large_body_without_a_repository(self) -> None:
        """The search does not depend on where in the body the repository is."""
        long = b'{"a":"' + b"x" * 900_000 + b'"'
        self.assertEqual(group(post(long + b"}", self.APP)), "99")
        self.assertEqual(group(post(long + b',"repository":{"id":7,"a":1}}', self.APP)), "7")


class TemplateText(unittest.TestCase):
    """Rules that Velocity needs and airspeed does not show."""

    def test_every_line_ends_in_a_comment(self) -> None:
        """A bare line end would be part of the form, and on the last line of the body."""
        lines = paths.TEMPLATE.read_text().splitlines()
        for number, line in enumerate(lines, 1):
            with self.subTest(line=number):
                self.assertTrue(line.startswith("##") or line.endswith("##"), line)

    def test_names_before_a_letter_a_digit_or_a_hyphen_are_braced(self) -> None:
        """Velocity 1.7 reads `$group-p` as one name."""
        for line in paths.TEMPLATE.read_text().splitlines():
            self.assertNotRegex(line, r"\$!?[A-Za-z_]\w*-")

    def test_it_is_ascii(self) -> None:
        """The gateway's console and Terraform's file() accept ASCII."""
        self.assertTrue(paths.TEMPLATE.read_bytes().isascii())


if __name__ == "__main__":
    unittest.main()
