"""Runs an older branchline and this one in turn on one table, with webhooks between.

It is an upgrade, a rollback and an upgrade again: each version finds what the other one wrote. The
run fails if a message is dead-lettered, if pipelines or mappings are not those that the webhooks
describe, if a commit is built twice or not at all, if a version loses an attribute that it does not
know, or if the audit trail does not verify.
"""

import argparse
import contextlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _common import cargo, paths, terminal
from _common.isolation import environment, isolate
from _common.problem import Problem

from . import account, aws, emulator, github
from .account import SECRET_VARIABLE, Account
from .load import send
from .world import World

FOLDER = paths.SANDBOX / "upgrade"
CONFIGURATION = FOLDER / "branchline.toml"
SECONDS = 120
"""How long one run or command may take. Here, each takes a second or two."""

MARK = "unknown_to_both"
"""An attribute that stands for one of a version after both."""


@dataclass(frozen=True)
class Turn:
    """Webhooks that one of the two versions processes, each as its pull request and its action."""

    version: str
    webhooks: tuple[tuple[int, str], ...]


TURNS = (
    Turn("old", ((1, "opened"), (2, "opened"), (3, "opened"))),
    Turn("new", ((1, "synchronize"), (3, "closed"), (4, "opened"))),
    Turn("old", ((2, "synchronize"), (4, "synchronize"), (3, "reopened"), (5, "opened"))),
    Turn("new", ((1, "synchronize"), (4, "closed"), (5, "synchronize"), (2, "synchronize"))),
    Turn("old", ((5, "closed"), (1, "closed"))),
    Turn("new", ((2, "closed"), (3, "closed"))),
)


class Pulls:
    """The pull requests as GitHub knows them."""

    def __init__(self) -> None:
        self.open: dict[int, int] = {}
        """The number of the head commit of each open one."""
        self._heads: dict[int, int] = {}
        self._seconds = 0

    def webhook(self, number: int, action: str, secret: str) -> github.Webhook:
        """Takes an action, and returns its webhook."""
        self._seconds += 1
        head = self._heads.get(number, 0) + (action in ("opened", "synchronize"))
        self._heads[number] = head
        if action == "closed":
            del self.open[number]
        else:
            self.open[number] = head
        payload: dict[str, Any] = json.loads(
            (paths.FIXTURES / "pull_request.opened.json").read_bytes()
        )
        payload["action"] = action
        payload["number"] = number
        if action == "synchronize":
            payload["before"], payload["after"] = _commit(number, head - 1), _commit(number, head)
        pull = payload["pull_request"]
        pull["number"] = number
        pull["state"] = "closed" if action == "closed" else "open"
        pull["updated_at"] = f"2026-03-02T10:{self._seconds // 60:02}:{self._seconds % 60:02}Z"
        pull["head"]["sha"] = _commit(number, head)
        return github.webhook(json.dumps(payload).encode(), "pull_request", secret)


def _commit(number: int, head: int) -> str:
    return f"{number * 1000 + head:040x}"


def main() -> int:
    """Takes the turns, and prints what is wrong. Returns 1 if something is."""
    parser = argparse.ArgumentParser(prog="scripts/upgrade-test", description=__doc__)
    older = parser.add_mutually_exclusive_group()
    old_help = "an older branchline; without it, the release before this commit is built"
    older.add_argument("old", type=Path, nargs="?", metavar="OLD_BINARY", help=old_help)
    since_help = "build this older commit instead, such as yesterday's, or a tag"
    older.add_argument("--since", metavar="COMMIT", help=since_help)
    parser.add_argument("--new", type=Path, help="this one; it is built if this is left out")
    arguments = parser.parse_args()
    commit = arguments.since or (None if arguments.old else _release())
    if arguments.old is None and commit is None:
        terminal.say("there is no release before this commit to upgrade from: --since names a commit")
        return 0
    old = arguments.old or _built(commit)
    isolate()
    binaries = {"old": old, "new": arguments.new or cargo.branchline(release=False)}
    for binary in binaries.values():
        if not binary.is_file():
            raise Problem(f"{binary} is not a file: give the path of a branchline")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as running:
        running.enter_context(aws.errors_in_one_line())
        moto = running.enter_context(emulator.running(FOLDER / "moto.log"))
        made = account.make(moto.endpoint)
        account.write_configuration(made, CONFIGURATION)
        problems = _Upgrade(made, binaries).run()
    for problem in problems:
        terminal.say(f"wrong: {problem}")
    if not problems:
        terminal.done("both versions keep each other's rows")
    return 1 if problems else 0


def _release() -> str | None:
    """Returns the tag of the last release before this commit, if there is one."""
    return _git("describe", "--tags", "--abbrev=0", "HEAD^") or None


