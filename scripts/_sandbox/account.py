"""Creates in the emulator what branchline needs: queues, two tables, a role and a template."""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _common.isolation import REGION

from . import aws, pipeline_run
from .emulator import Emulator
from .fake_github.content import CLIENT_ID

TABLE = "branchline"
PIPELINE = "api-template"
REPOSITORY = "acme/api"
GITHUB_WORLD = "sandbox"
SECRET_VARIABLE = "BRANCHLINE_WEBHOOK_SECRET"
EVENT_RULE = "branchline-pipeline-events"
MAX_RECEIVES = 100
RETENTION = "1209600"
"""How long failed messages are kept, in seconds: 14 days, the longest that SQS allows."""
MAX_MESSAGE_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Account:
    """The names and addresses that branchline needs. Plain values, so that a file can hold them."""

    endpoint: str
    region: str
    webhooks: str
    internal: str
    dead_letters: str
    quarantine: str
    table: str
    template: str
    secret: str
    github: str = ""
    """The base URL of the fake GitHub's API, or nothing where only AWS is needed."""
    github_key: str = ""
    """The private key of its App."""

    def queues(self) -> dict[str, str]:
        """Returns the address of every queue by its name for people."""
        return {
            "webhooks": self.webhooks,
            "internal": self.internal,
            "dead letters": self.dead_letters,
            "quarantine": self.quarantine,
        }


def make(endpoint: str, github: Emulator | None = None) -> Account:
    """Fills a fresh emulator. `github` is the fake GitHub, if there is one."""
    sqs = aws.client("sqs", endpoint)
    dead_letters = _queue(sqs, "branchline-dead-letters", MessageRetentionPeriod=RETENTION)
    quarantine = _queue(sqs, "branchline-quarantine", MessageRetentionPeriod=RETENTION)
    redrive = _redrive_to(sqs, dead_letters)
    webhooks = _queue(sqs, "branchline-webhooks", RedrivePolicy=redrive)
    internal = _queue(sqs, "branchline-internal", RedrivePolicy=redrive)
    _report_pipelines(aws.client("events", endpoint), sqs, internal)
    _make_tables(aws.client("dynamodb", endpoint))
    role = make_role(aws.client("iam", endpoint))
    aws.client("codepipeline", endpoint).create_pipeline(pipeline=template(role))
    aws.client("codebuild", endpoint).create_project(**project(role))
    return Account(
        endpoint=endpoint,
        region=REGION,
        webhooks=webhooks,
        internal=internal,
        dead_letters=dead_letters,
        quarantine=quarantine,
        table=TABLE,
        template=PIPELINE,
        secret=secrets.token_hex(16),
        github=f"{github.endpoint}/{GITHUB_WORLD}" if github else "",
        github_key=github.private_key if github else "",
    )


def write_configuration(
    account: Account, path: Path, *, codepipeline_rate: int = 10, rule: str | None = None
) -> None:
    """Writes a branchline.toml, and the App's key beside it. `rule` replaces its only rule.

    It names the variable with the secret and the file with the key, not the secret and the key.
    """
    path.write_text(
        f"""\
# The sandbox writes this file again each time it starts.

[aws]
region = "{account.region}"
endpoint_url = "{account.endpoint}"
codepipeline_rate = {codepipeline_rate}

[queue]
url = "{account.webhooks}"
internal_url = "{account.internal}"
dead_letter_url = "{account.dead_letters}"
quarantine_url = "{account.quarantine}"

[store]
table = "{account.table}"

[github]
secrets = ["env:{SECRET_VARIABLE}"]
{_app(account, path.with_name("github-app.pem"))}
{_rule(account) if rule is None else rule}"""
    )


def _rule(account: Account) -> str:
    return f"""\
[[rule]]
name = "api"
repository = "acme/*"
on = "pull_request"
base = ["main"]
template = "{account.template}"
pipeline_name = "{{repo}}-pr-{{number}}"
drafts = false
"""


def _app(account: Account, key: Path) -> str:
    """Writes the App's key, and returns the lines of the App, if there is a GitHub."""
    if not account.github:
        return ""
    key.touch(mode=0o600)
    key.write_text(account.github_key)
    return f"""\
app = "{CLIENT_ID}"
private_key = "file:{key.resolve()}"
api_url = "{account.github}"
"""


def _queue(sqs: Any, name: str, **attributes: str) -> str:
    attributes["MaximumMessageSize"] = str(MAX_MESSAGE_BYTES)
    return str(sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])


def _arn(sqs: Any, queue_url: str) -> str:
    found = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
    return str(found["Attributes"]["QueueArn"])


