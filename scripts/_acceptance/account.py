"""The place in a real account: infra/examples/complete, applied under a name of its own."""

import argparse
import http.client
import secrets
import time
import tomllib
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from _common import terminal
from _common.problem import Problem
from _sandbox.github import Webhook

from .place import Place
from .terraform import Terraform

WAIT_SECONDS = 600
"""A task of Fargate starts within two minutes, and a build takes about one."""
PAUSE_SECONDS = 2
POST_SECONDS = 120
"""How long a new API may refuse, until its deployment is everywhere."""
CONNECT_SECONDS = 900
"""How long a person has to authorize the connection."""
URL = "a"
"""The name of the webhook URL and of its secret, which is the example's default."""


@dataclass(frozen=True)
class Settings:
    """What a person says about the account."""

    account: str
    region: str
    image: str
    repository: str
    base: str
    branch: str
    commits: tuple[str, str]
    fork_commit: str
    vpc: str | None
    subnets: tuple[str, ...]
    architecture: str
    manage_api_gateway_account: bool

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> "Settings":
        """Reads the command line. An argument that is missing is a Problem."""
        for name in ("region", "image", "repository", "branch", "commits"):
            if not getattr(arguments, name):
                raise Problem(f"--account needs --{name} as well: see docs/ACCEPTANCE.md", 2)
        return cls(
            account=arguments.account,
            region=arguments.region,
            image=arguments.image,
            repository=arguments.repository,
            base=arguments.base,
            branch=arguments.branch,
            commits=tuple(arguments.commits),
            fork_commit=arguments.fork_commit,
            vpc=arguments.vpc,
            subnets=tuple(arguments.subnets or ()),
            architecture=arguments.architecture,
            manage_api_gateway_account=arguments.manage_api_gateway_account,
        )

    def client(self, service: str) -> Any:
        """Returns a client with the person's credentials.

        It does not check requests: the questions also ask for what the SDK refuses by itself.
        """
        config = Config(
            retries={"total_max_attempts": 1}, parameter_validation=False, connect_timeout=10
        )
        return boto3.client(service, region_name=self.region, config=config)


@contextmanager
def opened(settings: Settings) -> Iterator[Place]:
    """Applies the example, and destroys it with the block, after a failure as well."""
    _check_account(settings)
    name = f"branchline-acc-{secrets.token_hex(2)}"
    terraform = Terraform(name)
    terminal.say(f"applying infra/examples/complete as {name}: this takes some minutes")
    try:
        outputs = terraform.apply(variables(settings, name))
        terminal.done("the example is applied")
        yield _place(settings, name, outputs)
    finally:
        terminal.say("destroying the example: this takes some minutes")
        terraform.destroy()
        terminal.done("the example is destroyed")


def variables(settings: Settings, name: str) -> dict[str, Any]:
    """Returns the variables of the example."""
    vpc, subnets = settings.vpc, list(settings.subnets)
    if not subnets:
        vpc, subnets = _network(settings)
    return {
        "name": name,
        "region": settings.region,
        "repository": settings.repository,
        "base": settings.base,
        "image": settings.image,
        "cpu_architecture": settings.architecture,
        "vpc_id": vpc,
        "subnet_ids": subnets,
        "assign_public_ip": not settings.subnets,
        # The webhooks of the story come from here, and their signature protects the queue.
        "source_cidrs": [],
        "deletion_protection": False,
        "manage_api_gateway_account": settings.manage_api_gateway_account,
    }


def _check_account(settings: Settings) -> None:
    """Raises a Problem unless the credentials are those of the account that was named."""
    try:
        found = settings.client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        raise Problem(f"there are no valid AWS credentials: {error}") from None
    if found != settings.account:
        raise Problem(f"the AWS credentials are of account {found}, not {settings.account}", 2)


def _network(settings: Settings) -> tuple[str, list[str]]:
    """Returns the VPC, by default the default one, and its subnets."""
    ec2 = settings.client("ec2")
    wanted = {"VpcIds": [settings.vpc]} if settings.vpc else {}
    default = [{"Name": "is-default", "Values": ["true"]}]
    filters = {} if settings.vpc else {"Filters": default}
    vpcs = ec2.describe_vpcs(**wanted, **filters)["Vpcs"]
    if not vpcs:
        raise Problem("there is no default VPC in this Region: use --vpc and --subnets", 2)
    vpc = str(vpcs[0]["VpcId"])
    listed = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
    return vpc, [each["SubnetId"] for each in listed]


def _place(settings: Settings, name: str, outputs: dict[str, Any]) -> Place:
    configuration = tomllib.loads(outputs["configuration"])
    queue = configuration["queue"]
    secret = settings.client("secretsmanager").get_secret_value(
        SecretId=outputs["webhook_secret_arns"][URL]
    )["SecretString"]
    return Place(
        title=f"account {settings.account}, {settings.region}",
        name=name,
        client=settings.client,
        template=configuration["rule"][0]["template"],
        queues={
            "webhooks": queue["url"],
            "dead-letters": queue["dead_letter_url"],
            "quarantine": queue["quarantine_url"],
        },
        table=configuration["store"]["table"],
        repository=settings.repository,
        base=settings.base,
        branch=settings.branch,
        commits=settings.commits,
        secret=secret,
        post=partial(post, outputs["webhook_urls"][URL]),
        let_run=lambda _pipeline, _commit, **_more: None,
        builds=_is_connected(settings, outputs["connection_arn"]),
        fork_commit=settings.fork_commit,
        wait_seconds=WAIT_SECONDS,
        pause_seconds=PAUSE_SECONDS,
    )


def _is_connected(settings: Settings, connection: str) -> bool:
    """Waits until a person has authorized the connection, which Terraform cannot do."""
    client = settings.client("codeconnections")

    def is_available() -> bool:
        found = client.get_connection(ConnectionArn=connection)["Connection"]
        return bool(found["ConnectionStatus"] == "AVAILABLE")

    if is_available():
        return True
    page = f"https://{settings.region}.console.aws.amazon.com/codesuite/settings/connections"
    terminal.say(f"authorize the new connection within {CONNECT_SECONDS // 60} minutes: {page}")
    deadline = time.monotonic() + CONNECT_SECONDS
    while time.monotonic() < deadline:
        if is_available():
            terminal.done("the connection is available")
            return True
        time.sleep(PAUSE_SECONDS)
    terminal.say("the connection is not available: what needs a commit is not asked")
    return False


def post(url: str, webhook: Webhook) -> None:
    """Sends a webhook to the API as GitHub does. A new API refuses for a while."""
    deadline = time.monotonic() + POST_SECONDS
    while True:
        status, body = _post_once(url, webhook)
        if status == 202:
            return
        if time.monotonic() > deadline:
            raise Problem(f"the webhook URL answers {status}: {body}")
        time.sleep(PAUSE_SECONDS)


def _post_once(url: str, webhook: Webhook) -> tuple[int, str]:
    target = urllib.parse.urlsplit(url)
    connect = (
        http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
    )
    connection = connect(target.hostname or "", target.port, timeout=30)
    try:
        connection.request("POST", target.path, webhook.body, webhook.headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")[:200]
    except OSError as error:
        return 0, str(error)
    finally:
        connection.close()
