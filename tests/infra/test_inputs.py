"""Tests the inputs for the network, the tasks, the alarms and the host name."""

import json
import unittest
from typing import Any, ClassVar

from support import applied, outputs

from _infra import terraform
from _infra.permissions import ARN, VARIABLES
from _infra.provider import REGION

SERVICE = "aws_ecs_service.consumer"


def apply(name: str, **changes: Any) -> dict[str, Any]:
    """Returns the resources of the module with other variables."""
    runs = terraform.Terraform(name)
    try:
        return runs.apply(VARIABLES | changes)
    finally:
        runs.close()


class Tasks(unittest.TestCase):
    """Where and how the tasks run."""

    def test_capacity_providers(self) -> None:
        """The service has their weights, and the cluster has the providers."""
        found = {each["capacity_provider"]: (each["weight"], each["base"]) for each in applied()[SERVICE]["capacity_provider_strategy"]}
        self.assertEqual(found, {"FARGATE_SPOT": (3, 0), "FARGATE": (1, 1)})
        # AWS fills it in, if it is not given.
        self.assertTrue(applied()[SERVICE]["launch_type"].startswith("stub-"))
        cluster = applied()["aws_ecs_cluster_capacity_providers.consumer[0]"]
        self.assertEqual(set(cluster["capacity_providers"]), {"FARGATE_SPOT", "FARGATE"})

    def test_a_cluster_and_security_groups_of_the_team(self) -> None:
        """The module creates neither, and everything that names the cluster names this one."""
        arn = f"arn:aws:ecs:{ARN}:cluster/shared"
        there = apply("cluster", cluster_arn=arn, create_security_group=False, vpc_id=None, security_group_ids=["sg-1"])
        kinds = {address.split(".")[0] for address in there}
        absent = {"aws_ecs_cluster", "aws_ecs_cluster_capacity_providers", "aws_security_group", "aws_vpc_security_group_egress_rule"}
        self.assertEqual(kinds & absent, set())
        self.assertEqual(there[SERVICE]["cluster"], arn)
        self.assertEqual(there[SERVICE]["network_configuration"][0]["security_groups"], ["sg-1"])
        self.assertEqual(there["aws_appautoscaling_target.consumer"]["resource_id"], "service/shared/branchline")
        alarm = there['aws_cloudwatch_metric_alarm.operators["no-consumer"]']
        self.assertEqual(alarm["dimensions"]["ClusterName"], "shared")
        operator = json.loads(there["aws_iam_policy.operator[0]"]["policy"])["Statement"]
        (restart,) = [each["Resource"] for each in operator if each["Sid"] == "RestartTasks"]
        self.assertEqual(restart, f"arn:aws:ecs:{ARN}:service/shared/branchline")

    def test_size_and_logs(self) -> None:
        """The size of a task, and the level of its log."""
        there = apply("size", cpu=1024, memory=4096, log_level="branchline=debug,info", capacity_providers={})
        definition = there["aws_ecs_task_definition.consumer"]
        self.assertEqual((definition["cpu"], definition["memory"]), ("1024", "4096"))
        (container,) = json.loads(definition["container_definitions"])
        self.assertIn({"name": "BRANCHLINE_LOG", "value": "branchline=debug,info"}, container["environment"])
        self.assertEqual(there[SERVICE]["launch_type"], "FARGATE")

    def test_the_security_group_lets_https_out_alone(self) -> None:
        """To IPv4 and IPv6: the second name of a registry and the SDK may use either."""
        rules = [values for address, values in applied().items() if address.startswith("aws_vpc_security_group_egress_rule.")]
        self.assertEqual({rule["cidr_ipv4"] or rule["cidr_ipv6"] for rule in rules}, {"0.0.0.0/0", "::/0"})
        self.assertEqual({(rule["from_port"], rule["to_port"], rule["ip_protocol"]) for rule in rules}, {(443, 443, "tcp")})
        self.assertEqual([address for address in applied() if address.startswith("aws_vpc_security_group_ingress_rule.")], [])


