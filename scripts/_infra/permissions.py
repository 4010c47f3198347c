"""infra/permissions.toml, the policies that Terraform makes, and AWS's judgement of the two by simulation."""

import json
import subprocess
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .paths import NODE, PERMISSIONS
from .provider import ACCOUNT, REGION

ARN = f"{REGION}:{ACCOUNT}"
CONNECTION = f"{ARN}:connection/00000000-0000-4000-8000-000000000000"
OWNER = "branchline:managed-by"

# What AWS knows of every request.
ALWAYS = {"aws:SecureTransport": "true", "aws:PrincipalAccount": ACCOUNT}

# What the checks apply the module with.
VARIABLES: dict[str, Any] = {
    "rules": '[[rule]]\nrepository = "acme/api"\non = "pull_request"\ntemplate = "api-template"\n',
    "image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/branchline@sha256:{'0' * 64}",
    "webhook_secret_arns": [f"arn:aws:secretsmanager:{ARN}:secret:branchline/webhook-AbCdEf"],
    "secrets_kms_key_arns": [f"arn:aws:kms:{ARN}:key/11111111-2222-4333-8444-555555555555"],
    "template_names": ["api-template"],
    "pipeline_role_arns": [f"arn:aws:iam::{ACCOUNT}:role/api-pipeline"],
    "connection_arns": [f"arn:aws:codeconnections:{CONNECTION}"],
    "vpc_id": "vpc-0123456789abcdef0",
    "subnet_ids": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
    "source_cidrs": ["192.0.2.0/24"],
    "web_acl_arn": f"arn:aws:wafv2:{ARN}:regional/webacl/web/11111111-2222-4333-8444-555555555555",
    "metrics": True,
    "manage_api_gateway_account": True,
    "alarm_topic_arns": [f"arn:aws:sns:{ARN}:pager"],
}


@dataclass(frozen=True)
class On:
    """A resource, a neighbour that must stay out of reach, and what is known when it is asked for."""

    arn: str
    other: str
    context: dict[str, Any] = field(default_factory=dict)


def _codepipeline(name: str) -> str:
    return f"arn:aws:codepipeline:{ARN}:{name}"


def _sqs(name: str) -> str:
    return f"arn:aws:sqs:{ARN}:{name}"


def _connection(service: str) -> On:
    arn = f"arn:aws:{service}:{CONNECTION}"
    return On(arn, f"{arn[:-1]}1", {f"{service}:PassedToService": "codepipeline.amazonaws.com"})


_TABLE = f"arn:aws:dynamodb:{ARN}:table/branchline"

RESOURCES: dict[str, On] = {
    "anything": On("*", ""),
    "webhooks": On(_sqs("branchline-webhooks"), _sqs("orders")),
    "internal": On(_sqs("branchline-internal"), _sqs("orders")),
    "dead letters": On(_sqs("branchline-dead-letters"), _sqs("orders")),
    "quarantine": On(_sqs("branchline-quarantine"), _sqs("orders")),
    "table": On(_TABLE, f"arn:aws:dynamodb:{ARN}:table/branchline2"),
    "index": On(f"{_TABLE}/index/by-state", f"{_TABLE}2/index/by-state"),
    "template": On(_codepipeline("api-template"), _codepipeline("production")),
    "clone": On(_codepipeline("api-pr-7"), _codepipeline("production")),
    "any pipeline": On(_codepipeline("production"), f"arn:aws:codepipeline:us-east-1:{ACCOUNT}:production"),
    "marked clone": On(
        _codepipeline("api-pr-7"), _codepipeline("api-template"), {f"aws:ResourceTag/{OWNER}": "branchline"}
    ),
    "new clone": On(
        _codepipeline("api-pr-7"),
        _codepipeline("api-template"),
        {f"aws:RequestTag/{OWNER}": "branchline", "aws:TagKeys": [OWNER, "branchline:subject", "team"]},
    ),
    "pipeline role": On(
        f"arn:aws:iam::{ACCOUNT}:role/api-pipeline",
        f"arn:aws:iam::{ACCOUNT}:role/admin",
        {"iam:PassedToService": "codepipeline.amazonaws.com"},
    ),
    "daemon role": On(f"arn:aws:iam::{ACCOUNT}:role/branchline-daemon", f"arn:aws:iam::{ACCOUNT}:role/admin"),
    "connection": _connection("codeconnections"),
    "connection, old name": _connection("codestar-connections"),
    "image": On(f"arn:aws:ecr:{ARN}:repository/branchline", f"arn:aws:ecr:{ARN}:repository/other"),
    "secret": On(VARIABLES["webhook_secret_arns"][0], f"arn:aws:secretsmanager:{ARN}:secret:database-AbCdEf"),
    "secrets key": On(VARIABLES["secrets_kms_key_arns"][0], f"arn:aws:kms:{ARN}:key/99999999-2222-4333-8444-555555555555"),
    "configuration": On(f"arn:aws:ssm:{ARN}:parameter/branchline/configuration", f"arn:aws:ssm:{ARN}:parameter/other"),
    "log stream": On(
        f"arn:aws:logs:{ARN}:log-group:/ecs/branchline:log-stream:branchline/branchline/1",
        f"arn:aws:logs:{ARN}:log-group:/ecs/other:log-stream:1",
    ),
}

