"""Tests the mapping template from GitHub to branchline, with Velocity and an emulated SQS.

tests/python/ tests the details of the template with an imitation of the engine. These tests prove
the same with the real engine, and that the imitation agrees with it.
"""

import collections
import dataclasses
import sys
import unittest
import urllib.parse

import support
from support import TEMPLATE, arrivals, cases, forms

from _gateway import engine
from _gateway.arrivals import Arrival
from _gateway.case import Case, Result, changed, compact, post, pull_request
from _gateway.engine import Request
from _gateway.headers import DELIVERY, EVENT, SIGNATURE
from _sandbox import gateway

LEAST = 300
"""The number of GitHub's own payloads that the corpus must have."""


def tearDownModule() -> None:
    """Stops the emulator."""
    support.close()


def fields(form: str) -> dict[str, str]:
    """Parses a form. A repeated field or a stray line end is an error."""
    pairs = urllib.parse.parse_qsl(form, keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs), form[:300]
    return dict(pairs)


def difference(case: Case, arrival: Arrival) -> str | None:
    """Returns how an arrival differs from the result that the case must have."""
    if case.result is Result.REFUSED:
        return None if arrival.error else "it was not refused"
    if arrival.error:
        return f"it was refused: {arrival.error}"
    if arrival.body != case.body:
        return f"of {len(case.body)} bytes {len(arrival.body)} arrived, or others"
    if arrival.attributes != case.attributes:
        return f"it has the attributes {arrival.attributes}"
    if arrival.verified is not (case.result is Result.VALID):
        return f"branchline {'accepts' if arrival.verified else 'rejects'} its signature"
    return None


class Corpus(unittest.TestCase):
    """Every webhook of the corpus has its result."""

    def test_arrivals_equal_what_was_sent(self) -> None:
        """Bodies are unchanged, headers are attributes, and only valid signatures are accepted."""
        for case in cases():
            with self.subTest(case.name):
                self.assertIsNone(difference(case, arrivals()[case.name]))
        counts = collections.Counter(case.result.value for case in cases())
        figures = ", ".join(f"{count} {result}" for result, count in sorted(counts.items()))
        print(f"    {len(cases())} webhooks: {figures}", file=sys.stderr)

    def test_the_corpus_is_large_enough(self) -> None:
        """It has GitHub's payloads of at least 50 events, and at least 100 others."""
        examples = [case for case in cases() if case.name.startswith("example ")]
        self.assertGreaterEqual(len({case.webhook.body for case in examples}), LEAST)
        self.assertGreaterEqual(len({case.webhook.event for case in examples}), 50)
        self.assertGreaterEqual(len({case.webhook.body for case in cases()}), LEAST + 100)

    def test_a_refusal_has_a_reason(self) -> None:
        """The emulator applies the rules of SQS."""
        reasons = {
            "size ": "shorter than 1048576 bytes",
            "malformed signature": "parameter MessageBody",
            "malformed ": "characters",
        }
        for case in cases():
            if case.result is Result.REFUSED:
                with self.subTest(case.name):
                    matching = (
                        text for kind, text in reasons.items() if case.name.startswith(kind)
                    )
                    is_unsigned = not case.attributes[SIGNATURE]
                    unsigned = "parameter MessageBody" if is_unsigned else "must contain a non-empty"
                    reason = next(matching, unsigned)
                    self.assertRegex(arrivals()[case.name].error or "", f"^400 .*{reason}")

    def test_an_unsigned_webhook_is_not_sent_to_sqs(self) -> None:
        """The call that SQS refuses has neither the body nor the signature, so it is small."""
        refused = [
            case
            for case in cases()
            if case.name.startswith("malformed signature") or not case.attributes[SIGNATURE]
        ]
        self.assertGreater(len(refused), 15)
        for case in refused:
            with self.subTest(case.name):
                form = fields(forms()[case.name])
                self.assertEqual(form["MessageBody"], "")
                self.assertEqual(form["MessageAttribute.3.Value.StringValue"], "")
                self.assertLess(len(forms()[case.name]), 1_000)

    def test_a_message_without_a_body_is_refused(self) -> None:
        """No webhook results in one, because the gateway reads an empty body as {}."""
        form = forms()["malformed null"].replace("MessageBody=null", "MessageBody=")
        self.assertIn("MissingParameter", support.queue().send({"none": form})["none"].error or "")


class Forms(unittest.TestCase):
    """The rendered forms."""

    def test_the_fields(self) -> None:
        """A form has these fields and no others, for any value of a header."""
        for case in cases():
            with self.subTest(case.name):
                found = fields(forms()[case.name])
                self.assertEqual(found.get("MessageGroupId"), case.group)
                wanted = {"Action", "Version", "MessageBody"}
                wanted |= {"MessageGroupId"} if case.group else set()
                others = {key for key in found if not key.startswith("MessageAttribute.")}
                self.assertEqual(others, wanted)
                self.assertEqual(len(found) - len(wanted), 3 * len(case.attributes))
                call = (found["Action"], found["Version"])
                self.assertEqual(call, ("SendMessage", "2012-11-05"))
                self.assertTrue(forms()[case.name].isascii())

    def test_an_absent_parameter_may_be_null(self) -> None:
        """An absent `$input.params(...)` can be empty or null. AWS does not document which."""
        self.assertEqual(forms(absent="null"), forms())

    def test_the_sandbox_renders_the_same(self) -> None:
        """The demo, the soak and tests/python have no JDK, and still render what AWS renders."""
        different = [
            case.name for case in cases() if gateway.render(case.webhook) != forms()[case.name]
        ]
        self.assertEqual(different, [])


