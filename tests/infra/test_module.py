"""Tests the resources that the module creates, and the variables that it rejects."""

import json
import tomllib
import unittest
from typing import Any

from support import applied

from _infra import terraform
from _infra.permissions import VARIABLES


class Validation(unittest.TestCase):
    """Invalid variables, and arguments that the provider does not have, are rejected at once."""

    def setUp(self) -> None:
        """Creates a folder for each test, because a test may break it."""
        self.runs = terraform.Terraform("validation")
        self.addCleanup(self.runs.close)
        self.runs.start(VARIABLES)

    def test_variables(self) -> None:
        """Each invalid variable is rejected with its own error message."""
        cases: list[tuple[dict[str, Any], str]] = [
            ({"name": "Branch Line"}, "The name must be 3 to 31"),
            ({"rules": "repository = 1"}, "at least one [[rule]]"),
            ({"rules": '[queue]\n[[rule]]\nrepository = "a/b"'}, "give only [[rule]] tables"),
            ({"webhook_secret_arns": []}, "At least one secret is required"),
            ({"clone_names": ["*"]}, "A pattern needs a letter"),
            ({"clone_names": []}, "At least one pattern"),
            ({"clone_names": ["api-pr-${aws:username}"]}, "letters, digits, . @ _ - and the wildcards"),
            ({"template_names": ["api template"]}, "letters, digits, . @ _ - and the wildcards"),
            ({"build_role_arns": ["arn:aws:iam::123456789012:role/*"]}, "the complete ARN of one role"),
            ({"pipeline_role_arns": ["arn:aws:iam::123456789012:role/*"]}, "the complete ARN of one role"),
            ({"max_tasks": 2, "min_tasks": 3}, "at least min_tasks"),
            ({"drain_timeout": 101}, "Fargate kills a stopping task"),
        ]
        for change, sentence in cases:
            with self.subTest(sentence):
                (self.runs.folder / "check.auto.tfvars.json").write_text(json.dumps(VARIABLES | change))
                done = self.runs.run("plan", "-input=false", "-no-color")
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertIn(sentence, " ".join((done.stdout + done.stderr).replace("│", " ").split()))

    def test_clone_names_that_cover_a_template(self) -> None:
        """A pattern that covers a template is rejected with both names, and others are accepted.

        Either of the two may have wildcards.
        """
        cases = [
            ("api-template", "api-*", True),
            ("api-template", "api-pr-*", False),
            ("api-template", "*-pr-*", False),
            ("api-pr-template", "*-pr-*", True),
            ("api-template", "api-templat?", True),
            ("api-template", "api-template?", False),
            ("api-template", "API-*", False),
            ("api.template", "apixtemplate", False),
            ("*-template", "api-*", True),
            ("*-template", "*-pr-*", True),
            ("*-template", "*-pr-?", False),
            ("*-template", "*-pr", False),
            ("api-*", "web-pr-*", False),
            ("*-template", "api-templat?", True),
            ("?pi-template*", "api-*", True),
            ("?pi-template*", "a-*", False),
            ("api-?", "api-7", True),
            ("api-?", "api-?", True),
            ("api-?", "api-??", False),
        ]
        for template, clone, covers in cases:
            with self.subTest(f"{template} {clone}"):
                names = {"template_names": ["other", template], "clone_names": ["zz-pr-7", clone]}
                (self.runs.folder / "check.auto.tfvars.json").write_text(json.dumps(VARIABLES | names))
                done = self.runs.run("plan", "-input=false", "-no-color", "-target=aws_iam_role_policy.daemon")
                output = " ".join((done.stdout + done.stderr).replace("│", " ").split())
                self.assertEqual(done.returncode, 1 if covers else 0, output)
                if covers:
                    self.assertIn(f"{clone} covers {template}", output)

    def test_an_argument_that_the_provider_does_not_have(self) -> None:
        """An unknown argument is rejected, so the schema is in use."""
        (self.runs.folder / "wrong.tf").write_text('resource "aws_sqs_queue" "x" {\n  fifo = true\n}\n')
        done = self.runs.run("validate", "-no-color")
        self.assertIn("Unsupported argument", done.stdout + done.stderr)


class Applied(unittest.TestCase):
    """The values that other parts of the project rely on."""

    def test_queues(self) -> None:
        """Dead letters are retained for longest, a webhook of 1 MiB fits, and SQS redrives last."""
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

    def test_the_configuration_names_the_resources(self) -> None:
        """The configuration is valid TOML, and names the queues, the table and the template."""
        found = tomllib.loads(applied()["aws_ssm_parameter.configuration"]["value"])
        keys = {
            "webhooks": "url",
            "internal": "internal_url",
            "dead_letters": "dead_letter_url",
            "quarantine": "quarantine_url",
        }
        for queue, key in keys.items():
            self.assertEqual(found["queue"][key], applied()[f"aws_sqs_queue.{queue}"]["url"])
        self.assertEqual(found["store"]["table"], applied()["aws_dynamodb_table.mappings"]["name"])
        self.assertEqual(found["rule"][0]["template"], "api-template")

    def test_the_dashboard_shows_the_source_queues(self) -> None:
        """The dashboard has the age of the oldest message in both queues that the daemon polls."""
        body = json.loads(applied()["aws_cloudwatch_dashboard.metrics[0]"]["dashboard_body"])
        metrics = [metric for widget in body["widgets"] for metric in widget["properties"]["metrics"]]
        shown = {metric[3] for metric in metrics if metric[:2] == ["AWS/SQS", "ApproximateAgeOfOldestMessage"]}
        self.assertEqual(shown, {applied()[f"aws_sqs_queue.{key}"]["name"] for key in ("webhooks", "internal")})

    def test_the_container(self) -> None:
        """The container gets each secret of the configuration, and the time that a drain takes."""
        (container,) = json.loads(applied()["aws_ecs_task_definition.consumer"]["container_definitions"])
        configuration = tomllib.loads(applied()["aws_ssm_parameter.configuration"]["value"])
        secrets = {f"env:{secret['name']}" for secret in container["secrets"]}
        self.assertLessEqual(set(configuration["github"]["secrets"]), secrets)
        self.assertIn(container["environment"][0]["value"], secrets)
        self.assertGreaterEqual(container["stopTimeout"], configuration["queue"]["drain_timeout"] + 4)
        self.assertTrue(container["readonlyRootFilesystem"])
        self.assertNotIn(container["user"].split(":")[0], ("", "0", "root"))

    def test_the_responses(self) -> None:
        """Only a message that SQS accepted is a success, and every origin may read the response."""
        prefix = "aws_api_gateway_integration_response.reply"
        replies = {address: values for address, values in applied().items() if address.startswith(prefix)}
        patterns = {values["status_code"]: values["selection_pattern"] for values in replies.values()}
        self.assertEqual(patterns["202"], r"2\d{2}")
        self.assertEqual([code for code in patterns if code.startswith("2")], ["202"])
        for values in replies.values():
            self.assertEqual(list(values["response_parameters"].values()), ["'*'"])

    def test_gateway_logs_contain_no_body(self) -> None:
        """The access log has no body, and execution logs are off."""
        text = applied()["aws_api_gateway_stage.live"]["access_log_settings"][0]["format"]
        self.assertNotIn("body", text.lower())
        settings = applied()["aws_api_gateway_method_settings.all"]["settings"][0]
        self.assertEqual((settings["logging_level"], settings["data_trace_enabled"]), ("OFF", False))


if __name__ == "__main__":
    unittest.main()