POLICIES = {
    "api": "aws_iam_role_policy.api",
    "execution": "aws_iam_role_policy.execution",
    "daemon": "aws_iam_role_policy.daemon",
    "operator": "aws_iam_policy.operator",
}


@dataclass(frozen=True)
class Need:
    """One permission that somebody needs on one kind of resource."""

    by: str
    action: str
    on: str
    why: str


@dataclass(frozen=True)
class Question:
    """May this policy's holder do this?"""

    by: str
    action: str
    resource: str
    context: tuple[tuple[str, Any], ...] = ()

    @staticmethod
    def of(by: str, action: str, resource: str, context: dict[str, Any] | None = None) -> "Question":
        """With the context in a form that can be compared."""
        pairs = sorted((context or {}).items())
        return Question(by, action, resource, tuple((k, tuple(v) if isinstance(v, list) else v) for k, v in pairs))


def calls(file: Path = PERMISSIONS) -> set[str]:
    """The calls that the data file knows."""
    return {call["name"] for call in tomllib.loads(file.read_text())["call"]}


def needs(file: Path = PERMISSIONS) -> list[Need]:
    """Every permission that somebody needs, one for each kind of resource."""
    data = tomllib.loads(file.read_text())
    return [
        Need(need["by"], need["action"], on, entry["name"])
        for entry in data["call"] + data["service"]
        for need in entry["needs"]
        for on in need["on"]
    ]


def statements(policy: str) -> list[dict[str, Any]]:
    """With actions and resources as lists."""
    listed = [dict(statement) for statement in json.loads(policy)["Statement"]]
    for statement in listed:
        for key in ("Action", "Resource"):
            if isinstance(statement.get(key), str):
                statement[key] = [statement[key]]
    return listed


def simulate(
    policies: dict[str, str], resource_policies: dict[str, str], questions: list[Question]
) -> dict[Question, bool]:
    """AWS's evaluation logic, by an implementation with AWS's own data on actions, resources and condition keys.

    What it does not know (an action that does not exist, a condition key that AWS does not send) is an error.
    """
    # A key answers to nobody without a policy of its own; this is the one that every new key has.
    owner = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
    keys = {arn: json.dumps({"Version": "2012-10-17", "Statement": [owner]}) for arn in VARIABLES["secrets_kms_key_arns"]}
    asked = [
        {
            "by": question.by,
            "action": question.action,
            "resource": question.resource,
            "context": ALWAYS | {k: list(v) if isinstance(v, tuple) else v for k, v in question.context},
        }
        for question in questions
    ]
    done = subprocess.run(
        ["node", str(Path(__file__).with_name("simulate.cjs")), str(NODE)],
        input=json.dumps(
            {"account": ACCOUNT, "policies": policies, "resourcePolicies": resource_policies | keys, "questions": asked}
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError(f"the simulation ended: {done.stderr or done.stdout}")
    answers = dict(zip(questions, json.loads(done.stdout), strict=True))
    errors = [f"{question}: {answer['error']}" for question, answer in answers.items() if answer["error"]]
    if errors:
        raise AssertionError("the simulation refused:\n" + "\n".join(errors))
    return {question: answer["allowed"] for question, answer in answers.items()}
