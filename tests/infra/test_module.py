"""Tests the resources that the module creates, and the variables that it rejects."""

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


class Validation(unittest.TestCase):
    """Invalid variables, and arguments that the provider does not have, are rejected at once."""

    def setUp(self) -> None:
        """Creates a folder for each test, because a test may break it."""
        self.runs = terraform.Terraform("validation")
        self.addCleanup(self.runs.close)
        self.runs.start(VARIABLES)

    def test_variables(self) -> None:
        """Each invalid variable is rejected with its own error message."""
        rule = VARIABLES["rules"][0]
        toml = '[[rule]]\nrepository = "acme/web"\non = "pull_request"\ntemplate = "web-template"\n'
        cases: list[tuple[dict[str, Any], str]] = [
            ({"name": "Branch Line"}, "The name must be 3 to 31"),
            ({"rules": []}, "At least one rule is required"),
            ({"rules": [rule | {"on": "push"}]}, "on must be pull_request"),
            ({"rules": [rule | {"repository": ["api"]}]}, "a list of owner/name"),
            ({"rules": [rule | {"repository": []}]}, "a list of owner/name"),
            ({"rules": [rule | {"template": "api-*"}]}, "the name of one pipeline"),
            ({"rules": [rule | {"pipeline_name": "a b"}]}, "pipeline_name may have"),
            ({"rules": [rule | {"max_active": 3}]}, "in a rule with a name"),
            ({"rules": [rule | {"name": "api", "max_active": -1}]}, "from 1 to 10,000"),
            ({"rules": [rule | {"role_arn": "admin"}]}, "the complete ARN of one role"),
            ({"rules": [rule | {"build_role_arn": "template"}]}, "the complete ARN of one role"),
            ({"rules": [rule | {"start": "now"}]}, "start must be commit, head or push"),
            ({"rules": [rule | {"repository": ["acme/*"], "pipeline_name": "{repo}-{number}"}]}, "a pipeline_name with a text of its own"),
            ({"pipeline_role_arns": []}, "keeps the role of its template"),
            ({"rules_toml": f"[queue]\n{toml}"}, "give only [[rule]] and [[github.secret]] tables"),
            ({"rules_toml": toml}, "required for the rules of rules_toml"),
            ({"rules_toml": toml, "clone_names": ["web-pr-*"]}, "missing from template_names: web-template"),
            ({"rules_toml": f"{toml}base = main\n", "clone_names": ["web-pr-*"]}, "rules_toml is not TOML, at or after: base = main"),
            ({"configuration_store": "s3"}, "parameter or secret"),
            ({"webhook_secret_arns": [], "github": {}}, "At least one secret is required"),
            ({"secrets": {"github_token": SECRET}}, "A name must be of A-Z"),
            ({"secrets": {"AWS_SECRET_ACCESS_KEY": SECRET}}, "which have a meaning already"),
            ({"secrets": {"WEBHOOK_SECRET_0": SECRET}}, "which have a meaning already"),
            ({"environment": {"BRANCHLINE_METRICS": "none"}}, "which the module sets"),
            ({"environment": {"AWS_ACCESS_KEY_ID": "x"}}, "the daemon has a role"),
            ({"environment": {"1": "x"}}, "letters, digits and _"),
            ({"environment": {"GITHUB_TOKEN": "x"}}, "either in environment or in secrets"),
            ({"manage_api_gateway_account": None}, "Run `aws apigateway get-account`"),
            ({"secrets": {"TOKEN": SECRET.replace("secretsmanager", "ssm")}}, "Each value must be the ARN of a secret"),
            ({"secrets": {"TOKEN": f"{SECRET}:token"}}, "Each value must be the ARN of a secret"),
            ({"secrets": {"WEBSITE_SECRET": SECRET}, "github": {}}, "a variable that the task does not get"),
            ({"github": {"private_key": "env:GITHUB_APP_KEY"}}, "both app and private_key"),
            ({"github": {"token": "env:ELSEWHERE"}}, "with NAME in secrets"),
            ({"github": {"token": "github_pat_x"}}, "with NAME in secrets"),
            (
                {"github": {"app": "1", "private_key": "env:GITHUB_APP_KEY", "token": "env:GITHUB_TOKEN"}},
                "an App or a token, not both",
            ),
            ({"clone_names": ["*"]}, "A pattern needs a letter"),
            ({"clone_names": ["api-pr-${aws:username}"]}, "letters, digits, . @ _ - and the wildcards"),
            ({"template_names": ["api template"]}, "letters, digits, . @ _ - and the wildcards"),
            ({"build_role_arns": ["arn:aws:iam::123456789012:role/*"]}, "the complete ARN of one role"),
            ({"pipeline_role_arns": ["arn:aws:iam::123456789012:role/*"]}, "the complete ARN of one role"),
            ({"path_tokens": []}, "one URL, or two during a rotation"),
            ({"path_tokens": ["a", "b", "c"]}, "one URL, or two during a rotation"),
            ({"path_tokens": ["A/"]}, "1 to 20 characters of a-z"),
            ({"source_cidrs": ["192.0.2.0"]}, "an address range such as"),
            ({"throttle": {"rate": 0, "burst": 1}}, "must be above 0"),
            ({"web_acl_rate": 9}, "rates from 10 requests"),
            ({"web_acl_arn": "arn:aws:wafv2:x"}, "web_acl_arn or web_acl_rate, not both"),
            ({"max_tasks": 2, "min_tasks": 3}, "at least min_tasks"),
            ({"image": ""}, "must be the name of an image"),
            ({"min_tasks": -1}, "a whole number from 0"),
            ({"max_tasks": 1.5}, "max_tasks must be a whole number"),
            ({"drain_timeout": -1}, "a whole number from 0 to 100"),
            ({"codepipeline_rate": 0}, "from 1 to 1,000"),
            ({"concurrency": -3}, "from 1 to 1,000"),
            ({"subnet_ids": []}, "At least one subnet"),
            ({"subnet_ids": ["vpc-1"]}, "the ID of a subnet"),
            ({"vpc_id": None}, "the ID of a VPC"),
            ({"create_security_group": False}, "at least one security group is required"),
            ({"cpu": 300}, "cpu must be 256"),
            ({"cpu": 1024}, "Fargate does not have this much memory"),
            ({"cluster_arn": "shared"}, "the ARN of an ECS cluster"),
            ({"capacity_providers": {"FARGATE_SPOT": {"weight": 0}}}, "otherwise ECS starts no task"),
            ({"capacity_providers": {"FARGATE_SPOT": {"weight": -1}}}, "A weight must be"),
            ({"log_retention_days": 91}, "CloudWatch Logs retains for"),
            ({"log_level": "info; rm"}, "such as info"),
            ({"metrics": "statsd"}, "none, cloudwatch or prometheus"),
            ({"scrape_security_group_ids": ["sg-1"]}, "needs metrics"),
            ({"sidecars": [{"name": "branchline", "image": "x"}]}, "a name other than branchline"),
            ({"sidecars": [{"name": "adot"}]}, "must have an image"),
            ({"alarm_emails": ["oncall"]}, "an e-mail address"),
            ({"alarm_topic_arns": ["pager"]}, "the ARN of an SNS topic"),
            ({"domain": VARIABLES["domain"] | {"name": "https://hooks.example.com"}}, "a host name in lower case"),
            ({"domain": VARIABLES["domain"] | {"certificate_arn": "arn:aws:iam::1:server-certificate/x"}}, "a certificate in ACM"),
            ({"role_path": "teams"}, "begin and end with a slash"),
            ({"role_name_prefix": "a" * 55}, "1 to 54 letters"),
            ({"permissions_boundary_arn": "boundary"}, "the ARN of a managed policy"),
            ({"kms_key_arns": {"logs": "alias/logs"}}, "the ARN of a key, not of an alias"),
            ({"silence_hours": 25}, "CloudWatch evaluates at most a day"),
            ({"silence_hours": 0.5}, "CloudWatch evaluates at most a day"),
            ({"runbook_url": "docs/OPERATING.md"}, "an https:// address"),
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
                rule = VARIABLES["rules"][0] | {"pipeline_name": "zz-pr-7", "template": "other"}
                names = {"rules": [rule], "template_names": [template], "clone_names": [clone]}
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

    def test_nothing_that_the_provider_has_deprecated(self) -> None:
        """The newest provider accepts the module without a warning, and warns of an old index."""
        self.assertEqual(self.warnings(), [])
        path = self.runs.folder / "table.tf"
        for name, key in (("hash_key", "HASH"), ("range_key", "RANGE")):
            pattern = rf'    key_schema \{{\n      attribute_name = ("\w+")\n      key_type       = "{key}"\n    \}}\n'
            path.write_text(re.sub(pattern, rf"    {name} = \1\n", path.read_text()))
        self.assertEqual(self.warnings(), ["Argument is deprecated"] * 4)

    def warnings(self) -> list[str]:
        """Returns the warnings of terraform validate."""
        answer = json.loads(self.runs.did("validate", "-json"))
        return [each["summary"] for each in answer["diagnostics"] if each["severity"] == "warning"]


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