def _redrive_to(sqs: Any, queue_url: str) -> str:
    policy = {"deadLetterTargetArn": _arn(sqs, queue_url), "maxReceiveCount": MAX_RECEIVES}
    return json.dumps(policy)


def _report_pipelines(events: Any, sqs: Any, internal: str) -> None:
    """Lets EventBridge send the events of all pipelines to the internal queue."""
    pattern = {"source": [pipeline_run.SOURCE], "detail-type": list(pipeline_run.KINDS)}
    rule = events.put_rule(Name=EVENT_RULE, EventPattern=json.dumps(pattern))["RuleArn"]
    queue = _arn(sqs, internal)
    events.put_targets(Rule=EVENT_RULE, Targets=[{"Id": "internal-queue", "Arn": queue}])
    statement = {
        "Sid": "AllowPipelineEvents",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=internal, Attributes={"Policy": policy})


def audit_table(table: str) -> str:
    """Returns the name of the table with the audit trail."""
    return f"{table}-audit"


def _make_tables(dynamodb: Any) -> None:
    def key(name: str, kind: str) -> dict[str, str]:
        return {"AttributeName": name, "KeyType": kind}

    def index(name: str, partition: str, sort: str) -> dict[str, Any]:
        return {
            "IndexName": name,
            "KeySchema": [key(partition, "HASH"), key(sort, "RANGE")],
            "Projection": {"ProjectionType": "ALL"},
        }

    dynamodb.create_table(
        TableName=audit_table(TABLE),
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"}
            for name in ("pk", "sk", "day", "processed_at")
        ],
        KeySchema=[key("pk", "HASH"), key("sk", "RANGE")],
        GlobalSecondaryIndexes=[index("by-time", "day", "processed_at")],
    )
    dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"}
            for name in ("pk", "sk", "state", "updated_at")
        ],
        KeySchema=[key("pk", "HASH"), key("sk", "RANGE")],
        GlobalSecondaryIndexes=[index("by-state", "state", "updated_at")],
    )
    dynamodb.update_time_to_live(
        TableName=TABLE,
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"},
    )


def make_role(iam: Any) -> str:
    """Creates a role that CodePipeline may assume. AWS and moto refuse a pipeline without one."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "codepipeline.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    made = iam.create_role(RoleName="api-pipeline", AssumeRolePolicyDocument=json.dumps(trust))
    return str(made["Role"]["Arn"])


def template(role: str) -> dict[str, Any]:
    """Returns a pipeline as a team has it for `main`. A clone must not inherit its trigger."""
    account = role.split(":")[4]
    guid = "00000000-0000-4000-8000-000000000000"
    connection = f"arn:aws:codeconnections:{REGION}:{account}:connection/{guid}"
    source = {
        "name": "Source",
        "actionTypeId": _type("Source", "CodeStarSourceConnection"),
        "configuration": {
            "ConnectionArn": connection,
            "FullRepositoryId": REPOSITORY,
            "BranchName": "main",
            "OutputArtifactFormat": "CODE_ZIP",
        },
        "outputArtifacts": [{"name": "SourceOutput"}],
    }
    build = {
        "name": "Build",
        "actionTypeId": _type("Build", "CodeBuild"),
        "configuration": {"ProjectName": "api-build"},
        "inputArtifacts": [{"name": "SourceOutput"}],
    }
    push = {"branches": {"includes": ["main"]}}
    return {
        "name": PIPELINE,
        "roleArn": role,
        "pipelineType": "V2",
        "executionMode": "SUPERSEDED",
        "artifactStore": {"type": "S3", "location": "acme-artifacts"},
        "stages": [
            {"name": "Source", "actions": [source]},
            {"name": "Build", "actions": [build]},
        ],
        "triggers": [
            {
                "providerType": "CodeStarSourceConnection",
                "gitConfiguration": {"sourceActionName": "Source", "push": [push]},
            }
        ],
    }


def project(role: str) -> dict[str, Any]:
    """Returns the CodeBuild project of the template.

    The emulator wants locations, which AWS ignores.
    """
    return {
        "name": "api-build",
        "source": {"type": "CODEPIPELINE", "location": "ignored"},
        "artifacts": {"type": "CODEPIPELINE", "location": "ignored"},
        "environment": {
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
        },
        "serviceRole": role,
        "timeoutInMinutes": 60,
        "queuedTimeoutInMinutes": 480,
        "tags": [{"key": "team", "value": "api"}],
    }


def _type(category: str, provider: str) -> dict[str, str]:
    return {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
