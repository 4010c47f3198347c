"""Runs `terraform test` on infra/tests, with the schema of the stand-in for the provider."""

import re
import unittest

from support import applied  # noqa: F401  (makes _infra importable)

from _infra import terraform


class TerraformTest(unittest.TestCase):
    """The same command that a person runs, but without a download."""

    def setUp(self) -> None:
        """Creates a copy for each test, because a test may break it."""
        self.runs = terraform.Terraform("tested")
        self.addCleanup(self.runs.close)
        self.runs.did("init", "-input=false", "-no-color")

    def test_all_runs_pass(self) -> None:
        """All runs in the file are executed, and pass."""
        output = self.runs.did("test", "-no-color")
        found = re.search(r"Success! (\d+) passed, 0 failed", output)
        wanted = (self.runs.folder / "tests" / "module.tftest.hcl").read_text().count("\nrun ")
        self.assertEqual(int(found[1]) if found else output, wanted)

    def test_a_faulty_module_fails(self) -> None:
        """The faults are a low redrive limit, a wildcard action, and unrestricted clone names."""
        expected = []
        for file, right, wrong, complaint in (
            ("queue.tf", "maxReceiveCount = 100", "maxReceiveCount = 3", "SQS must redrive long after"),
            ("iam.tf", '"sqs:SendMessage"', '"sqs:*"', "The API may send webhooks and nothing else"),
            ("variables_rules.tf", '[A-Za-z0-9]"', '.*"', 'run "clone_names_that_match_any_pipeline"... fail'),
        ):
            path = self.runs.folder / file
            text = path.read_text()
            self.assertIn(right, text)
            path.write_text(text.replace(right, wrong, 1))
            expected.append(complaint)
        done = self.runs.run("test", "-no-color")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn('run "defaults"... fail', done.stdout)
        for complaint in expected:
            with self.subTest(complaint):
                self.assertIn(complaint, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
