"""What GitHub sent, and what branchline gets: the template rendered by Velocity, SQS emulated, branchline itself.

tests/python/ has the template's details, by an imitation of the engine; here are the proof, and the imitation's.
"""

import collections
import dataclasses
import sys
import unittest
import urllib.parse

import support
from support import TEMPLATE, cases, forms, letters

from _infra import engine
from _infra.case import Case, Fate, changed, compact, post, pull_request
from _infra.engine import Question
from _infra.headers import DELIVERY, EVENT, SIGNATURE
from _infra.letters import Letter
from _sandbox import gateway

LEAST = 300
"""Payloads that the corpus must have, GitHub's own among them (issue 6)."""


def tearDownModule() -> None:
    """No emulator is left."""
    support.close()


def fields(form: str) -> dict[str, str]:
    """The form's fields, strictly: one twice, or a stray line end, is an error."""
    pairs = urllib.parse.parse_qsl(form, keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs), form[:300]
    return dict(pairs)


def flaw(case: Case, letter: Letter) -> str | None:
    """What is wrong with what became of a webhook."""
    if case.fate is Fate.REFUSED:
        return None if letter.error else "it was not refused"
    if letter.error:
        return f"it was refused: {letter.error}"
    if letter.body != case.body:
        return f"of {len(case.body)} bytes {len(letter.body)} arrived, or others"
    if letter.attributes != case.attributes:
        return f"it has the attributes {letter.attributes}"
    if letter.verified is not (case.fate is Fate.PROVEN):
        return "branchline takes it for proven" if letter.verified else "branchline does not take it for proven"
    return None


class Corpus(unittest.TestCase):
    """Every webhook meets its fate."""

    def test_what_comes_out_is_what_went_in(self) -> None:
        """To the byte, with GitHub's headers as attributes, proven by branchline exactly where it is GitHub's."""
        for case in cases():
            with self.subTest(case.name):
                self.assertIsNone(flaw(case, letters()[case.name]))
        counts = collections.Counter(case.fate.value for case in cases())
        figures = ", ".join(f"{count} {fate}" for fate, count in sorted(counts.items()))
        print(f"    {len(cases())} webhooks: {figures}", file=sys.stderr)

    def test_there_are_enough_of_them(self) -> None:
        """Of every kind of event, and large ones."""
        examples = [case for case in cases() if case.name.startswith("example ")]
        self.assertGreaterEqual(len({case.webhook.body for case in examples}), LEAST)
        self.assertGreaterEqual(len({case.webhook.event for case in examples}), 50)
        self.assertGreaterEqual(len({case.webhook.body for case in cases()}), LEAST + 100)

    def test_a_refusal_says_why(self) -> None:
        """By AWS's rules as gateway.refusal has them: of the three, moto knows the size, and counts the body alone."""
        signs = {"size ": "at most 1048576", "malformed ": "characters"}
        for case in cases():
            if case.fate is Fate.REFUSED:
                with self.subTest(case.name):
                    sign = next(
                        (sign for kind, sign in signs.items() if case.name.startswith(kind)), "must not be empty"
                    )
                    self.assertRegex(letters()[case.name].error or "", f"^400 .*{sign}")

    def test_a_message_without_a_body_is_refused(self) -> None:
        """No webhook leads there, since an empty one is read as {}."""
        form = forms()["malformed null"].replace("MessageBody=null", "MessageBody=")
        self.assertIn("no body", support.post().send({"none": form})["none"].error or "")


class Forms(unittest.TestCase):
    """What the engine makes of the template."""

    def test_the_fields(self) -> None:
        """These and no others, whatever a header says."""
        for case in cases():
            with self.subTest(case.name):
                found = fields(forms()[case.name])
                self.assertEqual(found.get("MessageGroupId"), case.group)
                wanted = {"Action", "Version", "MessageBody"} | ({"MessageGroupId"} if case.group else set())
                self.assertEqual({key for key in found if not key.startswith("MessageAttribute.")}, wanted)
                self.assertEqual(len(found) - len(wanted), 3 * len(case.attributes))
                self.assertEqual((found["Action"], found["Version"]), ("SendMessage", "2012-11-05"))
                self.assertTrue(forms()[case.name].isascii())

    def test_an_absent_parameter_may_be_null(self) -> None:
        """AWS does not say whether `$input.params(...)` is empty or nothing then: it makes no difference."""
        self.assertEqual(forms(absent="null"), forms())

    def test_the_sandbox_renders_the_same(self) -> None:
        """So the demo, the soak and tests/python, which cannot ask for a JDK, show what AWS would do."""
        different = [case.name for case in cases() if gateway.render(case.webhook) != forms()[case.name]]
        self.assertEqual(different, [])


