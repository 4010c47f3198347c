"""Tests scripts/acceptance without a binary: its questions, its comparisons, and that it cleans up.

`scripts/test demo` runs it in the sandbox with the daemon.
"""

import contextlib
import io
import json
import os
import re
import stat
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import support

from _acceptance import account, main, questions, sandbox, terraform
from _acceptance.asking import Answer, Asking, Comparison, Question
from _acceptance.place import Place
from _acceptance.probes import STORY_NUMBER, Probes, refusal
from _common import paths
from _common.isolation import isolate
from _common.problem import Problem
from _sandbox import account as emulated
from _sandbox import emulator

assert support  # it makes the scripts' packages importable

EXAMPLE = paths.ROOT / "infra" / "examples" / "complete"
SETTINGS = account.Settings(
    account="123456789012",
    region="eu-west-1",
    image="example.com/branchline@sha256:0",
    repository="acme/api",
    base="main",
    branch="acceptance",
    commits=sandbox.COMMITS,
    fork_commit="",
    vpc="vpc-1",
    subnets=("subnet-1",),
    architecture="ARM64",
    manage_api_gateway_account=False,
)
# A stand-in that records its commands, prints outputs, and fails where the test says so.
TERRAFORM = """\
#!/bin/sh
echo "$1" >>"$ACCEPTANCE_CALLS"
if [ "$1" = "$ACCEPTANCE_FAILS" ]; then echo "Error: no permission" >&2; exit 1; fi
if [ "$1" = output ]; then cat "$ACCEPTANCE_OUTPUTS"; fi
"""


class Emulated(unittest.TestCase):
    """A test with an emulated AWS, without the daemon."""

    endpoint: str
    made: emulated.Account

    @classmethod
    def setUpClass(cls) -> None:
        isolate()
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        both = emulator.both_running(folder / "moto.log", folder / "github.log")
        moto, fake = cls.enterClassContext(both)
        cls.endpoint = moto.endpoint
        cls.made = emulated.make(moto.endpoint, fake)
        sandbox.create_artifacts(cls.made)

    def place(self, **changes: Any) -> Place:
        """Returns the place of the sandbox, which waits a moment only."""
        found = sandbox.place(self.made, lambda: None)
        for name, value in {"wait_seconds": 0.2, **changes}.items():
            setattr(found, name, value)
        return found


class Asked(Emulated):
    """The questions that need no daemon, in the sandbox."""

    def test_the_sandbox_answers_as_assumed(self) -> None:
        """The sandbox is what the code assumes. A difference is a fault of either."""
        place = self.place(wait_seconds=5)
        probes = Probes(place)
        self.addCleanup(probes.close)
        probes.prepare()
        # These are about the pipeline of the story, or slow by their nature.
        others = {"first-commit", "second-commit", "fork-commit", "source-commit", "rate"}
        asked = [each for each in questions.ALL if each.key not in others]
        self.assertGreater(len(asked), 20)
        for question in asked:
            with self.subTest(question.key):
                found = main.answer(question, Asking(place, probes))
                expected = (Comparison.HOLDS, Comparison.NOTED, Comparison.UNASKED)
                self.assertIn(found.comparison, expected, found.text)

    def test_everything_is_removed(self) -> None:
        """Pipelines, queues, the rule and the source are gone, whatever the questions did."""
        place = self.place()
        before = _content(place)
        probes = Probes(place)
        probes.prepare()
        probes.create()
        probes.queue("extra")
        self.assertNotEqual(_content(place), before)
        self.assertEqual(probes.close(), [])
        self.assertEqual(_content(place), before)

    def test_what_cannot_be_removed_is_named(self) -> None:
        """The rest is removed, and the exit code says that something is left."""
        place = self.place()
        probes = Probes(place)
        gone, kept = probes.queue("gone"), probes.queue("kept")
        place.client("sqs").delete_queue(QueueUrl=gone)
        left = probes.close()
        self.assertEqual(len(left), 1, left)
        self.assertIn(gone, left[0])
        self.assertIsNotNone(refusal(lambda: place.client("sqs").purge_queue(QueueUrl=kept)))


