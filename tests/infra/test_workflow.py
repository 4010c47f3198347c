"""The public CI, as far as it can be judged without GitHub: what it runs, what it may do, and whose code it trusts."""

import os
import re
import tomllib
import unittest
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / ".github" / "workflows" / "ci.yml"
TEXT = FILE.read_text()
WORKFLOW: dict[Any, Any] = yaml.safe_load(TEXT)
JOBS: dict[str, Any] = WORKFLOW["jobs"]
# YAML 1.1 reads the key `on` as a boolean.
EVENTS = WORKFLOW[True]


class Workflow(unittest.TestCase):
    """One file."""

    def test_it_runs_the_projects_own_check(self) -> None:
        """On the compiler of the manifest."""
        wanted = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["rust-version"]
        self.assertTrue(JOBS["checks"]["container"].startswith(f"rust:{wanted}-"))
        self.assertIn({"run": ".ci/run"}, JOBS["checks"]["steps"])
        self.assertTrue(os.access(ROOT / ".ci" / "run", os.X_OK))

    def test_every_action_is_pinned_by_commit(self) -> None:
        """A tag can be moved to other code; the comment says which release the commit is."""
        lines = [line.strip() for line in TEXT.splitlines() if "uses:" in line]
        self.assertGreater(len(lines), 0)
        for line in lines:
            self.assertRegex(line, r"^- uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")

    def test_nobody_may_more_than_it_says(self) -> None:
        """Only what runs for a tag alone may push an image, and a stranger's pull request never runs with our rights."""
        self.assertEqual(WORKFLOW["permissions"], {})
        self.assertEqual(set(EVENTS), {"pull_request", "push"})
        for name, job in JOBS.items():
            with self.subTest(name):
                writes = {scope for scope, right in job["permissions"].items() if right == "write"}
                self.assertEqual(writes, {"packages"} if name in ("push", "publish") else set())
        self.assertEqual(JOBS["push"]["if"], "${{ startsWith(github.ref, 'refs/tags/') }}")
        self.assertEqual((JOBS["push"]["needs"], JOBS["publish"]["needs"]), ("checks", "push"))

    def test_no_text_of_others_becomes_a_command(self) -> None:
        """Titles and branches are data: a shell gets nothing but values of our own."""
        steps = [step for job in JOBS.values() for step in job["steps"]]
        used = {found for step in steps for found in re.findall(r"\$\{\{\s*(.*?)\s*\}\}", step.get("run", ""))}
        self.assertEqual(used, {"matrix.arch"})

    def test_both_architectures_each_at_home(self) -> None:
        """As Fargate has them."""
        for name in ("image", "push"):
            built = {each["arch"]: each["runner"] for each in JOBS[name]["strategy"]["matrix"]["include"]}
            self.assertEqual(built, {"amd64": "ubuntu-24.04", "arm64": "ubuntu-24.04-arm"})
            self.assertTrue(all(job["timeout-minutes"] <= 90 for job in JOBS.values()))


if __name__ == "__main__":
    unittest.main()