# What the imitations of the engine do otherwise. None: it cannot be rendered.
QUIRKS = [
    ("a hyphen is part of a name", '#set($a = "1")$a-b ${a}-b', "$a-b 1-b"),
    ("setting to nothing changes nothing", '#set($a = "1")#set($a = $input.path("$.none"))$a', "1"),
    ("a pattern matches the whole", '#set($a = "12a")#if($a.matches("[0-9]+"))yes#{else}no#end', "no"),
    ("a line end is kept", "a\n## gone\nb##\nc\n", "a\nbc\n"),
    ("an unknown reference stands for itself", "$a $!a ${a}", "$a  ${a}"),
    ("a path leads into the payload", "$input.path('$.repository.id')|$!input.path('$.a.b')", "186853002|"),
    ("a payload that is no JSON has no paths", "$input.path('$.a')", None),
]


class Engine(unittest.TestCase):
    """That it is the real one."""

    def test_its_quirks(self) -> None:
        """Some of them the template avoids, others it relies on."""
        usual, broken = post("engine", compact(pull_request("a text"))), post("engine", b"{not json")
        asked = [Question(template, broken if wanted is None else usual) for _, template, wanted in QUIRKS]
        for (what, _, wanted), answer in zip(QUIRKS, engine.render(asked), strict=True):
            with self.subTest(what):
                self.assertEqual(answer.text if answer.rendered else None, wanted)


BODY = compact(pull_request("a+b & c %41 \U0001f600"))
EVIL = {"Content-Type": "a&MessageBody=evil"}
LOWER = {name: None for name in (EVENT, DELIVERY, SIGNATURE)} | {
    name.lower(): post("lower", BODY).headers[name] for name in (EVENT, DELIVERY, SIGNATURE)
}
PROBES = [
    Case("usual", post("usual", BODY)),
    Case("lower", changed(post("lower", BODY), LOWER)),
    Case("evil", changed(post("evil", BODY), EVIL)),
]

# Each: what is wrong, in which place of the template, and which of the probes have to show it.
ALL = {case.name for case in PROBES}
BROKEN = [
    ("nothing", "", "", set()),
    ("a line end behind the body", "($input.body)##\n", "($input.body)\n", ALL),
    ("a body that is not encoded", "$util.urlEncode($input.body)", "$input.body", ALL),
    ("a body that was parsed and written again", "$input.body", "$input.path('$').toString()", ALL),
    ("other spellings of a header are overlooked", "(?i)", "(?i)not-", {"lower"}),
    ("a header that is not encoded", "$util.urlEncode($contentType)", "$contentType", {"evil"}),
    ("an attribute under another name", "Name=X-GitHub-Event", "Name=GitHub-Event", ALL),
]


class Broken(unittest.TestCase):
    """Templates that are wrong in one place each: the same check finds every one, and no other."""

    def test_the_check_can_fail(self) -> None:
        """By the probes that it has to show at, and by no other."""
        asked = {}
        for what, right, wrong, _ in BROKEN:
            self.assertIn(right, TEMPLATE, what)
            template = TEMPLATE.replace(right, wrong)
            asked |= {f"{what}: {case.name}": Question(template, case.webhook) for case in PROBES}
        found = support.post().send(support.render(asked))
        for what, _, _, wanted in BROKEN:
            with self.subTest(what):
                flaws = {case.name: flaw(case, found[f"{what}: {case.name}"]) for case in PROBES}
                self.assertEqual({name for name, said in flaws.items() if said}, wanted, flaws)

    def test_whatever_is_wrong_is_named(self) -> None:
        """From a webhook that came through, changed in one place at a time."""
        case = cases()[0]
        right = letters()[case.name]
        self.assertIsNone(flaw(case, right))
        more = dataclasses.replace(right, body=right.body + b"\n")
        self.assertEqual(flaw(case, more), f"of {len(case.body)} bytes {len(case.body) + 1} arrived, or others")
        self.assertEqual(flaw(case, dataclasses.replace(right, attributes={})), "it has the attributes {}")
        unproven = dataclasses.replace(right, verified=False)
        self.assertEqual(flaw(case, unproven), "branchline does not take it for proven")
        self.assertIsNone(flaw(dataclasses.replace(case, fate=Fate.UNPROVEN), unproven))


if __name__ == "__main__":
    unittest.main()
