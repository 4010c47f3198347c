"""Tests what scripts/release refuses: a tag that disagrees, a broken archive, a large crate."""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import support

from _common import paths
from _common.problem import Problem
from _release import archive, crate
from _release.agreement import EXCEPT, Release, own, with_placeholder

assert support  # it makes the scripts' packages importable

HERE = "https://github.com/acme/branchline"
CHANGELOG = """\
# Changelog

## 1.2.0, 2027-01-31

### Fixed

- Something.

## 1.1.0, 2026-12-01

- Something else.
"""
GOOD = Release("1.2.0", HERE, "1.2.0", CHANGELOG)


class Agreement(unittest.TestCase):
    """A release is refused unless everything that states a version agrees."""

    def problems(self, tag: str = "v1.2.0", **changes: Any) -> list[str]:
        return list(replace(GOOD, **changes).problems(tag, HERE))

    def test_a_release_that_agrees(self) -> None:
        """GitHub does not distinguish upper and lower case in the address."""
        self.assertEqual(self.problems(), [])
        self.assertEqual(self.problems(repository=HERE.replace("acme", "ACME")), [])

    def test_each_disagreement_is_named(self) -> None:
        """The message has what was found, and what to do."""
        undated = CHANGELOG.replace(", 2027-01-31", ", not released yet")
        cases = {
            "the tag is v1.2.1": self.problems("v1.2.1"),
            "the tag is 1.2.0": self.problems("1.2.0"),
            "Cargo.lock has the version 1.1.0": self.problems(lock="1.1.0"),
            "is https://github.com/x/y, but": self.problems(repository="https://github.com/x/y"),
            "instead of OWNER in Cargo.toml, README.md": self.problems(
                placeholders=("Cargo.toml", "README.md")
            ),
            "write the version 1.2.0 in README.md": self.problems(outdated=("README.md",)),
            "no date for 1.2.0": self.problems(changelog=undated),
            "the first section of CHANGELOG.md is none": self.problems(changelog="# Changelog"),
            "CHANGELOG.md says nothing": self.problems(changelog="## 1.2.0, 2027-01-31\n"),
        }
        for text, problems in cases.items():
            with self.subTest(text):
                self.assertEqual(len(problems), 1, problems)
                self.assertIn(text, problems[0])

    def test_another_version_is_first_in_the_changelog(self) -> None:
        """The date of an older section does not count."""
        problems = self.problems("v1.1.0", version="1.1.0", lock="1.1.0")
        self.assertEqual(len(problems), 1, problems)
        self.assertIn("is 1.2.0, and must be 1.1.0", problems[0])

    def test_the_notes_are_one_section(self) -> None:
        """The release at GitHub shows it without its heading."""
        self.assertEqual(GOOD.notes(), "### Fixed\n\n- Something.")
        self.assertEqual(replace(GOOD, version="1.1.0").notes(), "- Something else.")

    def test_this_work_tree(self) -> None:
        """Before the first release, the address and the date are all that is missing."""
        here = Release.read()
        problems = list(here.problems(f"v{here.version}", HERE))
        for problem in problems:
            self.assertRegex(problem, "instead of OWNER|no date|but this is")
        self.assertIn("branchline run", here.notes())


class Repository(unittest.TestCase):
    """A copy of this work tree, as it is before its first release."""

    def setUp(self) -> None:
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory())) / "copy"
        ignore = shutil.ignore_patterns(".git", ".sandbox", "__pycache__", "target", "node_modules")
        shutil.copytree(paths.ROOT, self.root, ignore=ignore)
        # `git grep` searches what is in the index.
        for command in (["init", "--quiet"], ["add", "."]):
            subprocess.run(["git", *command], cwd=self.root, check=True)

    def words(self, pattern: str) -> list[str]:
        command = ["git", "grep", "-nE", pattern, "--", ".", *EXCEPT]
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)
        return done.stdout.splitlines()

    def test_one_command_writes_the_owner_everywhere(self) -> None:
        """What is left is the command itself, and addresses of other people's repositories."""
        before = with_placeholder(self.root)
        self.assertEqual(own("acme", self.root), before)
        self.assertEqual(with_placeholder(self.root), [])
        here = Release.read(self.root)
        problems = list(here.problems(f"v{here.version}", here.repository))
        self.assertEqual([each for each in problems if "no date" not in each], [])
        other = ("repos/OWNER/", "BRANCHLINE_OWNER", "OWNER_", "`OWNER`", "own OWNER", "# OWNER ")
        left = [
            line
            for line in self.words(r"\bOWNER\b")
            if not any(word in line for word in other)
            and not line.startswith(("src/", "CHANGELOG.md"))
        ]
        self.assertEqual(left, [])

    def test_every_file_with_a_version_is_named(self) -> None:
        """After the version was raised in Cargo.toml alone."""
        manifest = self.root / "Cargo.toml"
        text = manifest.read_text()
        manifest.write_text(text.replace(f'version = "{Release.read().version}"', 'version = "9.8.7"', 1))
        outdated = Release.read(self.root).outdated
        wanted = {
            "README.md",
            "docs/HOMES.md",
            "docs/RELEASING.md",
            "infra/INPUTS.md",
            "infra/README.md",
            "infra/kubernetes/deployment.yaml",
            "infra/variables.tf",
            "infra/variables_watch.tf",
        }
        self.assertLessEqual(wanted, set(outdated))
        self.assertEqual(Release.read().outdated, ())


