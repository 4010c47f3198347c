"""Finds words that the project does not use, and prints what to write instead.

The list has three parts: words that were published once, names of the code, and English that a
native engineer stumbles over. CONTRIBUTING.md has the terminology for people.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch

from . import files

FILES = (
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs/**",
    "infra/**",
    "scripts/**",
    "src/**",
    "tests/**/help*.snap",
    ".ci/**",
    ".github/**",
    "Cargo.toml",
    "Dockerfile",
    "deny.toml",
)


@dataclass(frozen=True)
class Banned:
    """A regular expression, and what to write instead of its matches."""

    pattern: re.Pattern[str]
    instead: str


def word(words: str, instead: str, *, unless: str = "") -> Banned:
    """Bans whole words, also as parts of an identifier: `walk` in `walk_ms` and `WalkResult`.

    `unless` is a look-around before the word that spares some uses.
    """
    small = "|".join(words.split())
    capital = "|".join(each.capitalize() for each in words.split())
    upper = small.upper()
    start = rf"(?:(?<![A-Za-z])(?:{small}|{capital})|(?<=[a-z0-9])(?:{capital}))(?![a-z])"
    return Banned(re.compile(rf"{unless}(?:{start}|(?<![A-Za-z])(?:{upper})(?![A-Za-z]))"), instead)


def text(pattern: str, instead: str) -> Banned:
    """Bans a regular expression in any case."""
    return Banned(re.compile(pattern, re.IGNORECASE), instead)


def name(names: str, instead: str) -> Banned:
    """Bans whole identifiers in exactly this case."""
    return Banned(re.compile(rf"\b(?:{'|'.join(names.split())})\b"), instead)


_SERVICES = "(?:GitHub|AWS|SQS|DynamoDB|CodePipeline|API Gateway|Terraform|moto)"

# "an event of GitHub's" ends here, and "the size of GitHub's payloads" does not.
_NO_NOUN = r"[.,;:)]| (?:and|or|is|are|was|that|which|in|on|to|with|without|at|for|as|it)\b|$"

_NOT_AFTER_A_NUMBER = "".join(
    f"(?<!{number} )" for number in ("two", "three", "four", "five", "six", "other")
)

BANNED = (
    # Published once: attributes, flags, metrics, JSON keys, reasons, outcomes.
    word("room rooms", "step"),
    word("walk walks walked walking walker", "processing, process"),
    word("bury buries buried burial burials", "dead-letter (verb), dead-lettered"),
    word("grave graves", "failure queue, dead-letter queue"),
    word("verdict verdicts", "disposition"),
    word("flaw flaws", "finding, finding kind"),
    word("mend mends mended mending", "fix, repair"),
    word(
        "letter letters", "dead letter, message", unless=r"(?<![Dd]ead[ _-])(?<![Dd]ead)(?<!DEAD_)"
    ),
    word("recalled", "already-processed"),
    text(r"\bleft-alone\b", "skipped-foreign"),
    text(r"\bbody-not-githubs\b|\bBodyNotGithubs\b", "invalid-payload"),
    text(r"\brule-unfit\b|\bRuleUnfit\b", "rule-template-mismatch"),
    text(r"\bvalue-unfit\b|\bValueUnfit\b", "invalid-value"),
    text(r"\bcannot_be_told\b", "prediction_error"),
    text(r"\bfresh_event\b", "event_time"),
    text(r"\bfresh_arrival\b", "received_at"),
    text(r"\bfresh_kind\b", "event_kind"),
    Banned(re.compile(r'"(?:place|places|counted)"'), "the attribute slots"),
    word("places", "slots, locations", unless=_NOT_AFTER_A_NUMBER),
    # Names of the code.
    text(r"\b(?:src|crate|branchline|super|tests)(?:/|::)line\b|\bstraight line\b", "domain"),
    text(r"\bsrc/(?:main/|(?:operate|observe|measures|traces)\b)", "the folder's new name"),
    word("heed heeds heeded", "decide, decision, handle"),
    word("errand errands", "action context"),
    word("farewell farewells", "repository end"),
    name("Aim", "Request"),
    name("Leave", "RepositoryRemoval, TransferMode"),
    name("Moment", "EventOrder"),
    name("Desk", "DlqSession"),
    name("Halt", "Interrupt"),
    name("Deed", "OperatorAction"),
    name("Tally", "TransferReport"),
    name("Survey", "ReplayPreview"),
    name("Teller", "ShutdownHandle"),
    name("Breaker", "CircuitBreaker"),
    name("Heard", "BackendSignal"),
    name("Patience Curve", "Backoff"),
    name("Sight", "AccountReader"),
    name("Surroundings", "Environment"),
    name("Audited", "AuditEntry"),
    name("BEAT YOUNG AGAIN LINGER TOUCH ECHO BREATH", "a name for what the number bounds"),
    # English.
    word("told", "reported, configured, notified, or error and message as names"),
    word("whoever", "anyone who, the user, the caller"),
    word("somebody", "someone, a person, another process"),
    text(r"(?<!there )\bis no (?!longer\b|more\b|less\b)", "is not, has no"),
    text(r"\bfor ever\b", "forever, indefinitely"),
    text(r"\bbe it\b", "whether, such as"),
    text(r"\bnone of our business\b", "not covered by any rule"),
    text(rf"\bof {_SERVICES}'s(?={_NO_NOUN})", "from GitHub, or GitHub's before the noun"),
    text(r"\blest\b", "so that ... not"),
    text(rf"\b{_SERVICES} (?:says|said|tells|told|speaks|hands|wants|asks)\b", "sends, returns"),
    text(r"\bfrom the dead\b(?!-)", "does not recreate"),
)


@dataclass(frozen=True)
class Exempt:
    """A use of a banned word that is right: in these files, on lines that match, with a reason."""

    file: str
    line: str
    reason: str


_ALPHABET = "letters of the alphabet"

EXEMPT = (
    Exempt("scripts/_lint/words.py", "", "the list itself"),
    Exempt("scripts/_lint/*.py", r"\bast\.walk\b", "a name of Python"),
    Exempt("*", r"(?i)\bletters?(?:,| and| or).*\b(?:digit|hyphen)", _ALPHABET),
    Exempt("*", r"(?i)\b(?:digit|hyphen)s?\b.* letter", _ALPHABET),
    Exempt("*", r"(?i)\b(?:capital|small|case|first|ASCII) letters?\b", _ALPHABET),
)

SECTION = ("CONTRIBUTING.md", "Terminology")
"""The section of a file that names banned words, because it defines what to write instead."""


def check(path: str, content: str) -> list[str]:
    """Returns a complaint for each banned word in a file."""
    exempt = [each.line for each in EXEMPT if fnmatch(path, each.file)]
    found = []
    for number, line, before in _lines(path, content):
        if any(re.search(pattern, line) for pattern in exempt):
            continue
        # A look-around such as `dead ` may have to match the last word of the line before.
        whole = f"{before} {line}"
        for banned in BANNED:
            for match in banned.pattern.finditer(whole):
                if match.end() > len(before) + 1:
                    found.append(f"{path}:{number}: {match[0].strip()} -> {banned.instead}")
    return found


def _lines(path: str, content: str) -> Iterator[tuple[int, str, str]]:
    """Yields number and text of each line without its comment marker, and the word before it."""
    before = ""
    heading = ""
    for number, line in enumerate(content.splitlines(), 1):
        if path.endswith(".md") and line.startswith("#"):
            heading = line.strip("# ")
        stripped = re.sub(r"^\s*(?://[/!]?|#+|[*>-])?\s*", "", line)
        if (path, heading) != SECTION:
            yield number, stripped, before
        before = (stripped.split() or [""])[-1]


def main() -> int:
    """Checks every file. Returns 1 if a banned word is in one."""
    found = [complaint for file in files.matching(FILES) for complaint in check(*file)]
    for complaint in found:
        print(complaint, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
