"""Tests the resources that the module creates."""

import json
import re
import tomllib
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from support import applied

from _infra import permissions, resource_policy, terraform
from _infra.paths import ROOT
from _infra.permissions import VARIABLES
from _infra.provider import ACCOUNT, REGION

SECRET = VARIABLES["webhook_secret_arns"][0]


class Images(unittest.TestCase):
    """The registries whose images need a permission to be pulled."""

    def test_the_names_of_a_registry(self) -> None:
        """ECR has names for IPv4, for IPv6 and for FIPS, and others in China."""
        runs = terraform.Terraform("images")
        self.addCleanup(runs.close)
        runs.start(VARIABLES)
        found = {"account": ACCOUNT, "region": "eu-west-1", "name": "team/branchline"}
        china = found | {"region": "cn-north-1"}
        cases: list[tuple[str, dict[str, str] | None]] = [
            ("dkr.ecr.eu-west-1.amazonaws.com", found),
            ("dkr-ecr.eu-west-1.on.aws", found),
            ("dkr.ecr-fips.eu-west-1.amazonaws.com", found),
            ("dkr-ecr-fips.eu-west-1.on.aws", found),
            ("dkr.ecr.cn-north-1.amazonaws.com.cn", china),
            ("dkr-ecr.cn-north-1.on.amazonwebservices.com.cn", china),
            ("dkr.ecr.eu-west-1.example.com", None),
        ]
        for host, wanted in cases:
            image = f"{ACCOUNT}.{host}/team/branchline@sha256:{'0' * 64}"
            self.assertEqual(runs.value("local.ecr", VARIABLES | {"image": image}), wanted, host)
        self.assertIsNone(runs.value("local.ecr", VARIABLES | {"image": "public.ecr.aws/x/branchline:1"}))

    def test_the_default_is_the_release_of_this_version(self) -> None:
        """An image of another version may read the table or the configuration otherwise."""
        runs = terraform.Terraform("image")
        self.addCleanup(runs.close)
        runs.start(VARIABLES)
        version = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["version"]
        given = {name: value for name, value in VARIABLES.items() if name != "image"}
        self.assertTrue(runs.value("var.image", given).endswith(f"/branchline:{version}"))


class Regions(unittest.TestCase):
    """Two Regions of one account."""

    def test_names_of_the_account_contain_the_region(self) -> None:
        """Roles, policies and dashboards of two Regions would have one name otherwise."""
        kinds = ("aws_iam_role.", "aws_iam_policy.", "aws_cloudwatch_dashboard.")
        found = {address: values for address, values in applied().items() if address.startswith(kinds)}
        self.assertEqual(len(found), 6)
        for address, values in found.items():
            self.assertIn(REGION, values.get("name") or values["dashboard_name"], address)


class SteadyState(unittest.TestCase):
    """An apply whose tasks do not stay up."""

    def test_a_rollback_fails_the_apply(self) -> None:
        """ECS then reports the former task definition, and the service is steady."""
        self.assertTrue(applied()["aws_ecs_service.consumer"]["wait_for_steady_state"])
        runs = terraform.Terraform("rollback")
        self.addCleanup(runs.close)
        former = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/branchline:1"
        runs.answers[("aws_ecs_service", "task_definition")] = former
        with self.assertRaisesRegex(AssertionError, "ECS went back to the former"):
            runs.apply(VARIABLES)
        runs.apply(VARIABLES | {"wait_for_steady_state": False})