class Archives(unittest.TestCase):
    """An archive is unpacked and used. Its binary here is a script."""

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def made(
        self, changes: Mapping[str, str] = {}, target: str = "x86_64-unknown-linux-gnu"
    ) -> Path:
        """Returns an archive with a stand-in for the binary, after changes of single files."""
        commands = "|".join(archive.COMMANDS)
        stand_in = (
            '#!/bin/sh\ncase "$1" in --version) echo "branchline 1.2.0" ;;\n'
            f'{commands}) echo "Usage: branchline $1" ;;\nesac\n'
        )
        pages = ["branchline", *(f"branchline-{command}" for command in archive.COMMANDS)]
        files = {
            "branchline": stand_in,
            **{name: (paths.ROOT / name).read_text() for name in archive.DOCUMENTS},
            **{f"man/man1/{page}.1": f".TH {page} 1\n" for page in pages},
            **{f"completions/{name}": "# branchline\n" for name in archive.COMPLETIONS.values()},
            **changes,
        }
        name = f"branchline-1.2.0-{target}"
        root = self.folder / name
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        (root / "branchline").chmod(0o755)
        packed = self.folder / f"{name}.tar.gz"
        with tarfile.open(packed, "w:gz") as opened:
            opened.add(root, name)
        digest = hashlib.sha256(packed.read_bytes()).hexdigest()
        (self.folder / "SHA256SUMS").write_text(f"{digest}  {packed.name}\n")
        return packed

    def test_a_good_archive(self) -> None:
        """Everything that holds is reported."""
        reported: list[str] = []
        archive.check(self.made(), "1.2.0", reported.append)
        self.assertEqual(len(reported), 5, reported)

    def refused(self, text: str, packed: Path, version: str = "1.2.0") -> None:
        """Checks that an archive is refused with a text. The first fault ends the check."""
        with self.assertRaisesRegex(Problem, text):
            archive.check(packed, version, lambda _: None)

    def test_a_binary_of_another_version(self) -> None:
        """The message has both versions."""
        self.refused("says 'branchline 1.2.0', and not 'branchline 9.9.9'", self.made(), "9.9.9")

    def test_a_changed_document(self) -> None:
        """A licence must be that of the work tree."""
        self.refused("LICENSE in the archive differs", self.made({"LICENSE": "mine"}))

    def test_a_missing_part(self) -> None:
        """A page or a completion that is empty counts as missing."""
        self.refused("for zsh are missing", self.made({"completions/_branchline": ""}))
        self.refused("-dlq.1 is missing", self.made({"man/man1/branchline-dlq.1": ""}))

    def test_a_changed_archive(self) -> None:
        """It does not have the checksum."""
        packed = self.made()
        packed.write_bytes(packed.read_bytes() + b"\0")
        self.refused("SHA256SUMS does not have", packed)

    def test_a_static_binary_names_no_loader(self) -> None:
        """The Python that runs this test is dynamic. A C program can be linked either way."""
        source = self.folder / "empty.c"
        source.write_text("int main(void) { return 0; }\n")
        for flag, expected in (("-static", False), ("-pie", True)):
            program = self.folder / flag
            subprocess.run(["cc", flag, "-o", program, source], check=True)
            self.assertEqual(archive.has_interpreter(program.read_bytes()), expected, flag)
        with self.assertRaisesRegex(Problem, "not a 64-bit ELF file"):
            archive.has_interpreter(Path(__file__).read_bytes())
        self.refused("not a 64-bit ELF file", self.made(target="x86_64-unknown-linux-musl"))


class Crates(unittest.TestCase):
    """What `cargo publish` uploads."""

    def test_the_crate_has_the_sources_and_nothing_else(self) -> None:
        """Tests, scripts and Terraform would make it four times as large."""
        files = crate.listed()
        self.assertEqual(crate.unexpected(files), [])
        self.assertLessEqual({"Cargo.lock", "LICENSE-MIT", "README.md", "src/main.rs"}, set(files))

    def test_what_does_not_belong_there(self) -> None:
        """The names are compared as a whole."""
        extra = ["tests/it/main.rs", "infra/main.tf", "Cargo.toml.bak", "docs/README.md"]
        self.assertEqual(crate.unexpected([*extra, "src/lib.rs", "LICENSE"]), extra)


class Commands(unittest.TestCase):
    """The command line that the workflow uses."""

    def test_agree_fails_with_one_line(self) -> None:
        """The workflow ends there, before anything is built."""
        done = subprocess.run(
            [sys.executable, paths.SCRIPTS / "release", "agree", "v0.0.0", HERE],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn("release: the tag is v0.0.0", done.stderr)


if __name__ == "__main__":
    unittest.main()
