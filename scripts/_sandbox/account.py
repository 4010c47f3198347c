"""What branchline expects to find in an AWS account, made in the emulator: queues, table, role, template pipeline."""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import aws

TABLE = "branchline"
PIPELINE = "api-template"
REPOSITORY = "acme/api"
SECRET_VARIABLE = "BRANCHLINE_WEBHOOK_SECRET"
MAX_RECEIVES = 100
MAX_MESSAGE_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Account:
    """Where branchline finds its account. Plain values, so that it can be kept in a file."""

    endpoint: str
    region: str
    webhooks: str
    dead_letters: str
    quarantine: str
    table: str
    template: str
    secret: str


def make(endpoint: str) -> Account:
    """Fills a fresh emulator."""
    sqs = aws.client("sqs", endpoint)
    dead_letters = _queue(sqs, "branchline-dead-letters")
    quarantine = _queue(sqs, "branchline-quarantine")
    webhooks = _queue(sqs, "branchline-webhooks", RedrivePolicy=_redrive_to(sqs, dead_letters))
    _make_table(aws.client("dynamodb", endpoint))
    role = make_role(aws.client("iam", endpoint))
    aws.client("codepipeline", endpoint).create_pipeline(pipeline=_template(role))
    return Account(
        endpoint=endpoint,
        region=aws.REGION,
        webhooks=webhooks,
        dead_letters=dead_letters,
        quarantine=quarantine,
        table=TABLE,
        template=PIPELINE,
        secret=secrets.token_hex(16),
    )


def write_configuration(account: Account, path: Path) -> None:
    """A branchline.toml for it. The secret is named, not written: branchline reads it from the environment."""
    path.write_text(
        f"""\
# Written by the sandbox; it is written again with each new one.

[aws]
region = "{account.region}"
endpoint_url = "{account.endpoint}"

[queue]
url = "{account.webhooks}"
dead_letter_url = "{account.dead_letters}"
quarantine_url = "{account.quarantine}"

[store]
table = "{account.table}"

[github]
secrets = ["env:{SECRET_VARIABLE}"]

[[rule]]
repository = "acme/*"
on = "pull_request"
base = ["main"]
template = "{account.template}"
pipeline_name = "{{repo}}-pr-{{number}}"
"""
    )


def _queue(sqs: Any, name: str, **attributes: str) -> str:
    attributes["MaximumMessageSize"] = str(MAX_MESSAGE_BYTES)
    return str(sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])


def _redrive_to(sqs: Any, queue_url: str) -> str:
    found = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
    return json.dumps({"deadLetterTargetArn": found["Attributes"]["QueueArn"], "maxReceiveCount": MAX_RECEIVES})


def _make_table(dynamodb: Any) -> None:
    def key(name: str, kind: str) -> dict[str, str]:
        return {"AttributeName": name, "KeyType": kind}

    dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "state", "updated_at")
        ],
        KeySchema=[key("pk", "HASH"), key("sk", "RANGE")],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-state",
                "KeySchema": [key("state", "HASH"), key("updated_at", "RANGE")],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    dynamodb.update_time_to_live(
        TableName=TABLE, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"}
    )


def make_role(iam: Any) -> str:
    """A pipeline is refused without a role that CodePipeline may assume, by moto as by AWS."""
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


def _template(role: str) -> dict[str, Any]:
    """A pipeline as a team would have it for `main`: its trigger is what a clone must not inherit."""
    account = role.split(":")[4]
    connection = f"arn:aws:codeconnections:{aws.REGION}:{account}:connection/00000000-0000-4000-8000-000000000000"
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


def _type(category: str, provider: str) -> dict[str, str]:
    return {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
