"""The commands of scripts/release. Exit codes: 0 done, 1 failed, 2 wrong usage."""

import argparse
import re
import subprocess
import tempfile
from pathlib import Path

from _common import cargo, paths, terminal
from _common.problem import Problem

from . import agreement, archive, crate
from .agreement import Release


def main() -> int:
    """Reads the command line and runs the command."""
    arguments = _parser().parse_args()
    return int(arguments.run(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/release",
        description="Checks a release. It publishes nothing: the release workflow does.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    agree_help = "check that a tag agrees with Cargo.toml, Cargo.lock and CHANGELOG.md"
    agree = commands.add_parser("agree", help=agree_help)
    agree.add_argument("tag", metavar="TAG", help="such as v0.1.0")
    agree.add_argument("repository", metavar="URL", help="the repository that has the tag")
    agree.set_defaults(run=_agree)

    own_help = "write the owner of the repository into every file that needs it"
    owner = commands.add_parser("own", help=own_help)
    owner.add_argument("owner", metavar="OWNER", help="the organisation or person at GitHub")
    owner.set_defaults(run=_own)

    notes = commands.add_parser("notes", help="print what CHANGELOG.md says about this version")
    notes.set_defaults(run=_notes)

    try_help = "unpack an archive of scripts/package, and use what is in it"
    trial = commands.add_parser("try", help=try_help)
    trial.add_argument("archives", nargs="+", type=Path, metavar="ARCHIVE")
    trial.set_defaults(run=_try)

    rehearse_help = "pack twice, compare, try the archive, and list the crate"
    rehearse = commands.add_parser("rehearse", help=rehearse_help)
    binary_help = "use this branchline and build nothing"
    rehearse.add_argument("--binary", type=Path, metavar="FILE", help=binary_help)
    rehearse.set_defaults(run=_rehearse)
    return parser


def _agree(arguments: argparse.Namespace) -> int:
    problems = list(Release.read().problems(arguments.tag, arguments.repository))
    if problems:
        raise Problem("; ".join(problems))
    terminal.done(f"{arguments.tag} agrees with Cargo.toml, Cargo.lock and CHANGELOG.md")
    return 0


def _own(arguments: argparse.Namespace) -> int:
    if not re.fullmatch(r"[A-Za-z0-9](-?[A-Za-z0-9])*", arguments.owner):
        raise Problem(f"'{arguments.owner}' is not the name of an owner at GitHub", 2)
    files = agreement.own(arguments.owner)
    for name in files:
        terminal.done(f"wrote {arguments.owner} into {name}")
    if not files:
        terminal.say("no file has the placeholder any more")
    return 0


def _notes(_arguments: argparse.Namespace) -> int:
    print(Release.read().notes())
    return 0


def _try(arguments: argparse.Namespace) -> int:
    version = Release.read().version
    for each in arguments.archives:
        archive.check(each.resolve(), version, terminal.done)
    return 0


def _rehearse(arguments: argparse.Namespace) -> int:
    binary = arguments.binary or cargo.branchline(release=True)
    with tempfile.TemporaryDirectory() as scratch:
        first, second = (_pack(binary, Path(scratch) / name) for name in ("first", "second"))
        if first.read_bytes() != second.read_bytes():
            raise Problem(f"{first.name} was packed twice from one binary, and differs")
        terminal.done("the same binary results in the same archive")
        archive.check(first, Release.read().version, terminal.done)
    terminal.done(f"the crate has {crate.pack()} KB (limit {crate.MAX_KILOBYTES})")
    return 0


def _pack(binary: Path, into: Path) -> Path:
    command = [str(paths.SCRIPTS / "package"), "--binary", str(binary), "--into", str(into)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Problem(f"scripts/package failed: {done.stderr.strip()}")
    return Path(done.stdout.splitlines()[0])
