"""checkov on infra/: it finds what .checkov.yaml gives a reason for, and nothing else."""

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
    """The ids of the checks that fail in a folder."""
    command = [CHECKOV, "--directory", folder, "--framework", "terraform", "--skip-download", "--output", "json"]
    # A person's key would make it talk to its maker.
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("BC_", "PRISMA_", "CKV_"))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    report: dict[str, Any] = json.loads(done.stdout)
    if report["summary"]["parsing_errors"]:
        raise AssertionError(report["results"]["parsing_errors"])
    return {each["check_id"] for each in report["results"]["failed_checks"]}


class Checkov(unittest.TestCase):
    """The module and its example."""

    def test_it_finds_what_has_a_reason_and_nothing_else(self) -> None:
        """Both ways: a finding without a reason, and a reason without a finding."""
        reasons = dict(re.findall(r"^  - (CKV2?_AWS_\d+) +# (\S.*)$", CONFIGURATION.read_text(), re.MULTILINE))
        self.assertEqual(len(reasons), CONFIGURATION.read_text().count("- CKV"), "each with its reason")
        with tempfile.TemporaryDirectory() as folder:
            # A copy, because checkov reads the file of the folder that it looks at by itself.
            copy = shutil.copytree(INFRA, Path(folder) / "infra", ignore=shutil.ignore_patterns(CONFIGURATION.name))
            self.assertEqual(failed(copy), set(reasons))

    def test_the_file_is_what_a_person_uses(self) -> None:
        """With it, nothing is left."""
        command = [CHECKOV, "--directory", INFRA, "--config-file", CONFIGURATION]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_nothing_in_the_dockerfile(self) -> None:
        """With every check that it has for one."""
        command = [CHECKOV, "--file", ROOT / "Dockerfile", "--framework", "dockerfile", "--skip-download", "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("Failed checks: 0", done.stdout)

    def test_it_would_say_it(self) -> None:
        """A queue in plain text, and a role that may do everything."""
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "wrong.tf").write_text(WRONG)
            self.assertLessEqual({"CKV_AWS_27", "CKV_AWS_62", "CKV_AWS_355"}, failed(Path(folder)))


if __name__ == "__main__":
    unittest.main()
