"""Tests the events of executions, and that EventBridge and CodePipeline of the sandbox follow."""

import argparse
import json
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import support
from botocore.exceptions import ClientError

from _common import paths
from _common.isolation import isolate
from _common.problem import Problem
from _sandbox import account, aws, emulator, pipeline_run, playing
from _sandbox.pipeline_run import End, Run
from _sandbox.world import World

assert support  # it makes the scripts' packages importable

Json = dict[str, Any]
PIPELINE = "api-template"
COMMIT = "1f0c3a52" * 5


class Emulated(unittest.TestCase):
    """The sandbox's account, with a new execution for each test."""

    account: account.Account
    world: World
    codepipeline: Any

    @classmethod
    def setUpClass(cls) -> None:
        isolate()
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        moto = cls.enterClassContext(emulator.running(Path(folder) / "moto.log"))
        cls.account = account.make(moto.endpoint)
        cls.world = World(cls.account)
        cls.codepipeline = aws.client("codepipeline", moto.endpoint)

    def setUp(self) -> None:
        started = self.codepipeline.start_pipeline_execution(name=PIPELINE)
        self.execution = started["pipelineExecutionId"]
        self.take()

    def play(self, *words: str) -> list[str]:
        """Runs `scripts/sandbox run`, and returns what it prints."""
        parser = argparse.ArgumentParser()
        parser.add_argument("pipeline")
        playing.add_arguments(parser)
        arguments = parser.parse_args([PIPELINE, "--commit", COMMIT, *words])
        return list(playing.play(self.account, arguments))

    def take(self) -> list[Json]:
        """Receives and deletes the messages of the internal queue."""
        sqs = aws.client("sqs", self.account.endpoint)
        taken = []
        while True:
            queue = self.account.internal
            answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
            messages = answer.get("Messages", [])
            for message in messages:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            if not messages:
                return taken
            taken += [json.loads(message["Body"]) for message in messages]

    def state(self) -> str:
        """Returns the state of the execution as CodePipeline lists it."""
        listed = self.world.executions(PIPELINE)
        found = (each for each in listed if each["pipelineExecutionId"] == self.execution)
        return str(next(found)["status"])

    def error(self, operation: str, **request: Any) -> str:
        """Returns the code of the error of an operation that must fail."""
        with self.assertRaises(ClientError) as caught:
            getattr(self.codepipeline, operation)(pipelineName=PIPELINE, **request)
        return str(caught.exception.response["Error"]["Code"])


class Delivery(Emulated):
    """EventBridge sends the events to the internal queue."""

    def test_events_arrive_as_codepipeline_has_them(self) -> None:
        """The body is the event, and nothing is added to it."""
        self.play()
        events = self.take()
        states = [
            f"{event['detail'].get('action', '')} {event['detail']['state']}" for event in events
        ]
        self.assertEqual(states[0], " STARTED")
        self.assertEqual(states[-1], " SUCCEEDED")
        self.assertEqual(len(events), 10)
        envelope = ("account", "detail", "detail-type", "id", "region", "resources", "source")
        for event in events:
            self.assertEqual(sorted(event), sorted([*envelope, "time", "version"]))
            self.assertEqual(event["source"], "aws.codepipeline")
            self.assertEqual(event["detail"]["execution-id"], self.execution)

    def test_other_events_do_not_arrive(self) -> None:
        """The rule names CodePipeline and its three kinds of events."""
        client = aws.client("events", self.account.endpoint)
        for source, kind in (("aws.codebuild", pipeline_run.STAGE), ("aws.codepipeline", "Other")):
            entry = {"Source": source, "DetailType": kind, "Detail": "{}"}
            client.put_events(Entries=[entry | {"Source": "x" if kind == "Other" else source}])
        self.assertEqual(self.take(), [])

    def test_order_and_number_can_be_wrong(self) -> None:
        """CodePipeline promises that each event comes at least once, and no order."""
        in_order = self.play()
        self.take()
        self.assertNotEqual(self.play("--shuffle", "1"), in_order)
        self.take()
        self.assertEqual(len(self.play("--duplicate", "--events", "3")), 6)
        self.assertEqual(len(self.take()), 6)