def _built(revision: str) -> Path:
    """Builds an older commit, and returns its branchline."""
    commit = _git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if not commit:
        raise Problem(f"there is no commit '{revision}' in this repository")
    source = FOLDER / commit
    source.mkdir(parents=True, exist_ok=True)
    archive = subprocess.run(
        ["git", "archive", commit], cwd=paths.ROOT, capture_output=True, check=True
    )
    subprocess.run(["tar", "-x"], cwd=source, input=archive.stdout, check=True)
    terminal.say(f"building {revision}, which takes some minutes")
    build = ["cargo", "build", "--locked", "--bin", "branchline", "--target-dir", str(FOLDER)]
    subprocess.run(build, cwd=source, check=True)
    return FOLDER / "debug" / "branchline"


def _git(*arguments: str) -> str:
    """Returns the output of a command of git, or nothing if it fails."""
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


class _Upgrade:
    """One table, two versions, and what each of them writes."""

    def __init__(self, made: Account, binaries: dict[str, Path]) -> None:
        self._made = made
        self._binaries = binaries
        self._world = World(made)
        self._pulls = Pulls()
        self._names: dict[str, set[str]] = {version: set() for version in binaries}
        """The attributes in the rows that a version wrote first."""

    def run(self) -> list[str]:
        """Takes the turns, and returns what is wrong after the first that is not right."""
        for turn in TURNS:
            problems = [*self._turn(turn), *self._differences()]
            heads = ", ".join(f"{number} {action}" for number, action in turn.webhooks)
            terminal.say(f"-> {turn.version}: {heads}")
            if problems:
                return problems
        return [
            f"{version}: {' '.join(command)}: {error}"
            for version in self._binaries
            for command in (["mappings", "list"], ["audit"], ["audit", "--trail"])
            if (error := self._command(version, *command))
        ]

    def _turn(self, turn: Turn) -> list[str]:
        """Lets one version process its webhooks, and returns what it has lost in the rows."""
        before = {row["sk"]: row for row in self._world.mappings()}
        for sk in before:
            self._mark(before[sk]["pk"], sk)
        before = {row["sk"]: row for row in self._world.mappings()}
        for number, action in turn.webhooks:
            send(self._made, [self._pulls.webhook(number, action, self._made.secret)])
            if error := self._command(turn.version, "run", "--until-empty"):
                return [f"{turn.version}: run --until-empty: {error}"]
        after = {row["sk"]: row for row in self._world.mappings()}
        for sk in after.keys() - before.keys():
            self._names[turn.version] |= after[sk].keys()
        other = "new" if turn.version == "old" else "old"
        unknown = self._names[other] - self._names[turn.version]
        return [
            f"{turn.version} lost {name} of {sk}"
            for sk, row in before.items()
            for name in row
            if (name in unknown or MARK in name)
            and name not in after[sk]
            and _has_map(name, after[sk])
        ]

    def _mark(self, pk: str, sk: str) -> None:
        """Adds the attribute to a row and to two of its maps."""
        aws.client("dynamodb", self._made.endpoint).update_item(
            TableName=self._made.table,
            Key={"pk": {"S": pk}, "sk": {"S": sk}},
            UpdateExpression=f"SET {MARK} = :m, desired.{MARK} = :m, resources.{MARK} = :m",
            ExpressionAttributeValues={":m": {"S": "kept"}},
        )

    def _command(self, version: str, *arguments: str) -> str:
        """Runs a command, and returns the end of its messages if it fails."""
        command = [str(self._binaries[version]), *arguments, "--config", str(CONFIGURATION)]
        variables = environment(**{SECRET_VARIABLE: self._made.secret})
        ran = subprocess.run(
            command, env=variables, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        return "" if ran.returncode == 0 else f"exit code {ran.returncode}: {ran.stderr[-600:]}"

    def _differences(self) -> list[str]:
        """Compares queues, mappings and pipelines with the pull requests."""
        wrong = [
            f"{sum(self._world.depth(url))} messages in the queue of {name}"
            for name, url in self._made.queues().items()
            if self._world.depth(url) != (0, 0)
        ]
        wanted = {f"api-pr-{number}": head for number, head in self._pulls.open.items()}
        clones = self._world.clones()
        if sorted(clones) != sorted(wanted):
            wrong.append(f"the clones are {sorted(clones)}, and not {sorted(wanted)}")
        active = [row for row in self._world.mappings() if row["state"] == "active"]
        found = {row["resources.pipeline.name"]: row for row in active}
        if found.keys() != wanted.keys():
            wrong.append(f"active are {sorted(found)}, and not {sorted(wanted)}")
        for row in self._world.mappings():
            if row["state"] not in ("active", "gone"):
                wrong.append(f"{row['sk']} is {row['state']}: {row.get('last_error', '-')}")
        for name, row in found.items():
            number = int(name.rpartition("-")[2])
            head = _commit(number, wanted.get(name, 0))
            if row.get("observed.built") != head:
                wrong.append(f"{name} built {row.get('observed.built')}, and not {head}")
        return wrong


def _has_map(name: str, row: dict[str, str]) -> bool:
    """Returns whether the map of an attribute is still there: with it, its parts may end."""
    path = name.rpartition(".")[0]
    return not path or any(other.startswith(f"{path}.") for other in row)


if __name__ == "__main__":
    sys.exit(main())
