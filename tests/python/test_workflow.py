"""Tests the public workflows: what they run, what they may do, and whose code they use."""

import re
import tomllib
import unittest
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = {file.stem: file for file in (ROOT / ".github" / "workflows").glob("*.yml")}
WORKFLOWS: dict[str, dict[Any, Any]] = {
    name: yaml.safe_load(file.read_text()) for name, file in FILES.items()
}
CI = WORKFLOWS["ci"]
NIGHTLY = WORKFLOWS["advisories"]
RELEASE = WORKFLOWS["release"]
# YAML 1.1 reads the key `on` as a boolean.
ON = True

# The values that a step may take from GitHub, and the variable that has each.
VALUES = {
    "CARGO_REGISTRY_TOKEN": "${{ steps.registry.outputs.token }}",
    "DIGEST": "${{ needs.push.outputs.digest }}",
    "TOKEN": "${{ github.token }}",
}

# What a job may do besides reading the repository.
PERMISSIONS = {
    "push": {"packages"},
    "attest": {"attestations", "id-token", "packages"},
    "publish": {"contents", "packages"},
    "crate": {"id-token"},
}


def jobs() -> dict[str, dict[str, Any]]:
    """Returns the jobs of all workflows, whose names are unique."""
    found = [
        (name, job) for workflow in WORKFLOWS.values() for name, job in workflow["jobs"].items()
    ]
    assert len(dict(found)) == len(found)
    return dict(found)


def steps() -> list[dict[str, Any]]:
    """Returns the steps of all jobs."""
    return [step for job in jobs().values() for step in job.get("steps", [])]


def recipes(script: str) -> set[str]:
    """Returns the recipes of a script, such as `lint` of scripts/test."""
    return set(re.findall(r"(?m)^recipe_(\w+)\(\)", (ROOT / script).read_text()))


def called(job: str) -> list[str]:
    """Returns the commands of a job."""
    return [step["run"] for step in jobs()[job]["steps"] if "run" in step]


class Recipes(unittest.TestCase):
    """The workflows have no logic: each command is one recipe."""

    def test_every_command_is_one_recipe(self) -> None:
        """A recipe runs on any machine, and shellcheck lints it."""
        commands = [step["run"] for step in steps() if "run" in step]
        self.assertGreater(len(commands), 8)
        for command in commands:
            with self.subTest(command):
                found = re.fullmatch(r"(scripts/ci|scripts/test) ([a-z]+)( infra)?", command)
                self.assertIsNotNone(found)
                assert found is not None
                self.assertIn(found[2], recipes(found[1]))
                self.assertEqual(found[3] is not None, command == "scripts/ci prepare infra")

    def test_every_recipe_is_called(self) -> None:
        """A check that no job runs would be lost."""
        commands = {step["run"] for step in steps() if "run" in step}
        names = {command.split()[1] for command in commands}
        # scripts/test lint runs it, once the code uses the new words.
        left_out = {"words"}
        self.assertEqual(recipes("scripts/test") - names - left_out, set())
        self.assertEqual(recipes("scripts/ci") - names, set())

    def test_ci_has_a_job_for_each_concern(self) -> None:
        """scripts/test without arguments runs the recipes of the first three jobs."""
        self.assertEqual(set(CI["jobs"]), {"lint", "test", "infra", "upgrade", "image"})
        first = ["scripts/ci prepare"]
        self.assertEqual(called("lint"), [*first, "scripts/test lint"])
        tests = [f"scripts/test {name}" for name in ("python", "rust", "release", "demo")]
        self.assertEqual(called("test"), [*first, *tests])
        self.assertEqual(called("infra"), ["scripts/ci prepare infra", "scripts/test infra"])
        self.assertEqual(called("upgrade"), [*first, "scripts/ci upgrade"])
        self.assertEqual(called("image"), ["scripts/ci image"])
        text = (ROOT / "scripts" / "test").read_text()
        everything = text[text.index("\nall() {") : text.index("\ncase ")]
        for name in ("lint", "python", "rust", "release", "demo"):
            self.assertRegex(everything, rf"\n +(beside )?recipe_{name}\n")
        # Its parts run beside other recipes.
        parts = text.split("\nrecipe_infra() {\n")[1].split("}\n")[0].split()
        self.assertEqual(len(parts), 2)
        for part in parts:
            self.assertRegex(everything, rf"\bbeside {part}\b")
            self.assertRegex(everything, rf"\bwait_for {part}\b")

    def test_our_own_ci_runs_the_same(self) -> None:
        """.ci/run prepares the machine and runs every recipe."""
        lines = (ROOT / ".ci" / "run").read_text().splitlines()
        self.assertEqual(lines[-2:], ["scripts/ci prepare infra", "exec scripts/test"])


class Advisories(unittest.TestCase):
    """The nightly check of advisories."""

    def test_it_runs_every_night_and_on_request(self) -> None:
        """It does not run for a pull request, because an advisory can appear without a change."""
        self.assertEqual(set(NIGHTLY[ON]), {"schedule", "workflow_dispatch"})
        (schedule,) = NIGHTLY[ON]["schedule"]
        self.assertRegex(schedule["cron"], r"^\d+ \d+ \* \* \*$")

    def test_it_can_fail(self) -> None:
        """No job and no step hides a failure."""
        self.assertEqual(called("advisories"), ["scripts/ci prepare", "scripts/test advisories"])
        for name, file in FILES.items():
            self.assertNotIn("continue-on-error", file.read_text(), name)


