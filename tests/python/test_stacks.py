"""Tests that played executions deploy and delete the stacks of CloudFormation."""

import argparse
import tempfile
import unittest
from pathlib import Path
from typing import Any

import support

from _common.isolation import isolate
from _common.problem import Problem
from _sandbox import account, aws, emulator, playing, preview
from _sandbox.world import World

assert support  # it makes the scripts' packages importable


class Stacks(unittest.TestCase):
    """The template with a stack, whose executions are played."""

    def setUp(self) -> None:
        isolate()
        folder = self.enterContext(tempfile.TemporaryDirectory())
        moto = self.enterContext(emulator.running(Path(folder) / "moto.log"))
        self.account = account.make(moto.endpoint)
        preview.create_templates(self.account)
        self.world = World(self.account)
        self.codepipeline: Any = aws.client("codepipeline", moto.endpoint)

    def play(self, *words: str) -> None:
        """Runs `scripts/sandbox run`."""
        parser = argparse.ArgumentParser()
        parser.add_argument("pipeline")
        playing.add_arguments(parser)
        arguments = parser.parse_args([preview.TEMPLATE, "--commit", "1f" * 20, *words])
        list(playing.play(self.account, arguments))

    def outputs(self) -> list[dict[str, str]]:
        """Returns the output variables of the actions `Stack`, the newest first."""
        listed = self.codepipeline.list_action_executions(pipelineName=preview.TEMPLATE)
        actions = listed["actionExecutionDetails"]
        stacks = [each for each in actions if each["actionName"] == "Stack"]
        return [each["output"].get("outputVariables", {}) for each in stacks]

    def test_a_stack_is_deployed_and_deleted_by_actions_that_succeed(self) -> None:
        """A failed action changes no stack, and neither does its execution played once more."""
        with self.assertRaisesRegex(Problem, "^there is no stack api; .*: none$"):
            self.world.protect("api", protected=True)
        url = {"Url": "https://api.example.com"}
        status = self.world.executions(preview.TEMPLATE)[0]["status"]
        self.assertEqual(status, "InProgress", "it goes on until it is played")
        self.play("--fail", "Preview")
        self.play()
        self.assertEqual(self.world.stacks(), {})
        for _ in range(2):
            self.codepipeline.start_pipeline_execution(name=preview.TEMPLATE)
            self.play()
            self.assertEqual(self.world.stacks(), {"api": url})
            self.assertEqual(self.outputs()[0], url)

        pipeline = self.world.pipeline(preview.TEMPLATE)["pipeline"]
        action = pipeline["stages"][-1]["actions"][0]
        action["configuration"] = {"ActionMode": "DELETE_ONLY", "StackName": "api"}
        self.codepipeline.update_pipeline(pipeline=pipeline)
        self.codepipeline.start_pipeline_execution(name=preview.TEMPLATE)
        self.play("--fail", "Preview")
        self.assertEqual(self.world.stacks(), {"api": url})
        self.codepipeline.start_pipeline_execution(name=preview.TEMPLATE)
        self.play()
        self.assertEqual(self.world.stacks(), {})
        self.assertEqual(self.outputs()[0], {})


if __name__ == "__main__":
    unittest.main()