class Run(Emulated):
    """A whole run whose story fails, because no daemon runs."""

    def test_a_failed_story_is_told_and_cleaned_up(self) -> None:
        """The exit code is 1, the report has the failure, and nothing is left."""
        place = self.place()
        before = _content(place)
        with contextlib.redirect_stdout(io.StringIO()) as output:
            status = main.run(place, [])
        self.assertEqual(status, 1)
        clone = place.clone_name(STORY_NUMBER)
        self.assertIn("waited 0 s for this: the pipeline", output.getvalue())
        self.assertNotIn("left behind", output.getvalue())
        self.assertIn("waited", json.loads(main.REPORT.read_text())["story"])
        self.assertNotIn(clone, place.pipeline_names())
        self.assertEqual(_content(place), before)

    def test_a_failed_question_does_not_end_the_others(self) -> None:
        """Its failure is its answer."""

        def fails(_asking: Asking) -> Answer:
            raise Problem("no such thing")

        question = Question("key", "text", "assumed", "where", fails)
        found = main.answer(question, Asking(self.place(), Probes(self.place())))
        self.assertEqual(found, Answer("Problem: no such thing", Comparison.FAILED))


class Listed(unittest.TestCase):
    """The questions as they are listed."""

    def test_each_question_names_a_file_of_this_repository(self) -> None:
        """A reader finds the assumption there."""
        for question in questions.ALL:
            with self.subTest(question.key):
                self.assertTrue((paths.ROOT / question.where).is_file(), question.where)
                self.assertTrue(question.text.endswith("?"))
                self.assertTrue(question.assumed)
        keys = [question.key for question in questions.ALL]
        self.assertEqual(len(keys), len(set(keys)))

    def test_the_page_has_each_question(self) -> None:
        """docs/ACCEPTANCE.md lists them with what is assumed."""
        page = (paths.ROOT / "docs" / "ACCEPTANCE.md").read_text()
        rows = re.findall(r"(?m)^\| `([a-z-]+)` \| (.+?) \| (.+?) \|$", page)
        expected = [(each.key, each.text, each.assumed) for each in questions.ALL]
        self.assertEqual(rows, expected)

    def test_an_unknown_key(self) -> None:
        """The message says how to list the known ones."""
        with self.assertRaisesRegex(Problem, "no question nothing: see scripts/acceptance --list"):
            main.chosen_questions(["nothing"])


