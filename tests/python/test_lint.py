"""Tests the project's own linters: line width of prose, and banned words."""

import unittest

import support

from _lint import prose, words

assert support  # it makes the scripts' packages importable

LONG = "word " * 25
"""125 columns, which could be broken."""

NARROW = "word " * 15


def numbers(path: str, text: str) -> list[int]:
    """Returns the numbers of the lines that are too wide."""
    return [int(complaint.split(":")[1]) for complaint in prose.check(path, text)]


class Prose(unittest.TestCase):
    """Prose has at most 100 columns. Code and unbreakable lines can have more."""

    def test_the_limit(self) -> None:
        """A line of 100 columns is accepted, and a line of 101 is not."""
        line = "a " * 49 + "bc"
        self.assertEqual(len(line), 100)
        self.assertEqual(prose.check("a.md", line), [])
        complaint = "a.md:1: 101 columns, but prose has at most 100"
        self.assertEqual(prose.check("a.md", line + "d"), [complaint])

    def test_markdown(self) -> None:
        """Code, tables, a link alone and a link definition are not checked."""
        link = f"[{'text ' * 10}](https://example.com/{'x' * 80})"
        accepted = [
            f"```sh\n{LONG}\n```",
            f"~~~\n{LONG}\n~~~",
            f"text\n\n    {LONG}\n",
            f"| {LONG} |",
            f"- {link}",
            f"{link}.",
            f"[name]: https://example.com/{'x' * 100}",
            "x" * 120,
        ]
        for text in accepted:
            with self.subTest(text):
                self.assertEqual(numbers("a.md", text), [])
        refused = {
            LONG: [1],
            f"# {LONG}": [1],
            f"- {LONG}": [1],
            f"- item\n\n    - {LONG}": [3],
            f"{link} and more": [1],
            f"```\ncode\n```\n{LONG}": [4],
            f"{NARROW}\n    {LONG}": [2],
        }
        for text, lines in refused.items():
            with self.subTest(text):
                self.assertEqual(numbers("a.md", text), lines)

    def test_rust(self) -> None:
        """Comments are checked, except for code in them. Code is left to rustfmt."""
        text = (
            f"//! {LONG}\n/// ```\n/// {LONG}\n/// ```\n/// | {LONG} |\n    // {LONG}\nlet {LONG}"
        )
        self.assertEqual(numbers("a.rs", text), [1, 6])

    def test_python(self) -> None:
        """Docstrings and comments are checked, and strings are not."""
        lines = [
            f'"""{LONG}"""',
            f"# {LONG}",
            f'a = "{LONG}"',
            "def f():",
            f'    """Short.\n\n    {LONG}\n    """',
            f'b = """\n# {LONG}\n"""',
        ]
        self.assertEqual(numbers("a.py", "\n".join(lines)), [1, 2, 7])
        self.assertEqual(numbers("scripts/a", f"#!/usr/bin/env python3\n# {LONG}"), [2])

    def test_other_files(self) -> None:
        """Comments are checked by the kind of file. JSON has none."""
        for path in ("a.tf", "a.hcl", "a.toml", "a.yml", "a.txt", "Dockerfile", "scripts/a"):
            self.assertEqual(numbers(path, f'a = "{LONG}"\n# {LONG}'), [2], path)
        self.assertEqual(numbers("a.java", f"/**\n * {LONG}\n */\n// {LONG}"), [2, 4])
        self.assertEqual(numbers("a.json", LONG), [])

    def test_the_files_exist(self) -> None:
        """A pattern that matches nothing would check nothing."""
        for pattern in prose.FILES:
            self.assertTrue(list(words.files.matching([pattern])), pattern)