class Applied(unittest.TestCase):
    """The values that other parts of the project rely on."""

    def test_queues(self) -> None:
        """Dead letters are retained for longest, a webhook of 1 MiB fits, and SQS redrives last."""
        names = ("webhooks", "internal", "dead_letters", "quarantine", "undelivered_events")
        queues = {key: applied()[f"aws_sqs_queue.{key}"] for key in names}
        days = {key: queue["message_retention_seconds"] / 86_400 for key, queue in queues.items()}
        wanted = {"webhooks": 4, "internal": 4, "dead_letters": 14, "quarantine": 4, "undelivered_events": 14}
        self.assertEqual(days, wanted)
        self.assertEqual({queue["max_message_size"] for queue in queues.values()}, {1024 * 1024})
        self.assertEqual({queue["kms_master_key_id"] for queue in queues.values()}, {VARIABLES["kms_key_arns"]["queues"]})
        for key in ("webhooks", "internal"):
            redrive = {"deadLetterTargetArn": queues["dead_letters"]["arn"], "maxReceiveCount": 100}
            self.assertEqual(json.loads(queues[key]["redrive_policy"]), redrive)
        allowed = json.loads(applied()["aws_sqs_queue_redrive_allow_policy.dead_letters"]["redrive_allow_policy"])
        self.assertEqual(allowed["sourceQueueArns"], [queues[key]["arn"] for key in ("webhooks", "internal")])

    def test_the_configuration_names_the_resources(self) -> None:
        """The configuration is valid TOML, and names the queues, the table and the template."""
        found = tomllib.loads(applied()["aws_ssm_parameter.configuration[0]"]["value"])
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

    def test_the_configuration_names_the_app(self) -> None:
        """The key is a reference to a secret of the task."""
        found = tomllib.loads(applied()["aws_ssm_parameter.configuration[0]"]["value"])["github"]
        self.assertEqual({key: found[key] for key in VARIABLES["github"]}, VARIABLES["github"])

    def test_the_dashboard_shows_the_source_queues(self) -> None:
        """The dashboard has the age of the oldest message in both queues that the daemon polls."""
        body = json.loads(applied()["aws_cloudwatch_dashboard.metrics[0]"]["dashboard_body"])
        metrics = [metric for widget in body["widgets"] for metric in widget["properties"]["metrics"]]
        shown = {metric[3] for metric in metrics if metric[:2] == ["AWS/SQS", "ApproximateAgeOfOldestMessage"]}
        self.assertEqual(shown, {applied()[f"aws_sqs_queue.{key}"]["name"] for key in ("webhooks", "internal")})

    def test_the_container(self) -> None:
        """The container gets each secret of the configuration, and the time that a drain takes."""
        (container,) = json.loads(applied()["aws_ecs_task_definition.consumer"]["container_definitions"])
        configuration = tomllib.loads(applied()["aws_ssm_parameter.configuration[0]"]["value"])
        secrets = {f"env:{secret['name']}" for secret in container["secrets"]}
        self.assertLessEqual(set(configuration["github"]["secrets"]), secrets)
        self.assertEqual([bound["value"] for bound in configuration["github"]["secret"]], ["env:WEBSITE_SECRET"])
        given = {pair["name"]: pair["value"] for pair in container["environment"]}
        self.assertEqual(given["OTEL_EXPORTER_OTLP_ENDPOINT"], VARIABLES["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"])
        self.assertIn("env:OTEL_EXPORTER_OTLP_HEADERS", secrets)
        self.assertLessEqual({"env:WEBSITE_SECRET", "env:GITHUB_TOKEN", configuration["github"]["private_key"]}, secrets)
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

    def test_gateway_logs_contain_no_body_and_no_path(self) -> None:
        """The access log has neither, because the path is a secret, and execution logs are off."""
        text = applied()["aws_api_gateway_stage.live"]["access_log_settings"][0]["format"]
        logged = set(re.findall(r"\$context\.([A-Za-z.]+)", text))
        self.assertEqual({name for name in logged if re.search("(?i)body|path|header|uri", name)}, set())
        for key in ("a", "b"):
            settings = applied()[f'aws_api_gateway_method_settings.webhook["{key}"]']["settings"][0]
            self.assertEqual((settings["logging_level"], settings["data_trace_enabled"]), ("OFF", False))

    def test_the_page_describes_what_the_stage_traces(self) -> None:
        """A stage without X-Ray tracing sends no trace header, so no trace begins there."""
        self.assertFalse(applied()["aws_api_gateway_stage.live"].get("xray_tracing_enabled"))
        page = " ".join((ROOT / "docs" / "OBSERVABILITY.md").read_text().split())
        self.assertIn("The module's API has no X-Ray tracing", page)
        self.assertNotIn("from API Gateway to", page)

    def test_each_url_has_a_secret_of_its_own(self) -> None:
        """The API has no other resource, so every other path is refused by the gateway itself."""
        resources = {address for address in applied() if address.startswith("aws_api_gateway_resource.")}
        self.assertEqual(resources, {f'aws_api_gateway_resource.webhook["{key}"]' for key in ("a", "b")})
        paths = [path(key) for key in ("a", "b")]
        self.assertEqual(len(set(paths)), 2)
        for each in paths:
            self.assertRegex(each, r"^webhook-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")

    def test_the_throttle_counts_each_url_by_itself(self) -> None:
        """A bucket for the whole stage could be emptied by requests to wrong URLs."""
        found = {
            values["method_path"]: [values["settings"][0][f"throttling_{limit}_limit"] for limit in ("rate", "burst")]
            for address, values in applied().items()
            if address.startswith("aws_api_gateway_method_settings.")
        }
        self.assertEqual(found, {f"{path(key)}/POST": [200, 1_000] for key in ("a", "b")})

    def test_the_web_acl_blocks_by_address_but_never_github(self) -> None:
        """The rate rule counts every address except those in the ranges, and all others pass."""
        acl = applied()["aws_wafv2_web_acl.webhooks[0]"]
        self.assertEqual(len(acl["default_action"][0]["allow"]), 1)
        (rule,) = acl["rule"]
        self.assertEqual(len(rule["action"][0]["block"]), 1)
        (limit,) = rule["statement"][0]["rate_based_statement"]
        self.assertEqual((limit["limit"], limit["aggregate_key_type"]), (500, "IP"))
        (inside,) = limit["scope_down_statement"][0]["not_statement"][0]["statement"]
        trusted = applied()["aws_wafv2_ip_set.trusted[0]"]
        self.assertEqual(inside["ip_set_reference_statement"][0]["arn"], trusted["arn"])
        # An IP set has one address family, and the endpoint has IPv4 addresses only.
        self.assertEqual((trusted["addresses"], trusted["ip_address_version"]), (["192.0.2.0/24"], "IPV4"))
        samples = [each["visibility_config"][0]["sampled_requests_enabled"] for each in (acl, rule)]
        self.assertEqual(samples, [False, False], "a sample shows the path, which is a secret")
        association = applied()["aws_wafv2_web_acl_association.webhooks[0]"]
        self.assertEqual(association["web_acl_arn"], acl["arn"])


