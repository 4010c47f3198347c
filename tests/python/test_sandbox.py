"""Tests the sandbox's emulator and its webhooks, with a running moto."""

import json
import os
import subprocess
import sys
import tempfile
import time
import tomllib
import unittest
import warnings
from pathlib import Path
from typing import Any

import support

from _common import paths
from _common.isolation import isolate
from _common.problem import Problem
from _sandbox import account, aws, emulator, gateway, github, state
from _sandbox.world import World

assert support  # it makes the scripts' packages importable

FIXTURE = paths.FIXTURES / "pull_request.opened.json"


class Gateway(unittest.TestCase):
    """A webhook from the template through moto's queue to a consumer."""

    account: account.Account
    world: World

    @classmethod
    def setUpClass(cls) -> None:
        isolate()
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        fresh = cls.enterClassContext(emulator.running(Path(folder) / "moto.log"))
        cls.account = account.make(fresh.endpoint)
        cls.world = World(cls.account)

    def test_a_webhook_arrives_as_it_was_sent(self) -> None:
        """Body, attributes and group arrive unchanged, as JSON and as a form."""
        body = FIXTURE.read_bytes()
        for form in (False, True):
            webhook = github.webhook(body, "pull_request", self.account.secret, form=form)
            reply = gateway.deliver(webhook, self.account.webhooks)
            self.assertIsNone(reply.error)
            message = self.take()
            self.assertEqual(message["MessageId"], reply.message_id)
            self.assertEqual(message["Body"].encode(), webhook.body)
            self.assertEqual(message["Attributes"]["MessageGroupId"], "730001")
            found = message["MessageAttributes"]
            attributes = {name: value["StringValue"] for name, value in found.items()}
            wanted = ("Content-Type", "X-GitHub-Delivery", "X-GitHub-Event", "X-Hub-Signature-256")
            self.assertEqual(attributes, {name: webhook.headers[name] for name in wanted})

    def test_what_sqs_refuses_does_not_reach_the_queue(self) -> None:
        """The emulator answers as SQS does, and the gateway passes the answer on."""
        secret = self.account.secret
        refused = {
            "InvalidMessageContents": github.webhook("\ufffe".encode(), "push", secret),
            "shorter than 1048576 bytes": github.webhook("é".encode() * 600_000, "push", secret),
            "X-GitHub-Event": github.webhook(b"{}", "", secret),
        }
        for why, webhook in refused.items():
            with self.subTest(why):
                reply = gateway.deliver(webhook, self.account.webhooks)
                self.assertEqual(reply.status, 400)
                self.assertIn(why, reply.error or "")
        self.assertTrue(self.world.is_drained())

    def test_the_template_pipeline_has_what_a_clone_must_lose(self) -> None:
        """The demo shows that a clone has no trigger, so the template must have one."""
        pipeline = self.world.pipeline(self.account.template)["pipeline"]
        self.assertEqual(pipeline["pipelineType"], "V2")
        self.assertTrue(pipeline["triggers"])
        self.assertNotIn("DetectChanges", pipeline["stages"][0]["actions"][0]["configuration"])

    def test_the_configuration_has_every_queue(self) -> None:
        """Both queues that the daemon polls redrive to the dead-letter queue."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "branchline.toml"
            account.write_configuration(self.account, file)
            queue = tomllib.loads(file.read_text())["queue"]
        self.assertEqual(
            queue,
            {
                "url": self.account.webhooks,
                "internal_url": self.account.internal,
                "dead_letter_url": self.account.dead_letters,
                "quarantine_url": self.account.quarantine,
            },
        )
        self.assertEqual(set(queue.values()), set(self.account.queues().values()))
        sqs = aws.client("sqs", self.account.endpoint)
        for url in (self.account.webhooks, self.account.internal):
            answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])
            target = json.loads(answer["Attributes"]["RedrivePolicy"])["deadLetterTargetArn"]
            self.assertTrue(target.endswith(":branchline-dead-letters"), target)

    def take(self) -> dict[str, Any]:
        """Receives and deletes the only message of the queue."""
        queue = self.account.webhooks
        [message] = self.world.messages(queue)
        sqs = aws.client("sqs", self.account.endpoint)
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return message


class Emulators(unittest.TestCase):
    """An emulator is started, recognized as its own process, and stopped."""

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def test_start_and_stop(self) -> None:
        """It runs after start and has ended after stop. A second stop does nothing."""
        # Python warns of a child that is not waited for, which this test needs.
        warnings.simplefilter("ignore", ResourceWarning)
        started = emulator.start(self.folder / "moto.log")
        self.addCleanup(started.stop)
        self.assertTrue(started.is_alive())
        port = int(started.endpoint.rsplit(":", 1)[1])
        with self.assertRaisesRegex(Problem, f"port {port} is not available"):
            emulator.start(self.folder / "second.log", port)
        started.stop()
        self.assertFalse(started.is_alive())
        started.stop()

    def test_another_process_is_never_taken_for_the_emulator(self) -> None:
        """The pid in a state file can belong to another process: here to this test."""
        stale = emulator.Emulator(os.getpid(), "branchline-0000000000000000", "http://127.0.0.1:1")
        self.assertFalse(stale.is_alive())
        stale.stop()

    def test_it_ends_with_its_starter(self) -> None:
        """It ends even if the starter is killed and can stop nothing itself."""
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

    def test_a_state_file_without_a_process_does_not_count(self) -> None:
        """A truncated file, or one of another version, does not count either."""
        file = self.folder / "state.json"
        other_version = json.dumps({"emulator": {"pid": 1}, "account": {}})
        for text in ("", "{", "{}", "[]", other_version):
            with self.subTest(text):
                file.write_text(text)
                self.assertIsNone(state.load(file))
        self.assertIsNone(state.load(self.folder / "absent.json"))


class Guesses(unittest.TestCase):
    """`send` finds the name of the event where it can."""

    def test_by_name_and_by_shape(self) -> None:
        """The names of the fixtures agree with their contents."""
        for path in paths.FIXTURES.glob("*.json"):
            with self.subTest(path.name):
                body = path.read_bytes()
                named = github.guess_event(path, body)
                self.assertEqual(named, path.name.split(".")[0])
                self.assertEqual(github.guess_event(Path("x.json"), body), named)

    def test_a_body_without_a_known_key(self) -> None:
        """The error asks for --event."""
        for body in (b"", b"[]", b"{}", b"not json"):
            with self.assertRaisesRegex(Problem, "--event"):
                github.guess_event(Path("x.json"), body)


if __name__ == "__main__":
    unittest.main()
