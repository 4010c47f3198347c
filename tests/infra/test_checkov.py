"""Runs checkov on infra/: its findings are those that .checkov.yaml accepts, and no others."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

import support  # noqa: F401  (makes _infra importable)

from _infra.paths import INFRA, ROOT

CHECKOV = Path(sys.executable).with_name("checkov")
CONFIGURATION = INFRA / ".checkov.yaml"

WRONG = """
resource "aws_sqs_queue" "plain" {
  name = "plain"
}

resource "aws_iam_role_policy" "everything" {
  role   = "x"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })
}
"""


def failed(folder: Path) -> set[str]:
    """Returns the IDs of the checks that fail in a folder."""
    command = [CHECKOV, "--directory", folder, "--framework", "terraform", "--skip-download", "--output", "json"]
    # With an API key in the environment, checkov would call its vendor.
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("BC_", "PRISMA_", "CKV_"))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    report: dict[str, Any] = json.loads(done.stdout)
    if report["summary"]["parsing_errors"]:
        raise AssertionError(report["results"]["parsing_errors"])
    return {each["check_id"] for each in report["results"]["failed_checks"]}


class Checkov(unittest.TestCase):
    """The module, its example, and the Dockerfile."""

    def test_findings_are_those_with_a_reason(self) -> None:
        """There is no finding without a reason, and no reason without a finding."""
        reasons = dict(re.findall(r"^  - (CKV2?_AWS_\d+) +# (\S.*)$", CONFIGURATION.read_text(), re.MULTILINE))
        self.assertEqual(len(reasons), CONFIGURATION.read_text().count("- CKV"), "each needs a reason")
        with tempfile.TemporaryDirectory() as folder:
            # A copy without the file, because checkov reads the one in the folder that it scans.
            copy = shutil.copytree(INFRA, Path(folder) / "infra", ignore=shutil.ignore_patterns(CONFIGURATION.name))
            self.assertEqual(failed(copy), set(reasons))

    def test_no_findings_with_the_configuration_file(self) -> None:
        """The command at the top of the file succeeds."""
        command = [CHECKOV, "--directory", INFRA, "--config-file", CONFIGURATION]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_no_findings_in_the_dockerfile(self) -> None:
        """All checks for Dockerfiles pass."""
        command = [CHECKOV, "--file", ROOT / "Dockerfile", "--framework", "dockerfile", "--skip-download", "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("Failed checks: 0", done.stdout)

    def test_checkov_reports_faults(self) -> None:
        """It reports an unencrypted queue, and a role that may do everything."""
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "wrong.tf").write_text(WRONG)
            self.assertLessEqual({"CKV_AWS_27", "CKV_AWS_62", "CKV_AWS_355"}, failed(Path(folder)))


if __name__ == "__main__":
    unittest.main()