class ResourcePolicy(unittest.TestCase):
    """Whom the resource policy of the API allows."""

    def test_only_posts_to_the_urls_from_the_ranges(self) -> None:
        """Anonymous requests to another path, by another method or from elsewhere are denied."""
        url, there = path("a"), "192.0.2.77"
        cases = [
            ("POST", url, there, True),
            ("POST", path("b"), "2001:db8::1", True),
            ("POST", url, "198.51.100.1", False),
            ("POST", url, "2001:db9::1", False),
            ("GET", url, there, False),
            ("POST", "webhook", there, False),
            ("POST", f"webhook-{'0' * 36}", there, False),
            ("POST", url.upper(), there, False),
            ("POST", f"{url}/x", there, False),
            ("POST", "", there, False),
        ]
        policy = applied()["aws_api_gateway_rest_api_policy.webhooks"]["policy"]
        for method, target, address, wanted in cases:
            with self.subTest(f"{method} {target} {address}"):
                arn = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:stubapi/live/{method}/{target}"
                self.assertEqual(resource_policy.allows(policy, arn, address), wanted)

    def test_every_address_is_allowed_without_ranges(self) -> None:
        """The policy still lists the URLs, and denies a URL that the stage still has."""
        with rotation({"source_cidrs": []}) as (first, _):
            policy = first["aws_api_gateway_rest_api_policy.webhooks"]["policy"]
            url = first['aws_api_gateway_resource.webhook["a"]']["path_part"]
            for target, wanted in ((url, True), (path("b"), False)):
                arn = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:stubapi/live/POST/{target}"
                self.assertEqual(resource_policy.allows(policy, arn, "198.51.100.1"), wanted)

    def test_ranges_that_are_removed(self) -> None:
        """A stage serves the policy of its snapshot, so the policy changes before the deployment.

        A policy that was deleted instead would be in the snapshot that is made before.
        """
        with rotation({"source_cidrs": ["192.0.2.0/24"]}) as (first, change):
            change.runs.changes()
            after = change({"source_cidrs": []})
            order = [each for each in change.runs.changes() if each[1].startswith("aws_api_gateway_")]
        deployment, policy = "aws_api_gateway_deployment", "aws_api_gateway_rest_api_policy"
        self.assertLess(order.index(("write", policy)), order.index(("write", deployment)))
        self.assertNotIn(("delete", policy), order)
        (statement,) = permissions.statements(after[f"{policy}.webhooks"]["policy"])
        self.assertEqual((statement["Effect"], statement.get("Condition")), ("Allow", None))
        snapshots = {step[f"{deployment}.webhooks"]["triggers"]["snapshot"] for step in (first, after)}
        self.assertEqual(len(snapshots), 2)