class Account(Emulated):
    """A real account, with the emulator in its place and a stand-in for Terraform."""

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.calls = self.folder / "calls"
        program = self.folder / "terraform"
        program.write_text(TERRAFORM)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        variables = {
            "PATH": f"{self.folder}:{os.environ['PATH']}",
            "AWS_ENDPOINT_URL": self.endpoint,
            "ACCEPTANCE_CALLS": str(self.calls),
            "ACCEPTANCE_OUTPUTS": str(self.folder / "outputs.json"),
            "ACCEPTANCE_FAILS": "",
        }
        self.enterContext(mock.patch.dict(os.environ, variables))
        self._write_outputs()
        applied = self.folder / "applied"
        self.enterContext(mock.patch.object(terraform, "FOLDER", applied))
        # moto has no connections.
        self.enterContext(mock.patch.object(account, "_is_connected", return_value=False))

    def _write_outputs(self) -> None:
        configuration = self.folder / "branchline.toml"
        emulated.write_configuration(self.made, configuration)
        session = SETTINGS.client("secretsmanager")
        name = f"webhook-{self.id()}"
        secret = session.create_secret(Name=name, SecretString=self.made.secret)["ARN"]
        outputs = {
            "configuration": configuration.read_text(),
            "webhook_secret_arns": {"a": secret},
            "webhook_urls": {"a": "http://127.0.0.1:1/live/webhook-1"},
            "connection_arn": "arn:aws:codeconnections:eu-west-1:123456789012:connection/1",
        }
        text = json.dumps({name: {"value": value} for name, value in outputs.items()})
        (self.folder / "outputs.json").write_text(text)

    @contextlib.contextmanager
    def opened(self, settings: account.Settings = SETTINGS) -> Iterator[Place]:
        """Opens the account without printing."""
        with contextlib.redirect_stdout(io.StringIO()), account.opened(settings) as place:
            yield place

    def commands(self) -> list[str]:
        """Returns the commands of Terraform."""
        return self.calls.read_text().split() if self.calls.exists() else []

    def test_the_example_is_applied_and_destroyed(self) -> None:
        """The place is read from the outputs, and the copy with the state is removed."""
        with self.opened() as place:
            self.assertEqual(self.commands(), ["init", "apply", "output"])
            self.assertEqual(place.queues["webhooks"], self.made.webhooks)
            self.assertEqual((place.secret, place.table), (self.made.secret, self.made.table))
            self.assertRegex(place.name, r"^branchline-acc-[0-9a-f]{4}$")
        self.assertEqual(self.commands(), ["init", "apply", "output", "destroy"])
        self.assertEqual(list((self.folder / "applied").iterdir()), [])

    def test_it_is_destroyed_after_any_failure(self) -> None:
        """Ctrl-C and a failed apply leave nothing, either."""
        with self.assertRaises(KeyboardInterrupt), self.opened():
            raise KeyboardInterrupt
        self.assertEqual(self.commands()[-1], "destroy")
        os.environ["ACCEPTANCE_FAILS"] = "apply"
        with self.assertRaisesRegex(Problem, "terraform apply failed: Error: no permission"):
            self.opened().__enter__()
        self.assertEqual(self.commands()[-2:], ["apply", "destroy"])

    def test_a_failed_destroy_keeps_the_state(self) -> None:
        """The message has the command that destroys it later."""
        os.environ["ACCEPTANCE_FAILS"] = "destroy"
        command = r"terraform -chdir=\S+/examples/complete destroy"
        with self.assertRaisesRegex(Problem, command), self.opened():
            pass
        self.assertEqual(len(list((self.folder / "applied").iterdir())), 1)

    def test_another_account_is_refused(self) -> None:
        """The person names the account, so that no profile can lead to a wrong one."""
        other = account.Settings(**{**vars(SETTINGS), "account": "999999999999"})
        with self.assertRaisesRegex(Problem, "of account 123456789012, not 999999999999"):
            self.opened(other).__enter__()
        self.assertEqual(self.commands(), [])

    def test_the_variables_are_those_of_the_example(self) -> None:
        """None is unknown there, and none that it needs is missing."""
        text = "\n".join(file.read_text() for file in sorted(EXAMPLE.glob("*.tf")))
        blocks = re.findall(r'(?ms)^variable "(\w+)" \{\n(.*?)^\}', text)
        required = {name for name, body in blocks if not re.search(r"(?m)^  default", body)}
        given = account.variables(SETTINGS, "branchline-acc-0000")
        self.assertLessEqual(required, set(given))
        self.assertLessEqual(set(given), {name for name, _ in blocks})
        outputs = re.findall(r'(?m)^output "(\w+)"', text)
        used = ("configuration", "connection_arn", "webhook_secret_arns", "webhook_urls")
        self.assertLessEqual(set(used), set(outputs))

    def test_the_default_network(self) -> None:
        """Without subnets, those of the default VPC are used, with public addresses."""
        settings = account.Settings(**{**vars(SETTINGS), "vpc": None, "subnets": ()})
        given = account.variables(settings, "branchline-acc-0000")
        self.assertTrue(given["vpc_id"].startswith("vpc-"))
        self.assertGreater(len(given["subnet_ids"]), 0)
        self.assertTrue(given["assign_public_ip"])


def _content(place: Place) -> dict[str, list[str]]:
    """Returns the names of what the account holds."""
    objects = place.client("s3").list_object_versions(Bucket=sandbox.BUCKET)
    rules = place.client("events").list_rules()["Rules"]
    return {
        "pipelines": sorted(place.pipeline_names()),
        "queues": sorted(place.client("sqs").list_queues().get("QueueUrls", [])),
        "rules": sorted(rule["Name"] for rule in rules),
        "objects": [each["Key"] for each in objects.get("Versions", [])],
    }


if __name__ == "__main__":
    unittest.main()
