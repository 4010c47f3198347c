"""Runs the steps of a release with stand-ins for what they publish with, in a copy of the files.

Each stand-in records its arguments, and some create the files that the real program creates.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import support

from _common import paths
from _release.agreement import Release

assert support  # it makes the scripts' packages importable

IMAGE = "ghcr.io/acme/branchline"
DIGEST = f"sha256:{'d' * 64}"
PROGRAMS = ("apt-get", "cargo", "cosign", "docker", "gh", "rustup")
STAND_IN = """\
#!/usr/bin/env bash
set -euo pipefail
name="$(basename "$0")"
echo "$name $*" >>"$CALLS"
[[ "$name $*" != *--password-stdin* ]] || cat >>"$PASSWORDS"
while [[ $# -gt 0 ]]; do
    case "$1" in
    --metadata-file) echo '{"containerimage.digest": "DIGEST"}' >"$2" ;;
    --bundle) echo signed >"$2" ;;
    --override-filename) echo '{"bomFormat": "CycloneDX"}' >"$2.json" ;;
    esac
    shift
done
""".replace("DIGEST", DIGEST)


class Steps(unittest.TestCase):
    """The steps of a release, one after the other."""

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.root = self.folder / "repository"
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(paths.SCRIPTS, self.root / "scripts", ignore=ignore)
        for name in ("Cargo.toml", "Cargo.lock", "CHANGELOG.md"):
            shutil.copy(paths.ROOT / name, self.root)
        self.version = Release.read().version
        self.date("2027-01-31")
        self.own("acme")
        self.git("init", "--quiet")
        self.git("add", ".")
        self.git("-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "--quiet", "-mx")
        programs = self.folder / "bin"
        programs.mkdir()
        for name in PROGRAMS:
            (programs / name).write_text(STAND_IN)
            (programs / name).chmod(0o755)
        self.variables = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "CALLS": str(self.folder / "calls"),
            "PASSWORDS": str(self.folder / "passwords"),
            "GITHUB_ACTOR": "ada",
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "GITHUB_REF_NAME": f"v{self.version}",
            "GITHUB_REPOSITORY": "Acme/branchline",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_SHA": "c" * 40,
            "TOKEN": "a-token",
            "DIGEST": DIGEST,
        }

    def git(self, *arguments: str) -> None:
        """Runs git in the copy."""
        subprocess.run(["git", *arguments], cwd=self.root, check=True)

    def date(self, date: str) -> None:
        """Gives the version a date, as for a release."""
        file = self.root / "CHANGELOG.md"
        lines = file.read_text().splitlines(keepends=True)
        number = next(n for n, line in enumerate(lines) if line.startswith(f"## {self.version}"))
        lines[number] = f"## {self.version}, {date}\n"
        file.write_text("".join(lines))

    def own(self, owner: str) -> None:
        """Replaces the placeholder of the owner."""
        file = self.root / "Cargo.toml"
        file.write_text(file.read_text().replace("/OWNER/", f"/{owner}/"))

    def ci(self, recipe: str, *, status: int = 0) -> str:
        """Runs a step, and returns what it printed."""
        done = subprocess.run(
            ["scripts/ci", recipe],
            cwd=self.root,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, status, done.stdout)
        return done.stdout

    def calls(self, program: str) -> list[str]:
        """Returns the calls of a program up to now."""
        file = self.folder / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line for line in lines if line.startswith(f"{program} ")]

    def file(self, name: str, content: str = "x") -> None:
        """Writes a file of the release, as an earlier job did."""
        file = self.root / "dist" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(content)

    def test_a_tag_that_disagrees_ends_the_release(self) -> None:
        """Nothing was called by then."""
        self.ci("agree")
        self.variables["GITHUB_REF_NAME"] = "v9.9.9"
        self.assertIn("the tag is v9.9.9", self.ci("agree", status=1))
        self.assertEqual(self.calls("docker"), [])

    def test_the_image_is_pushed_by_digest(self) -> None:
        """For both architectures, without a tag, and the digest is an output of the job."""
        self.ci("push")
        (build,) = (call for call in self.calls("docker") if "buildx build" in call)
        self.assertIn("--platform linux/amd64,linux/arm64", build)
        self.assertIn(f"type=image,name={IMAGE},push-by-digest=true", build)
        self.assertIn("--provenance mode=max --sbom true", build)
        self.assertNotIn("--tag", build)
        self.assertIn("image.source=https://github.com/Acme/branchline", build)
        output = (self.folder / "output").read_text().splitlines()
        self.assertEqual(output, [f"image={IMAGE}", f"digest={DIGEST}"])
        self.check_that_the_token_is_hidden()

    def test_the_list_of_dependencies(self) -> None:
        """It is a file of the release, with the time of the commit."""
        self.ci("sbom")
        found = json.loads((self.root / "dist" / "branchline.cdx.json").read_text())
        self.assertEqual(found["bomFormat"], "CycloneDX")

    def test_checksums_signatures_and_the_release(self) -> None:
        """The checksums cover every file, and the tag is given last."""
        archives = [f"branchline-{self.version}-{target}.tar.gz" for target in ("x", "y")]
        for name in (*archives, "branchline.cdx.json"):
            self.file(name, name)
        self.file("SHA256SUMS", "those of one job")
        self.ci("sums")
        sums = (self.root / "dist" / "SHA256SUMS").read_text().splitlines()
        names = [*archives, "branchline.cdx.json"]
        digests = [hashlib.sha256(name.encode()).hexdigest() for name in names]
        expected = [f"{digest}  {name}" for digest, name in zip(digests, names, strict=True)]
        self.assertEqual(sums, expected)

        self.ci("sign")
        self.assertEqual(
            self.calls("cosign"),
            [
                "cosign sign-blob --yes --bundle dist/SHA256SUMS.sigstore.json dist/SHA256SUMS",
                f"cosign sign --yes {IMAGE}@{DIGEST}",
            ],
        )
        self.assertFalse(any("imagetools" in call for call in self.calls("docker")))

        self.ci("publish")
        tag = f"docker buildx imagetools create --tag {IMAGE}:{self.version} {IMAGE}@{DIGEST}"
        self.assertIn(tag, self.calls("docker"))
        created, published = self.calls("gh")
        self.assertIn(f"release create v{self.version} --draft --verify-tag", created)
        for name in (*names, "SHA256SUMS", "SHA256SUMS.sigstore.json"):
            self.assertIn(f"dist/{name}", created)
        self.assertEqual(published, f"gh release edit v{self.version} --draft=false")
        notes = (self.root / "notes.md").read_text()
        self.assertIn(f"{IMAGE}@{DIGEST}", notes)
        self.assertIn("### ", notes)
        self.check_that_the_token_is_hidden()

    def test_a_changed_file_is_not_published(self) -> None:
        """The files went through a store of artifacts after they were signed."""
        self.file("branchline-1.tar.gz")
        self.ci("sums")
        self.file("branchline-1.tar.gz", "another")
        self.assertIn("FAILED", self.ci("publish", status=1))
        self.assertEqual(self.calls("gh"), [])

    def test_the_crate(self) -> None:
        """It is built before anything is published, and once more before it is uploaded."""
        self.ci("dryrun")
        self.ci("crate")
        expected = ["cargo publish --locked --dry-run", "cargo publish --locked"]
        self.assertEqual(self.calls("cargo"), expected)

    def check_that_the_token_is_hidden(self) -> None:
        """A program gets it on standard input, and never as an argument, which others can see."""
        self.assertNotIn("a-token", (self.folder / "calls").read_text())
        self.assertIn("a-token", (self.folder / "passwords").read_text())


if __name__ == "__main__":
    unittest.main()
