"""Tests scripts/package with a stand-in for the binary: contents, checksum, reproducibility."""

import hashlib
import os
import subprocess
import tarfile
import tempfile
import tomllib
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["version"]
STAND_IN = """#!/bin/sh
case "$1" in
--version) echo "branchline {version}" ;;
man) echo '.TH branchline 1' >"$2/branchline.1" && echo '.TH branchline-run 1' >"$2/branchline-run.1" ;;
completions) echo "for $2" ;;
esac
"""


class Package(unittest.TestCase):
    """The archive, and its checksum."""

    def setUp(self) -> None:
        """Creates a folder for each test."""
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)

    def packed(self, into: str, version: str = VERSION, umask: int = 0o022) -> subprocess.CompletedProcess[str]:
        """Runs scripts/package with a binary that reports this version."""
        binary = self.folder / "stand-in"
        binary.write_text(STAND_IN.format(version=version))
        binary.chmod(0o700)
        return subprocess.run(
            [ROOT / "scripts" / "package", "--binary", binary, "--into", self.folder / into],
            env=os.environ | {"SOURCE_DATE_EPOCH": "1700000000"},
            umask=umask,
            capture_output=True,
            text=True,
            check=False,
        )

    def archive(self, into: str) -> Path:
        """Returns the archive in the folder."""
        (found,) = (self.folder / into).glob("branchline-*.tar.gz")
        return found

    def test_contents_of_the_archive(self) -> None:
        """Its members are sorted, owned by root, of the same time, and readable by all."""
        done = self.packed("here")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.splitlines(), [str(self.archive("here")), str(self.folder / "here" / "SHA256SUMS")])
        name = self.archive("here").name.removesuffix(".tar.gz")
        self.assertTrue(name.startswith(f"branchline-{VERSION}-"), name)
        with tarfile.open(self.archive("here")) as archive:
            members = archive.getmembers()
        self.assertEqual({(each.uid, each.gid, each.mtime) for each in members}, {(0, 0, 1_700_000_000)})
        names = [each.name for each in members]
        self.assertEqual(names, sorted(names))
        files = {each.name.removeprefix(f"{name}/"): each.mode for each in members if each.isfile()}
        plain = [
            *("README.md", "CHANGELOG.md", "LICENSE", "LICENSE-APACHE", "LICENSE-MIT"),
            *("man/man1/branchline.1", "man/man1/branchline-run.1"),
            *("completions/branchline.bash", "completions/_branchline", "completions/branchline.fish"),
        ]
        self.assertEqual(files, dict.fromkeys(plain, 0o644) | {"branchline": 0o755})

    def test_the_checksum(self) -> None:
        """The file has the format of sha256sum --check."""
        self.packed("here")
        line = (self.folder / "here" / "SHA256SUMS").read_text()
        digest = hashlib.sha256(self.archive("here").read_bytes()).hexdigest()
        self.assertEqual(line, f"{digest}  {self.archive('here').name}\n")

    def test_the_archive_is_reproducible(self) -> None:
        """The time and the umask do not change the archive."""
        self.packed("one", umask=0o022)
        self.packed("two", umask=0o077)
        self.assertEqual(self.archive("one").read_bytes(), self.archive("two").read_bytes())

    def test_a_binary_of_another_version(self) -> None:
        """A binary of another version is not packed under this version's name."""
        done = self.packed("here", version="0.0.9")
        self.assertEqual(done.returncode, 1)
        self.assertIn("0.0.9", done.stderr)
        self.assertFalse((self.folder / "here").exists())


if __name__ == "__main__":
    unittest.main()
