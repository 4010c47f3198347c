"""Tests the last step of an apply: `branchline check`, with stand-ins for it and the AWS CLI."""

import json
import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from support import applied

from _infra import permissions, terraform
from _infra.permissions import VARIABLES

# Records its arguments and its environment, and ends as the file beside it says.
BRANCHLINE = """#!/bin/sh
folder="$(dirname "$0")"
printf '%s\\n' "$@" >"$folder/arguments"
env >"$folder/environment"
exit "$(cat "$folder/status")"
"""
# Knows one JSON secret and the former version of another one, and takes the others for texts. Like
# version 1 of the AWS CLI, it reads the Region from AWS_DEFAULT_REGION alone.
AWS = """#!/bin/sh
[ -n "${AWS_DEFAULT_REGION:-}" ] || { echo "You must specify a region." >&2; exit 253; }
case "$*" in
*traces-AbCdEf*"--version-stage AWSPREVIOUS") echo "the former headers" ;;
*github-AbCdEf*--version*) exit 254 ;;
*github-AbCdEf*) echo '{"token": "the token", "key": "the key"}' ;;
*) echo "value of $4" ;;
esac
"""
# jq, as far as check.sh needs it.
JQ = """#!/usr/bin/env python3
import json, sys
print(json.load(sys.stdin)[sys.argv[sys.argv.index("--arg") + 2]])
"""


class Check(unittest.TestCase):
    """What the step runs, and what it makes of the result."""

    def setUp(self) -> None:
        """Creates the stand-ins, on a machine that names no Region."""
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)
        for name, text in (("branchline", BRANCHLINE), ("aws", AWS), ("jq", JQ)):
            (self.folder / name).write_text(text)
            (self.folder / name).chmod(0o755)
        path = mock.patch.dict(os.environ, {"PATH": f"{self.folder}:{os.environ['PATH']}"})
        path.start()
        os.environ.pop("AWS_DEFAULT_REGION", None)
        self.addCleanup(path.stop)
        self.runs = terraform.Terraform("check")
        self.addCleanup(self.runs.close)

    def apply(self, status: int) -> None:
        """Applies the module; `branchline check` ends with this status."""
        (self.folder / "status").write_text(str(status))
        (self.folder / "arguments").unlink(missing_ok=True)
        headers = {"OTEL_EXPORTER_OTLP_HEADERS": f"{VARIABLES['secrets']['OTEL_EXPORTER_OTLP_HEADERS']}::AWSPREVIOUS:"}
        self.runs.apply(VARIABLES | {"check_with": "branchline", "secrets": VARIABLES["secrets"] | headers})

    def checked(self) -> bool:
        """Returns whether the step ran."""
        return (self.folder / "arguments").exists()

    def test_what_it_runs(self) -> None:
        """The role, the configuration, and every secret, of which one may be a key of a JSON."""
        self.apply(0)
        self.assertEqual((self.folder / "arguments").read_text().split(), ["check", "--daemon-role", permissions.ROLES["daemon"]])
        text = (self.folder / "environment").read_text()
        for line in (
            "BRANCHLINE_CONFIG=env:BRANCHLINE_TOML",
            f"WEBHOOK_SECRET_0=value of {VARIABLES['webhook_secret_arns'][0]}",
            "GITHUB_TOKEN=the token",
            "GITHUB_APP_KEY=the key",
            "OTEL_EXPORTER_OTLP_HEADERS=the former headers",
        ):
            self.assertIn(f"\n{line}\n", f"\n{text}")
        self.assertIn("[[rule]]", text)
        self.assertNotIn("the token", (self.runs.folder / "terraform.tfstate").read_text())

    def test_a_secret_without_its_key(self) -> None:
        """The apply fails with the name of the key."""
        (self.folder / "status").write_text("0")
        token = {"GITHUB_TOKEN": VARIABLES["secrets"]["GITHUB_TOKEN"].replace(":token:", ":tokens:")}
        with self.assertRaisesRegex(AssertionError, "has no key 'tokens', which GITHUB_TOKEN needs"):
            self.runs.apply(VARIABLES | {"check_with": "branchline", "secrets": VARIABLES["secrets"] | token})
        self.assertFalse(self.checked())

    def test_a_finding_fails_the_apply_until_it_is_corrected(self) -> None:
        """The next apply checks again, and one without a change does not."""
        with self.assertRaisesRegex(AssertionError, "exit status 1"):
            self.apply(1)
        self.apply(0)
        self.assertTrue(self.checked())
        self.apply(0)
        self.assertFalse(self.checked())

    def test_it_is_off_by_default(self) -> None:
        """It needs branchline and the AWS CLI on the machine that applies."""
        self.assertEqual([address for address in applied() if address.startswith("terraform_data.check")], [])
        self.assertNotIn("check_with", json.dumps(VARIABLES))


if __name__ == "__main__":
    unittest.main()