# A use of each banned word, and what the complaint must name.
USES = {
    "the room": "room",
    '"branchline-room"': "room",
    "walk_ms": "walk",
    "a WalkResult": "Walk",
    "BURY_LIMIT": "BURY",
    "is_buried": "buried",
    "branchline_burials_total": "burials",
    "Grave::DeadLetters": "Grave",
    "the verdict": "verdict",
    "a flaw": "flaw",
    "Mend it": "Mend",
    "two letters": "letters",
    "letters.jsonl": "letters",
    "ExportedLetter": "Letter",
    '"recalled"': "recalled",
    "left-alone": "left-alone",
    "body-not-githubs": "body-not-githubs",
    "Reason::BodyNotGitHubs": "BodyNotGitHubs",
    "rule-unfit": "rule-unfit",
    "value-unfit": "value-unfit",
    "cannot_be_told": "cannot_be_told",
    "fresh_event": "fresh_event",
    '("place", None)': '"place"',
    "free places": "places",
    "src/line/plan.rs": "src/line",
    "crate::line::Plan": "crate::line",
    "src/main/dlq": "src/main/",
    "Heed::Act": "Heed",
    "an Errand": "Errand",
    "a Farewell": "Farewell",
    "Aim::One": "Aim",
    "const AGAIN: usize": "AGAIN",
    "let told = 1;": "told",
    "Whoever reads": "Whoever",
    "for somebody": "somebody",
    "it is no name": "is no",
    "for ever": "for ever",
    "be it the same": "be it",
    "none of our business": "none of our business",
    "an event of GitHub's": "of GitHub's",
    "no body of AWS's is": "of AWS's",
    "as GitHub says": "GitHub says",
    "SQS hands it out": "SQS hands",
}

SPARED = (
    "a dead letter",
    "DeadLetter, DEAD_LETTER_URL and dead_letter_url",
    "deadLetterTargetArn",
    "dead-letter queue",
    "letters, digits and hyphens",
    "lower-case letters",
    "there is no template",
    "it is no longer there",
    "headroom, broom and Roommate",
    "sidewalk",
    "recommend and amend",
    "src/main.rs",
    "the pipeline, a line, and src/lines",
    "in place of it",
    "GitHub's page",
    "the later of GitHub's own times",
    "Dead letters and [Dead-letter queue]",
    "separate from the dead-letter queue",
    "in two places",
    "a-z and hyphen, and start with a letter",
    "forever",
)


class Words(unittest.TestCase):
    """Banned words are found, and words that contain them are not."""

    def test_every_use_is_found(self) -> None:
        """The complaint has the path, the line, the word and its replacement."""
        for use, word in USES.items():
            with self.subTest(use):
                found = words.check("src/a.rs", f"\n// {use}\n")
                self.assertTrue(found)
                self.assertRegex(found[0], rf"^src/a\.rs:2: {word} -> \S")

    def test_every_entry_has_a_use(self) -> None:
        """Each pattern of the list matches one of the examples, or is an alternative name."""
        names = [each for each in words.BANNED if each.pattern.pattern.startswith(r"\b(?:")]
        for banned in words.BANNED:
            if banned not in names:
                matches = any(banned.pattern.search(use) for use in (*USES, *OTHERS))
                self.assertTrue(matches, banned.pattern.pattern)

    def test_other_words_are_spared(self) -> None:
        """Standard terms and longer words may contain a banned one."""
        for use in SPARED:
            with self.subTest(use):
                self.assertEqual(words.check("src/a.rs", f"// {use}\n"), [])

    def test_a_term_may_be_broken_between_lines(self) -> None:
        """A comment can end with "dead", and the next line begin with "letter"."""
        self.assertEqual(words.check("src/a.rs", "    /// a dead\n    /// letter\n"), [])
        self.assertEqual(len(words.check("src/a.rs", "    /// a\n    /// letter\n")), 1)

    def test_the_terminology_may_name_them(self) -> None:
        """Only that section of CONTRIBUTING.md may."""
        text = "## Terminology\n\n* not a letter\n\n## Others\n\na letter\n"
        found = words.check("CONTRIBUTING.md", text)
        self.assertEqual([complaint.split()[0] for complaint in found], ["CONTRIBUTING.md:7:"])
        self.assertEqual(len(words.check("README.md", text)), 2)

    def test_the_exceptions_are_few_and_have_reasons(self) -> None:
        """Each exception weakens the test."""
        self.assertLessEqual(len(words.EXEMPT), 10)
        for exempt in words.EXEMPT:
            self.assertTrue(exempt.reason)


OTHERS = ("fresh_arrival", "fresh_kind", "lest it", "raised from the dead")


if __name__ == "__main__":
    unittest.main()
