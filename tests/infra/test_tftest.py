"""infra/tests, by `terraform test`, against the stand-in's schema."""

import re
import unittest

from support import applied  # noqa: F401  (makes _infra importable)

from _infra import terraform


class TerraformTest(unittest.TestCase):
    """As a person runs it, but that nothing is downloaded."""

    def setUp(self) -> None:
        """A copy, which a test may break."""
        self.runs = terraform.Terraform("tested")
        self.addCleanup(self.runs.close)
        self.runs.did("init", "-input=false", "-no-color")

    def test_all_runs_pass(self) -> None:
        """And there are some."""
        said = self.runs.did("test", "-no-color")
        found = re.search(r"Success! (\d+) passed, 0 failed", said)
        wanted = (self.runs.folder / "tests" / "module.tftest.hcl").read_text().count("\nrun ")
        self.assertEqual(int(found[1]) if found else said, wanted)

    def test_a_module_that_is_wrong_fails(self) -> None:
        """Without its redrive, in a mistyped list of actions, and where anything may be a clone."""
        for file, right, wrong, run in (
            ("queue.tf", "maxReceiveCount = 100", "maxReceiveCount = 3", "by_default"),
            ("iam.tf", '"sqs:SendMessage"', '"sqs:*"', "by_default"),
            ("variables.tf", '[A-Za-z0-9]"', '.*"', "a_clone_may_be_called_anything"),
        ):
            path = self.runs.folder / file
            text = path.read_text()
            self.assertIn(right, text)
            path.write_text(text.replace(right, wrong, 1))
            done = self.runs.run("test", "-no-color")
            path.write_text(text)
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn(f'run "{run}"... fail', done.stdout)


if __name__ == "__main__":
    unittest.main()
