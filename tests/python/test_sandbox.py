"""What the sandbox promises of its emulator and of the webhooks that it sends, against a running moto."""

import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
import warnings
from pathlib import Path
from typing import Any

import support

from _sandbox import account, aws, emulator, gateway, github, paths, state
from _sandbox.problem import Problem
from _sandbox.world import World

assert support  # it makes the scripts' package importable

FIXTURE = paths.FIXTURES / "pull_request.opened.json"


class Gateway(unittest.TestCase):
    """From the template through moto's queue to a consumer."""

    account: account.Account
    world: World

    @classmethod
    def setUpClass(cls) -> None:
        aws.isolate()
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        fresh = cls.enterClassContext(emulator.running(Path(folder) / "moto.log"))
        cls.account = account.make(fresh.endpoint)
        cls.world = World(cls.account)

    def test_a_webhook_arrives_as_it_was_sent(self) -> None:
        """Body, attributes and group, as JSON and as a form."""
        for form in (False, True):
            webhook = github.webhook(FIXTURE.read_bytes(), "pull_request", self.account.secret, form=form)
            reply = gateway.deliver(webhook, self.account.webhooks)
            self.assertIsNone(reply.error)
            letter = self.take()
            self.assertEqual(letter["MessageId"], reply.message_id)
            self.assertEqual(letter["Body"].encode(), webhook.body)
            self.assertEqual(letter["Attributes"]["MessageGroupId"], "730001")
            attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
            wanted = ("Content-Type", "X-GitHub-Delivery", "X-GitHub-Event", "X-Hub-Signature-256")
            self.assertEqual(attributes, {name: webhook.headers[name] for name in wanted})

    def test_what_sqs_refuses_does_not_reach_the_queue(self) -> None:
        """moto would take all of these."""
        secret = self.account.secret
        refused = {
            "InvalidMessageContents": github.webhook("\ufffe".encode(), "push", secret),
            "bytes, and a message has at most": github.webhook("é".encode() * 600_000, "push", secret),
            "X-GitHub-Event": github.webhook(b"{}", "", secret),
        }
        for why, webhook in refused.items():
            with self.subTest(why):
                reply = gateway.deliver(webhook, self.account.webhooks)
                self.assertEqual(reply.status, 400)
                self.assertIn(why, reply.error or "")
        self.assertTrue(self.world.is_drained())

    def test_the_template_pipeline_has_what_a_clone_must_lose(self) -> None:
        """Without a trigger in the template, the demo would prove nothing."""
        pipeline = self.world.pipeline(self.account.template)["pipeline"]
        self.assertEqual(pipeline["pipelineType"], "V2")
        self.assertTrue(pipeline["triggers"])
        self.assertNotIn("DetectChanges", pipeline["stages"][0]["actions"][0]["configuration"])

    def take(self) -> dict[str, Any]:
        """Receives and deletes the one message of the queue."""
        [letter] = self.world.letters(self.account.webhooks)
        sqs = aws.client("sqs", self.account.endpoint)
        sqs.delete_message(QueueUrl=self.account.webhooks, ReceiptHandle=letter["ReceiptHandle"])
        return letter


class Emulators(unittest.TestCase):
    """A process is started once, known as ours, and ended."""

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def test_start_and_stop(self) -> None:
        """It is there after start, and gone after stop; stopping again is fine."""
        # Python finds a child that is not waited for suspicious; here it is the point.
        warnings.simplefilter("ignore", ResourceWarning)
        started = emulator.start(self.folder / "moto.log")
        self.addCleanup(started.stop)
        self.assertTrue(started.is_alive())
        port = int(started.endpoint.rsplit(":", 1)[1])
        with self.assertRaisesRegex(Problem, f"port {port} cannot be had"):
            emulator.start(self.folder / "second.log", port)
        started.stop()
        self.assertFalse(started.is_alive())
        started.stop()

    def test_a_strangers_process_is_never_taken_for_ours(self) -> None:
        """The pid of a state file may belong to anybody by now: here to this very test."""
        stale = emulator.Emulator(os.getpid(), "branchline-0000000000000000", "http://127.0.0.1:1")
        self.assertFalse(stale.is_alive())
        stale.stop()

    def test_it_ends_with_its_starter(self) -> None:
        """Even when that is killed, and so can stop nothing itself."""
        program = (
            "import sys; from pathlib import Path; from _sandbox import emulator\n"
            "with emulator.running(Path(sys.argv[1])) as one:\n"
            "    print(one.pid, one.token, flush=True); input()\n"
        )
        starter = subprocess.Popen(
            [sys.executable, "-c", program, str(self.folder / "moto.log")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(paths.SCRIPTS)},
        )
        assert starter.stdout is not None
        with starter:
            pid, token = starter.stdout.readline().split()
            starter.kill()
        orphan = emulator.Emulator(int(pid), token, "")
        self.addCleanup(orphan.stop)
        deadline = time.monotonic() + 5
        while orphan.is_alive() and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertFalse(orphan.is_alive())

    def test_a_state_file_without_a_process_is_no_sandbox(self) -> None:
        """Nor is one that is cut off, or of another version."""
        file = self.folder / "state.json"
        for text in ("", "{", "{}", "[]", json.dumps({"emulator": {"pid": 1}, "account": {}})):
            with self.subTest(text):
                file.write_text(text)
                self.assertIsNone(state.load(file))
        self.assertIsNone(state.load(self.folder / "absent.json"))


class Guesses(unittest.TestCase):
    """`send` finds the event's name by itself where it can."""

    def test_by_name_and_by_shape(self) -> None:
        """The fixtures' names and their contents agree."""
        for path in paths.FIXTURES.glob("*.json"):
            with self.subTest(path.name):
                body = path.read_bytes()
                named = github.guess_event(path, body)
                self.assertEqual(named, path.name.split(".")[0])
                self.assertEqual(github.guess_event(Path("x.json"), body), named)

    def test_a_body_that_says_nothing(self) -> None:
        """Then the person has to say it."""
        for body in (b"", b"[]", b"{}", b"not json"):
            with self.assertRaisesRegex(Problem, "--event"):
                github.guess_event(Path("x.json"), body)


if __name__ == "__main__":
    unittest.main()