class Rotation(unittest.TestCase):
    """The path token is rotated like the webhook secret: a second one, then without the first."""

    def test_a_rotation(self) -> None:
        """The new URL is another one, the old one stays until it is removed, and each deploys."""
        with rotation({}) as (first, change):
            both = change({"path_tokens": ["a", "b"]})
            after = change({"path_tokens": ["b"]})
        old = first['aws_api_gateway_resource.webhook["a"]']["path_part"]
        new = both['aws_api_gateway_resource.webhook["b"]']["path_part"]
        self.assertEqual(both['aws_api_gateway_resource.webhook["a"]']["path_part"], old)
        self.assertEqual(after['aws_api_gateway_resource.webhook["b"]']["path_part"], new)
        self.assertNotIn('aws_api_gateway_resource.webhook["a"]', after)
        listed = [
            [arn.rpartition("/")[2] for arn in permissions.statements(step["aws_api_gateway_rest_api_policy.webhooks"]["policy"])[0]["Resource"]]
            for step in (first, both, after)
        ]
        self.assertEqual(listed, [[old], [old, new], [new]])
        snapshots = [step["aws_api_gateway_deployment.webhooks"]["triggers"]["snapshot"] for step in (first, both, after)]
        self.assertEqual(len(set(snapshots)), 3, "a stage serves what was deployed last")

    def test_nothing_changes_without_a_change(self) -> None:
        """uuid() has a new value in each plan, which must not become a new URL.

        The stand-in for the provider cannot plan every resource without a change.
        """
        with rotation({}) as (_, change):
            changed = re.findall(r"(?m)^  # (\S+) (?:will|must) ", change.plan())
        rule = "aws_vpc_security_group_egress_rule.https"
        unfaithful = {"aws_api_gateway_account.logs[0]", f'{rule}["ipv4"]', f'{rule}["ipv6"]'}
        self.assertEqual(set(changed) - unfaithful, set())

    def test_no_token_in_a_plan_or_an_output(self) -> None:
        """Plans end in logs of pipelines, and so does the end of an apply."""
        with rotation({}) as (first, change):
            token = first['aws_api_gateway_resource.webhook["a"]']["path_part"].removeprefix("webhook-")
            texts = [change.plan("-replace=aws_api_gateway_resource.webhook[\"a\"]"), change.runs.did("output", "-no-color")]
        for text in texts:
            self.assertNotIn(token, text)


def path(key: str) -> str:
    """Returns the path of a URL."""
    return str(applied()[f'aws_api_gateway_resource.webhook["{key}"]']["path_part"])


class Change:
    """Applies the module again with other variables."""

    def __init__(self, runs: terraform.Terraform, variables: dict[str, Any]) -> None:
        self.runs = runs
        self._variables = variables

    def __call__(self, variables: dict[str, Any]) -> dict[str, Any]:
        """Returns the resources after the apply."""
        return self.runs.apply(self._variables | variables)

    def plan(self, *options: str) -> str:
        """Returns the text of a plan with the same variables."""
        return self.runs.did("plan", "-input=false", "-no-color", *options)


@contextmanager
def rotation(variables: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Change]]:
    """Applies the module with one URL, and yields its resources and what changes it."""
    runs = terraform.Terraform("rotation")
    try:
        change = Change(runs, VARIABLES | {"path_tokens": ["a"]} | variables)
        yield change({}), change
    finally:
        runs.close()


if __name__ == "__main__":
    unittest.main()