class Executions(Emulated):
    """CodePipeline of the sandbox goes as the events say."""

    def test_each_end(self) -> None:
        """The listed state is the last one, in whatever order the events came."""
        for words, state in (
            ((), "Succeeded"),
            (("--fail", "Build/Build"), "Failed"),
            (("--stop", "Build"), "Stopped"),
            (("--cancel", "Source"), "Cancelled"),
            (("--supersede", "Build"), "Superseded"),
            (("--events", "1"), "InProgress"),
        ):
            for shuffle in ((), ("--shuffle", "7")):
                with self.subTest(state, shuffle=shuffle):
                    self.setUp()
                    self.play(*words, *shuffle)
                    self.assertEqual(self.state(), state)

    def test_a_failed_action_is_listed_with_its_message(self) -> None:
        """ListActionExecutions has the newest first, and GetPipelineState the stages."""
        self.play("--fail", "Build/Build", "--message", "tests failed")
        filtered = {"pipelineExecutionId": self.execution}
        listed = self.codepipeline.list_action_executions(pipelineName=PIPELINE, filter=filtered)
        build, source = listed["actionExecutionDetails"]
        self.assertEqual((build["status"], source["status"]), ("Failed", "Succeeded"))
        found = build["output"]["executionResult"]["errorDetails"]
        self.assertEqual(found, {"code": "JobFailed", "message": "tests failed"})
        result = source["output"]["executionResult"]
        self.assertEqual(result["externalExecutionId"], COMMIT)
        stages = self.codepipeline.get_pipeline_state(name=PIPELINE)["stageStates"]
        states = [stage["latestExecution"]["status"] for stage in stages]
        self.assertEqual(states, ["Succeeded", "Failed"])

    def test_a_failed_stage_is_retried(self) -> None:
        """The execution keeps its id, and the events of the first attempt come too late."""
        request = {"pipelineExecutionId": self.execution, "retryMode": "FAILED_ACTIONS"}
        code = self.error("retry_stage_execution", stageName="Build", **request)
        self.assertEqual(code, "StageNotRetryableException")
        self.play("--fail", "Build")
        self.codepipeline.retry_stage_execution(pipelineName=PIPELINE, stageName="Build", **request)
        self.assertEqual(self.state(), "InProgress")
        self.play("--fail", "Build")
        self.assertEqual(self.state(), "InProgress")
        self.take()
        self.play("--retry", "Build")
        self.assertEqual(self.state(), "Succeeded")
        first = self.take()[0]["detail"]
        self.assertEqual((first["state"], first["pipeline-execution-attempt"]), ("RESUMED", 2.0))

    def test_only_what_runs_is_stopped(self) -> None:
        """A stop puts its own events, and the rest of the execution comes too late."""
        request = {"pipelineExecutionId": self.execution}
        code = self.error("stop_pipeline_execution", **request)
        self.assertEqual(code, "PipelineExecutionNotStoppableException")
        self.play("--events", "1")
        self.take()
        self.codepipeline.stop_pipeline_execution(pipelineName=PIPELINE, **request)
        states = [event["detail"]["state"] for event in self.take()]
        self.assertEqual(states, ["STOPPING", "STOPPED"])
        self.play()
        self.assertEqual(self.state(), "Stopped")

    def test_an_update_cancels_what_runs(self) -> None:
        """An execution that has ended keeps its state."""
        declaration = self.world.pipeline(PIPELINE)["pipeline"]
        self.play("--events", "1")
        self.take()
        self.codepipeline.update_pipeline(pipeline=declaration)
        self.codepipeline.update_pipeline(pipeline=declaration)
        details = [event["detail"] for event in self.take()]
        found = [(detail["state"], detail["execution-id"]) for detail in details]
        self.assertEqual(found, [("CANCELED", self.execution)])
        self.assertEqual(self.state(), "Cancelled")

    def test_a_stage_that_does_not_exist(self) -> None:
        """The error names those that do."""
        with self.assertRaisesRegex(Problem, "has the stages Source, Build, and not Deploy"):
            self.play("--fail", "Deploy")


class Fixtures(unittest.TestCase):
    """The daemon's tests read events of the documented form, and so are the played ones."""

    def test_each_played_event_has_the_form_of_its_fixture(self) -> None:
        """Members, types, and numbers that are floats."""
        folder = paths.ROOT / "tests" / "fixtures" / "pipeline-events"
        for name, event in events().items():
            with self.subTest(name):
                documented = json.loads((folder / f"{name}.json").read_text())["detail"]
                self.assertEqual(form(event.detail), form(documented))


def events() -> dict[str, pipeline_run.Event]:
    """Returns one event of each kind and state."""
    declaration = account.template("arn:aws:iam::123456789012:role/api-pipeline")
    arn = "arn:aws:codepipeline:eu-west-1:123456789012:api-template"
    pipeline = {"pipeline": {**declaration, "version": 1}, "metadata": {"pipelineArn": arn}}

    def runs() -> Iterator[Run]:
        for end in (End.FAILED, *End):
            yield Run(pipeline, "an-id", "eu-west-1", COMMIT, end)
        yield Run(pipeline, "an-id", "eu-west-1", COMMIT, attempt=2, retried="Build")

    found: dict[str, pipeline_run.Event] = {}
    names = {pipeline_run.PIPELINE: "pipeline", pipeline_run.STAGE: "stage"}
    for run in runs():
        for event in run.events():
            name = names.get(event.kind, "action")
            is_source = event.detail.get("type", {}).get("category") == "Source"
            if name == "action" and is_source != (event.detail["state"] == "SUCCEEDED"):
                # The documented action that succeeds is a source action, and no other one is.
                continue
            is_retry = "stage-last-retry-attempt-time" in event.detail
            if not is_retry or event.detail["state"] == "RESUMED":
                found.setdefault(f"{name}.{event.detail['state'].lower()}", event)
    return found


def form(value: Any) -> Any:
    """Returns members and types instead of values."""
    if isinstance(value, dict):
        return {name: form(each) for name, each in value.items()}
    return [form(each) for each in value] if isinstance(value, list) else type(value).__name__


if __name__ == "__main__":
    unittest.main()