class Releases(unittest.TestCase):
    """The workflow that makes a release of a tag."""

    def test_nothing_is_published_before_everything_is_checked(self) -> None:
        """Each job that others can see needs those before it, directly or through another job."""
        needs = {name: _listed(job.get("needs", [])) for name, job in RELEASE["jobs"].items()}

        def before(name: str) -> set[str]:
            return {other for each in needs[name] for other in {each, *before(each)}}

        self.assertEqual(before("push"), {"agree", "checks"})
        self.assertEqual(before("attest"), {"agree", "checks", "binary", "sbom", "push"})
        self.assertEqual(before("publish"), before("attest") | {"attest"})
        # A version of a crate cannot be replaced, so it comes last.
        self.assertEqual(before("crate"), before("publish") | {"publish"})
        self.assertEqual(RELEASE["jobs"]["checks"]["uses"], "$/.github/workflows/ci.yml")
        self.assertIn("scripts/ci dryrun", called("sbom"))

    def test_each_binary_is_built_and_run_on_its_own_kind_of_machine(self) -> None:
        """Both architectures of Fargate have a static binary."""
        matrix = RELEASE["jobs"]["binary"]["strategy"]["matrix"]["include"]
        runners = {entry["arch"]: entry["runner"] for entry in matrix}
        self.assertEqual(runners, {"amd64": "ubuntu-24.04", "arm64": "ubuntu-24.04-arm"})

    def test_everything_is_attested_and_signed(self) -> None:
        """The files and the image have provenance and a list of dependencies, and a signature."""
        found = RELEASE["jobs"]["attest"]["steps"]
        attested = [step["with"] for step in found if "actions/attest@" in step.get("uses", "")]
        keys = ("subject-checksums", "subject-path", "subject-digest", "sbom-path")
        subjects = [tuple(key for key in keys if key in each) for each in attested]
        self.assertEqual(
            subjects,
            [
                ("subject-checksums",),
                ("subject-path", "sbom-path"),
                ("subject-digest",),
                ("subject-digest", "sbom-path"),
            ],
        )
        self.assertEqual(called("attest"), ["scripts/ci sums", "scripts/ci sign"])

    def test_the_registry_token_is_not_stored(self) -> None:
        """The registry trusts the workflow in its environment, and no workflow has a secret."""
        self.assertEqual(RELEASE["jobs"]["crate"]["environment"], "crates-io")
        for name, file in FILES.items():
            self.assertNotIn("secrets.", file.read_text(), name)


def _listed(value: str | list[str]) -> list[str]:
    """Returns a list for a key that may have one value."""
    return [value] if isinstance(value, str) else value


class Trust(unittest.TestCase):
    """What the workflows may do, and whose code they run."""

    def test_the_container_has_the_compiler_of_the_manifest(self) -> None:
        """All jobs that compile outside the image use the same version."""
        manifest = tomllib.loads((ROOT / "Cargo.toml").read_text())
        version = manifest["package"]["rust-version"]
        containers = {name: job.get("container") for name, job in jobs().items()}
        compiling = {
            "lint",
            "test",
            "infra",
            "upgrade",
            "advisories",
            "mutants",
            "binary",
            "sbom",
            "crate",
        }
        self.assertEqual({name for name, image in containers.items() if image}, compiling)
        for name in compiling:
            self.assertTrue(containers[name].startswith(f"rust:{version}-"), name)

    def test_every_action_is_pinned_by_commit(self) -> None:
        """A tag can be moved to other code. The comment has the release of the commit."""
        texts = [file.read_text() for file in FILES.values()]
        lines = [line.strip() for text in texts for line in text.splitlines() if "uses:" in line]
        self.assertGreater(len(lines), 0)
        # The one workflow of this repository that another one calls, at the same commit.
        lines.remove("uses: $/.github/workflows/ci.yml")
        for line in lines:
            self.assertRegex(line, r"^- uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")

    def test_an_action_has_one_version(self) -> None:
        """Two versions of one action would mean that an update missed a place."""
        used = {step["uses"] for step in steps() if "uses" in step}
        names = [each.partition("@")[0] for each in used]
        self.assertEqual(len(names), len(set(names)), sorted(used))

    def test_permissions_are_minimal(self) -> None:
        """Only the jobs of a release may write. Pull requests run without our permissions."""
        self.assertEqual(set(CI[ON]), {"pull_request", "push", "workflow_call"})
        self.assertEqual(CI[ON]["push"], {"branches": ["main"]})
        self.assertEqual(RELEASE[ON], {"push": {"tags": ["v*"]}})
        for workflow in WORKFLOWS.values():
            self.assertEqual(workflow["permissions"], {})
        self.assertLessEqual(set(PERMISSIONS), set(RELEASE["jobs"]))
        for name, job in jobs().items():
            with self.subTest(name):
                writing = dict.fromkeys(PERMISSIONS.get(name, set()), "write")
                self.assertEqual(job["permissions"], {"contents": "read"} | writing)

    def test_the_checkout_leaves_no_credentials(self) -> None:
        """A later step could read a token that the checkout wrote to the disk."""
        checkouts = [step for step in steps() if "actions/checkout" in step.get("uses", "")]
        self.assertEqual(len(checkouts), len(jobs()) - 1)  # one job calls another workflow
        for step in checkouts:
            self.assertIs(step["with"]["persist-credentials"], False)
            self.assertLessEqual(step["with"].keys(), {"persist-credentials", "fetch-depth"})

    def test_no_text_of_others_becomes_a_command(self) -> None:
        """Titles and branch names are data. A command has no expression, only known variables."""
        for step in steps():
            self.assertNotIn("${{", step.get("run", ""))
            for name, value in step.get("env", {}).items():
                self.assertEqual(value, VALUES[name])

    def test_every_job_has_a_time_limit(self) -> None:
        """GitHub's own limit is six hours."""
        for name, job in jobs().items():
            if "uses" not in job:
                self.assertLessEqual(job["timeout-minutes"], 90, name)


if __name__ == "__main__":
    unittest.main()
