"""What Terraform makes of the module, and what it refuses."""

import json
import tomllib
import unittest
from typing import Any

from support import applied

from _infra import terraform
from _infra.permissions import VARIABLES


class Refusals(unittest.TestCase):
    """Variables that would break something later are refused at once, and so is what the provider does not know."""

    def setUp(self) -> None:
        """One folder a test: a test may break it."""
        self.runs = terraform.Terraform("refused")
        self.addCleanup(self.runs.close)
        self.runs.start(VARIABLES)

    def test_variables(self) -> None:
        """Each with its sentence."""
        cases: list[tuple[dict[str, Any], str]] = [
            ({"name": "Branch Line"}, "The name must be 3 to 31"),
            ({"rules": "repository = 1"}, "at least one [[rule]]"),
            ({"rules": '[queue]\n[[rule]]\nrepository = "a/b"'}, "give the rules alone"),
            ({"webhook_secret_arns": []}, "Without a secret"),
            ({"clone_names": ["*"]}, "A pattern needs a letter"),
            ({"pipeline_role_arns": ["arn:aws:iam::123456789012:role/*"]}, "the whole ARN of one role"),
            ({"max_tasks": 2, "min_tasks": 3}, "at least min_tasks"),
            ({"drain_timeout": 101}, "Fargate kills a task"),
        ]
        for change, sentence in cases:
            with self.subTest(sentence):
                (self.runs.folder / "check.auto.tfvars.json").write_text(json.dumps(VARIABLES | change))
                done = self.runs.run("plan", "-input=false", "-no-color")
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertIn(sentence, " ".join((done.stdout + done.stderr).replace("│", " ").split()))

    def test_an_argument_that_the_provider_does_not_have(self) -> None:
        """So the schema is really looked at."""
        (self.runs.folder / "wrong.tf").write_text('resource "aws_sqs_queue" "x" {\n  fifo = true\n}\n')
        done = self.runs.run("validate", "-no-color")
        self.assertIn("Unsupported argument", done.stdout + done.stderr)


class Made(unittest.TestCase):
    """The numbers that other parts rely on."""

    def test_queues(self) -> None:
        """A dead letter outlives the queue it came from; a whole webhook fits; SQS's own redrive comes last."""
        names = ("webhooks", "internal", "dead_letters", "quarantine")
        queues = {key: applied()[f"aws_sqs_queue.{key}"] for key in names}
        days = {key: queue["message_retention_seconds"] / 86_400 for key, queue in queues.items()}
        self.assertEqual(days, {"webhooks": 4, "internal": 4, "dead_letters": 14, "quarantine": 4})
        self.assertEqual({queue["max_message_size"] for queue in queues.values()}, {1024 * 1024})
        self.assertEqual({queue["sqs_managed_sse_enabled"] for queue in queues.values()}, {True})
        for key in ("webhooks", "internal"):
            redrive = {"deadLetterTargetArn": queues["dead_letters"]["arn"], "maxReceiveCount": 100}
            self.assertEqual(json.loads(queues[key]["redrive_policy"]), redrive)
        allowed = json.loads(applied()["aws_sqs_queue_redrive_allow_policy.dead_letters"]["redrive_allow_policy"])
        self.assertEqual(allowed["sourceQueueArns"], [queues[key]["arn"] for key in ("webhooks", "internal")])

    def test_the_configuration_is_the_daemons(self) -> None:
        """It parses, and names what was made."""
        found = tomllib.loads(applied()["aws_ssm_parameter.configuration"]["value"])
        keys = {"webhooks": "url", "internal": "internal_url", "dead_letters": "dead_letter_url", "quarantine": "quarantine_url"}
        for queue, key in keys.items():
            self.assertEqual(found["queue"][key], applied()[f"aws_sqs_queue.{queue}"]["url"])
        self.assertEqual(found["store"]["table"], applied()["aws_dynamodb_table.mappings"]["name"])
        self.assertEqual(found["rule"][0]["template"], "api-template")

    def test_the_container(self) -> None:
        """Every secret that the configuration names is there, and it is not killed while it drains."""
        (container,) = json.loads(applied()["aws_ecs_task_definition.consumer"]["container_definitions"])
        configuration = tomllib.loads(applied()["aws_ssm_parameter.configuration"]["value"])
        secrets = {f"env:{secret['name']}" for secret in container["secrets"]}
        self.assertLessEqual(set(configuration["github"]["secrets"]), secrets)
        self.assertIn(container["environment"][0]["value"], secrets)
        self.assertGreaterEqual(container["stopTimeout"], configuration["queue"]["drain_timeout"] + 4)
        self.assertTrue(container["readonlyRootFilesystem"])
        self.assertNotIn(container["user"].split(":")[0], ("", "0", "root"))

    def test_the_answers(self) -> None:
        """Only what SQS took is a success, and every answer may be read from anywhere."""
        prefix = "aws_api_gateway_integration_response.reply"
        replies = {address: values for address, values in applied().items() if address.startswith(prefix)}
        patterns = {values["status_code"]: values["selection_pattern"] for values in replies.values()}
        self.assertEqual(patterns["202"], r"2\d{2}")
        self.assertEqual([code for code in patterns if code.startswith("2")], ["202"])
        for values in replies.values():
            self.assertEqual(list(values["response_parameters"].values()), ["'*'"])

    def test_no_log_of_the_gateway_holds_a_body(self) -> None:
        """Neither the access log nor an execution log."""
        text = applied()["aws_api_gateway_stage.live"]["access_log_settings"][0]["format"]
        self.assertNotIn("body", text.lower())
        settings = applied()["aws_api_gateway_method_settings.all"]["settings"][0]
        self.assertEqual((settings["logging_level"], settings["data_trace_enabled"]), ("OFF", False))


if __name__ == "__main__":
    unittest.main()
