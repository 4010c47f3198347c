"""The account before the module is applied to it, and its content afterwards."""

import json
import secrets
import urllib.parse
from dataclasses import dataclass
from typing import Any

from _common.isolation import REGION
from _sandbox import account, aws
from _sandbox.account import Account

from . import hook

WEB_TEMPLATE = "web-template"
"""The template of acme/web, which a step deletes."""

URLS = OLD, NEW = ("a", "b")
"""The names of the webhook URLs. A step removes the old one."""

RULE = {
    "repository": [account.REPOSITORY],
    "on": "pull_request",
    "base": ["main"],
    "template": account.PIPELINE,
}
RULES_TOML = f"""\
[[rule]]
repository = "acme/web"
on         = "pull_request"
template   = "{WEB_TEMPLATE}"
"""

ON_LOCALSTACK = ("apigateway", "sqs")
ON_MOTO = (
    "applicationautoscaling",
    "cloudwatch",
    "cloudwatchevents",
    "cloudwatchlogs",
    "dynamodb",
    "ec2",
    "ecs",
    "iam",
    "ssm",
    "sts",
)


@dataclass(frozen=True)
class Emulators:
    """The endpoints of the two emulators."""

    localstack: str
    moto: str

    def for_terraform(self) -> dict[str, str]:
        """Returns the endpoints for the provider."""
        front = dict.fromkeys(ON_LOCALSTACK, self.localstack)
        return front | dict.fromkeys(ON_MOTO, self.moto)

    def for_branchline(self) -> dict[str, str]:
        """Returns the variables that give the SDK an endpoint for each service."""
        services = {"SQS": self.localstack, "DYNAMODB": self.moto, "CODEPIPELINE": self.moto}
        return {f"AWS_ENDPOINT_URL_{service}": url for service, url in services.items()}


def prepare(emulators: Emulators) -> tuple[str, dict[str, Any]]:
    """Creates what a team has before: templates with a role, a network, and a secret.

    Returns the secret and the variables of the module.
    """
    role = account.make_role(aws.client("iam", emulators.moto))
    _make_templates(emulators, role)
    secret = secrets.token_hex(16)
    secretsmanager = aws.client("secretsmanager", emulators.moto)
    stored = secretsmanager.create_secret(Name="branchline/webhook", SecretString=secret)
    ec2 = aws.client("ec2", emulators.moto)
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
    return secret, {
        "rules": [RULE],
        "rules_toml": RULES_TOML,
        "image": "branchline:e2e",
        "webhook_secret_arns": [stored["ARN"]],
        "template_names": [WEB_TEMPLATE],
        "clone_names": ["web-pr-*"],
        "pipeline_role_arns": [role],
        "vpc_id": vpc,
        "subnet_ids": [subnet["SubnetId"] for subnet in subnets],
        "path_tokens": URLS,
        "source_cidrs": [f"{hook.GITHUB}/32"],
        "deletion_protection": False,
        "manage_api_gateway_account": False,
        # moto starts no task.
        "wait_for_steady_state": False,
    }


def _make_templates(emulators: Emulators, role: str) -> None:
    """Creates the template of the sandbox, and the same one for acme/web."""
    codepipeline = aws.client("codepipeline", emulators.moto)
    template = account.template(role)
    codepipeline.create_pipeline(pipeline=template)
    web = json.loads(json.dumps(template).replace(account.REPOSITORY, "acme/web"))
    codepipeline.create_pipeline(pipeline=web | {"name": WEB_TEMPLATE})


def remaining(emulators: Emulators) -> list[str]:
    """Returns what remains of the module's resources in the emulators, not in Terraform's state."""
    apis = aws.client("apigateway", emulators.localstack).get_rest_apis()["items"]
    queues = aws.client("sqs", emulators.localstack).list_queues().get("QueueUrls", [])
    tables = aws.client("dynamodb", emulators.moto).list_tables()["TableNames"]
    # Like AWS, the emulator lists a deleted cluster as INACTIVE for a while.
    clusters = aws.client("ecs", emulators.moto).describe_clusters(clusters=["branchline"])[
        "clusters"
    ]
    logs = aws.client("logs", emulators.moto).describe_log_groups()["logGroups"]
    alarms = aws.client("cloudwatch", emulators.moto).describe_alarms()["MetricAlarms"]
    roles = aws.client("iam", emulators.moto).list_roles()["Roles"]
    named = [
        *(api["name"] for api in apis),
        *(cluster["clusterName"] for cluster in clusters if cluster["status"] != "INACTIVE"),
        *(group["logGroupName"] for group in logs),
        *(alarm["AlarmName"] for alarm in alarms),
        *(role["RoleName"] for role in roles if role["RoleName"].startswith("branchline")),
    ]
    return [*queues, *tables, *named]


@dataclass(frozen=True)
class Applied:
    """The applied module."""

    emulators: Emulators
    outputs: dict[str, Any]
    secret: str

    def webhook_url(self, name: str = NEW) -> str:
        """Returns a payload URL as LocalStack serves it: with the API's name in the path."""
        url = urllib.parse.urlsplit(self.outputs["webhook_urls"][name])
        api = (url.hostname or "").split(".")[0]
        return f"{self.emulators.localstack}/_aws/execute-api/{api}{url.path}"

    def account(self) -> Account:
        """Returns the account in the form that the sandbox's modules use."""
        queues = self.outputs["queue_urls"]
        return Account(
            endpoint=self.emulators.moto,
            region=REGION,
            webhooks=queues["webhooks"],
            internal=queues["internal"],
            dead_letters=queues["dead_letters"],
            quarantine=queues["quarantine"],
            table=self.outputs["table"],
            template=account.PIPELINE,
            secret=self.secret,
        )

    def set_queue_size(self) -> None:
        """Sets the message size of the module, which the old provider cannot set."""
        sqs = aws.client("sqs", self.emulators.localstack)
        size = {"MaximumMessageSize": str(account.MAX_MESSAGE_BYTES)}
        for url in self.outputs["queue_urls"].values():
            sqs.set_queue_attributes(QueueUrl=url, Attributes=size)