# Where imitations of the engine differ from it. None means that the engine cannot render it.
QUIRKS = [
    ("a hyphen is part of a name", '#set($a = "1")$a-b ${a}-b', "$a-b 1-b"),
    ("setting to nothing changes nothing", '#set($a = "1")#set($a = $input.path("$.none"))$a', "1"),
    (
        "a pattern matches the whole",
        '#set($a = "12a")#if($a.matches("[0-9]+"))yes#{else}no#end',
        "no",
    ),
    ("a line end is kept", "a\n## gone\nb##\nc\n", "a\nbc\n"),
    ("an unknown reference stands for itself", "$a $!a ${a}", "$a  ${a}"),
    (
        "a path leads into the payload",
        "$input.path('$.repository.id')|$!input.path('$.a.b')",
        "186853002|",
    ),
    ("a payload that is not JSON has no paths", "$input.path('$.a')", None),
]


class Engine(unittest.TestCase):
    """The engine is the real one."""

    def test_its_quirks(self) -> None:
        """The template avoids some of them and relies on others."""
        usual = post("engine", compact(pull_request("a text")))
        broken = post("engine", b"{not json")
        requests = [
            Request(template, broken if wanted is None else usual) for _, template, wanted in QUIRKS
        ]
        for (what, _, wanted), answer in zip(QUIRKS, engine.render(requests), strict=True):
            with self.subTest(what):
                self.assertEqual(answer.text if answer.rendered else None, wanted)


BODY = compact(pull_request("a+b & c %41 \U0001f600"))
EVIL = {"Content-Type": "a&MessageBody=evil"}
UNSIGNED = {SIGNATURE: "sha256=" + "z" * 64}
LOWER = {name: None for name in (EVENT, DELIVERY, SIGNATURE)} | {
    name.lower(): post("lower", BODY).headers[name] for name in (EVENT, DELIVERY, SIGNATURE)
}
PROBES = [
    Case("usual", post("usual", BODY)),
    Case("lower", changed(post("lower", BODY), LOWER)),
    Case("evil", changed(post("evil", BODY), EVIL)),
    Case("unsigned", changed(post("unsigned", BODY), UNSIGNED), Result.REFUSED),
]

# Each broken template: its fault, the text and its replacement, and the probes that must show it.
ALL = {"usual", "lower", "evil"}
SIGNED = "sha256=[0-9a-fA-F]{64}"
BROKEN = [
    ("nothing", "", "", set()),
    ("a line end behind the body", "($body)##\n", "($body)\n", ALL),
    ("a body that is not encoded", "$util.urlEncode($body)", "$body", ALL),
    ("any signature is passed on", SIGNED, ".*", {"unsigned"}),
    ("only signatures in upper case are passed on", SIGNED, "sha256=[0-9A-F]{64}", ALL),
    ("a body that was parsed and written again", "$input.body", "$input.path('$').toString()", ALL),
    ("other spellings of a header are overlooked", "(?i)", "(?i)not-", {"lower"}),
    ("a header that is not encoded", "$util.urlEncode($contentType)", "$contentType", {"evil"}),
    ("an attribute under another name", "Name=X-GitHub-Event", "Name=GitHub-Event", ALL),
]


class Broken(unittest.TestCase):
    """The same comparison finds the fault in templates that have one fault each."""

    def test_the_check_can_fail(self) -> None:
        """Exactly the probes that a fault affects show it."""
        requests = {}
        for what, right, wrong, _ in BROKEN:
            self.assertIn(right, TEMPLATE, what)
            template = TEMPLATE.replace(right, wrong)
            requests |= {f"{what}: {case.name}": Request(template, case.webhook) for case in PROBES}
        found = support.queue().send(support.render(requests))
        for what, _, _, wanted in BROKEN:
            with self.subTest(what):
                faults = {
                    case.name: difference(case, found[f"{what}: {case.name}"]) for case in PROBES
                }
                self.assertEqual({name for name, text in faults.items() if text}, wanted, faults)

    def test_every_difference_is_described(self) -> None:
        """An arrival without a difference is changed in one place at a time."""
        case = cases()[0]
        right = arrivals()[case.name]
        self.assertIsNone(difference(case, right))
        longer = dataclasses.replace(right, body=right.body + b"\n")
        size = len(case.body)
        expected = f"of {size} bytes {size + 1} arrived, or others"
        self.assertEqual(difference(case, longer), expected)
        bare = dataclasses.replace(right, attributes={})
        self.assertEqual(difference(case, bare), "it has the attributes {}")
        invalid = dataclasses.replace(right, verified=False)
        self.assertEqual(difference(case, invalid), "branchline rejects its signature")
        forged = dataclasses.replace(case, result=Result.INVALID)
        self.assertIsNone(difference(forged, invalid))


if __name__ == "__main__":
    unittest.main()