class Metrics(unittest.TestCase):
    """Who reads the metrics, by where they go."""

    SIDECAR: ClassVar[dict[str, Any]] = {"name": "adot", "image": "public.ecr.aws/x/adot:1", "essential": False, "environment": [{"name": "A", "value": "b"}]}

    def addresses(self, there: dict[str, Any]) -> tuple[str, str]:
        """Returns the format and the address in the environment of the daemon."""
        container = json.loads(there["aws_ecs_task_definition.consumer"]["container_definitions"])[0]
        given = {pair["name"]: pair["value"] for pair in container["environment"]}
        return given["BRANCHLINE_METRICS"], given["BRANCHLINE_METRICS_ADDR"]

    def test_cloudwatch(self) -> None:
        """The port serves the health check alone."""
        self.assertEqual(self.addresses(applied()), ("emf", "127.0.0.1:9090"))

    def test_a_sidecar(self) -> None:
        """It is in the same task, which nobody reaches from outside."""
        there = apply("sidecar", metrics="prometheus", sidecars=[self.SIDECAR])
        containers = json.loads(there["aws_ecs_task_definition.consumer"]["container_definitions"])
        self.assertEqual((len(containers), containers[1]), (2, self.SIDECAR))
        self.assertEqual(self.addresses(there), ("prometheus", "127.0.0.1:9090"))
        self.assertEqual([address for address in there if "ingress_rule" in address or "dashboard" in address], [])

    def test_a_prometheus_in_the_vpc(self) -> None:
        """Its security group reaches the one port, and no other does."""
        there = apply("scraped", metrics="prometheus", scrape_security_group_ids=["sg-1"])
        self.assertEqual(self.addresses(there), ("prometheus", "0.0.0.0:9090"))
        rule = there['aws_vpc_security_group_ingress_rule.metrics["sg-1"]']
        self.assertEqual((rule["from_port"], rule["to_port"], rule["referenced_security_group_id"]), (9090, 9090, "sg-1"))


class Watch(unittest.TestCase):
    """Alarms, their topic, and what a switch leaves out."""

    def test_the_alarms_notify_the_addresses(self) -> None:
        """The topic of the e-mails is one more topic of each alarm."""
        topic = applied()["aws_sns_topic.alarms[0]"]["arn"]
        subscription = applied()['aws_sns_topic_subscription.email["oncall@example.com"]']
        self.assertEqual((subscription["protocol"], subscription["topic_arn"]), ("email", topic))
        alarms = [values for address, values in applied().items() if "metric_alarm.operators[" in address]
        for alarm in alarms:
            for actions in (alarm["alarm_actions"], alarm["ok_actions"]):
                self.assertEqual(set(actions), {*VARIABLES["alarm_topic_arns"], topic})

    def test_what_is_switched_off_is_not_created(self) -> None:
        """The alarms of auto scaling remain, because they scale."""
        there = apply("switches", create_alarms=False, create_dashboard=False, create_operator_policy=False, alarm_emails=[])
        left = [address for address in applied() if address not in there]
        kinds = {address.split("[")[0] for address in left}
        self.assertEqual(
            kinds,
            {
                "aws_cloudwatch_metric_alarm.operators",
                "aws_cloudwatch_log_metric_filter.outcome",
                "aws_cloudwatch_log_metric_filter.github_refused",
                "aws_cloudwatch_dashboard.metrics",
                "aws_iam_policy.operator",
                "aws_sns_topic.alarms",
                "aws_sns_topic_subscription.email",
            },
        )


class Domain(unittest.TestCase):
    """The host name of the webhook URLs."""

    def test_the_urls_have_the_host_name(self) -> None:
        """It maps to the stage, so the path is the same."""
        path = applied()['aws_api_gateway_resource.webhook["a"]']["path_part"]
        self.assertEqual(outputs()["webhook_urls"]["a"], f"https://hooks.example.com/{path}")
        mapping = applied()["aws_api_gateway_base_path_mapping.webhooks[0]"]
        self.assertEqual((mapping["domain_name"], mapping["stage_name"]), ("hooks.example.com", "live"))
        self.assertFalse(mapping["base_path"] and not mapping["base_path"].startswith("stub-"))

    def test_the_record_and_the_certificate(self) -> None:
        """The record leads to the host name that API Gateway made for the domain."""
        domain = applied()["aws_api_gateway_domain_name.webhooks[0]"]
        self.assertEqual(domain["regional_certificate_arn"], VARIABLES["domain"]["certificate_arn"])
        self.assertEqual(domain["security_policy"], "TLS_1_2")
        record = applied()["aws_route53_record.webhooks[0]"]
        self.assertEqual([each["name"] for each in record["alias"]], [domain["regional_domain_name"]])
        self.assertEqual(outputs()["domain_target"], f"d-stub.execute-api.{REGION}.amazonaws.com")

    def test_the_own_host_name_of_the_api(self) -> None:
        """It is turned off on request, and the stage gets that with a new deployment."""
        runs = terraform.Terraform("domain")
        self.addCleanup(runs.close)
        domain = VARIABLES["domain"] | {"zone_id": None}
        steps = [runs.apply(VARIABLES | {"domain": domain | {"only": only}}) for only in (False, True)]
        api, deployment = "aws_api_gateway_rest_api.webhooks", "aws_api_gateway_deployment.webhooks"
        self.assertEqual([step[api]["disable_execute_api_endpoint"] for step in steps], [False, True])
        self.assertEqual(len({step[deployment]["triggers"]["snapshot"] for step in steps}), 2)
        self.assertNotIn("aws_route53_record.webhooks[0]", steps[0])


if __name__ == "__main__":
    unittest.main()
