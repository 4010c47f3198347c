"""Reads infra/permissions.toml, and simulates IAM decisions on the policies in infra/."""

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

# The roles of the module. Operators attach their policy to roles of their own.
ROLES = {by: f"arn:aws:iam::{ACCOUNT}:role/branchline-{REGION}-{by}" for by in ("api", "execution", "daemon")}

# The condition keys of every request.
ALWAYS = {"aws:SecureTransport": "true", "aws:PrincipalAccount": ACCOUNT, "aws:PrincipalIsAWSService": "false"}


def _key(number: int) -> str:
    return f"arn:aws:kms:{ARN}:key/{str(number) * 8}-2222-4333-8444-555555555555"


# The variables that the checks apply the module with.
VARIABLES: dict[str, Any] = {
    "rules": [
        {
            "repository": ["acme/api"],
            "on": "pull_request",
            "template": "api-template",
            "secrets": {"Source/Source/OAuthToken": "env:GITHUB_TOKEN"},
            "build_role_arn": f"arn:aws:iam::{ACCOUNT}:role/api-build",
            "preview": {"teardown": "stacks"},
        }
    ],
    "codebuild_projects": {"templates": ["api"], "role_arns": [f"arn:aws:iam::{ACCOUNT}:role/api-project"]},
    "stack_names": ["api-pr-*"],
    "image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/branchline@sha256:{'0' * 64}",
    "webhook_secret_arns": [f"arn:aws:secretsmanager:{ARN}:secret:branchline/webhook-AbCdEf"],
    "secrets": {
        "WEBSITE_SECRET": f"arn:aws:secretsmanager:{ARN}:secret:branchline/website-AbCdEf",
        "GITHUB_TOKEN": f"arn:aws:secretsmanager:{ARN}:secret:branchline/github-AbCdEf:token::",
        "OTEL_EXPORTER_OTLP_HEADERS": f"arn:aws:secretsmanager:{ARN}:secret:branchline/traces-AbCdEf",
        "GITHUB_APP_KEY": f"arn:aws:secretsmanager:{ARN}:secret:branchline/github-AbCdEf:key::",
    },
    "github": {
        "app": "Iv23liAbCdEf",
        "private_key": "env:GITHUB_APP_KEY",
        "secret": [{"value": "env:WEBSITE_SECRET", "repositories": ["acme/website"]}],
    },
    "kms_key_arns": {"queues": _key(2), "tables": _key(3), "logs": _key(4), "secrets": [_key(1)]},
    "tags": {"team": "platform"},
    "permissions_boundary_arn": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
    "pipeline_role_arns": [f"arn:aws:iam::{ACCOUNT}:role/api-pipeline"],
    "connection_arns": [f"arn:aws:codeconnections:{CONNECTION}"],
    "vpc_id": "vpc-0123456789abcdef0",
    "subnet_ids": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
    "path_tokens": ["a", "b"],
    "source_cidrs": ["192.0.2.0/24", "2001:db8::/32"],
    "web_acl_rate": 500,
    "environment": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"},
    "metrics": "cloudwatch",
    "manage_api_gateway_account": True,
    "silence_hours": 12,
    "alarm_emails": ["oncall@example.com"],
    "capacity_providers": {"FARGATE_SPOT": {"weight": 3}, "FARGATE": {"base": 1}},
    "domain": {
        "name": "hooks.example.com",
        "certificate_arn": f"arn:aws:acm:{ARN}:certificate/11111111-2222-4333-8444-555555555555",
        "zone_id": "Z0123456789ABCDEFGHIJ",
    },
    "alarm_topic_arns": [f"arn:aws:sns:{ARN}:pager"],
}


@dataclass(frozen=True)
class Resource:
    """A resource, another one that must stay out of reach, and the condition keys of requests."""

    arn: str
    neighbour: str
    context: dict[str, Any] = field(default_factory=dict)


def _codepipeline(name: str) -> str:
    return f"arn:aws:codepipeline:{ARN}:{name}"


def _codebuild(name: str) -> str:
    return f"arn:aws:codebuild:{ARN}:project/{name}"


def _stack(name: str) -> str:
    return f"arn:aws:cloudformation:{ARN}:stack/{name}/0aa6f2c0-0000-4000-8000-000000000000"


def _sqs(name: str) -> str:
    return f"arn:aws:sqs:{ARN}:{name}"


def _connection(service: str) -> Resource:
    arn = f"arn:aws:{service}:{CONNECTION}"
    return Resource(arn, f"{arn[:-1]}1", {f"{service}:PassedToService": "codepipeline.amazonaws.com"})


_TABLE = f"arn:aws:dynamodb:{ARN}:table/branchline"

RESOURCES: dict[str, Resource] = {
    "any resource": Resource("*", ""),
    "webhooks": Resource(_sqs("branchline-webhooks"), _sqs("orders")),
    "internal": Resource(_sqs("branchline-internal"), _sqs("orders")),
    "dead letters": Resource(_sqs("branchline-dead-letters"), _sqs("orders")),
    "quarantine": Resource(_sqs("branchline-quarantine"), _sqs("orders")),
    "undelivered events": Resource(_sqs("branchline-undelivered-events"), _sqs("orders")),
    "table": Resource(_TABLE, f"arn:aws:dynamodb:{ARN}:table/branchline2"),
    "audit trail": Resource(f"{_TABLE}-audit", f"{_TABLE}-audits"),
    "jobs": Resource(_TABLE, f"{_TABLE}2", {"dynamodb:LeadingKeys": ["JOBS"]}),
    "entries of operators": Resource(
        f"{_TABLE}-audit", f"{_TABLE}-audits", {"dynamodb:LeadingKeys": ["OPERATOR#REPO#1001/PR#0000000007"]}
    ),
    "entries by time": Resource(f"{_TABLE}-audit/index/by-time", f"{_TABLE}-audits/index/by-time"),
    "index": Resource(f"{_TABLE}/index/by-state", f"{_TABLE}2/index/by-state"),
    "template": Resource(_codepipeline("api-template"), _codepipeline("production")),
    "clone": Resource(_codepipeline("api-pr-7"), _codepipeline("production")),
    "any pipeline": Resource(_codepipeline("production"), f"arn:aws:codepipeline:us-east-1:{ACCOUNT}:production"),
    "stage of a clone": Resource(
        _codepipeline("api-pr-7/Build"), _codepipeline("production/Build")
    ),
    "tagged clone": Resource(
        _codepipeline("api-pr-7"), _codepipeline("api-template"), {f"aws:ResourceTag/{OWNER}": "branchline"}
    ),
    "new clone": Resource(
        _codepipeline("api-pr-7"),
        _codepipeline("api-template"),
        {f"aws:RequestTag/{OWNER}": "branchline", "aws:TagKeys": [OWNER, "branchline:subject", "team"]},
    ),
    "pipeline role": Resource(
        f"arn:aws:iam::{ACCOUNT}:role/api-pipeline",
        f"arn:aws:iam::{ACCOUNT}:role/admin",
        {"iam:PassedToService": "codepipeline.amazonaws.com"},
    ),
    "build role": Resource(
        f"arn:aws:iam::{ACCOUNT}:role/api-build",
        f"arn:aws:iam::{ACCOUNT}:role/admin",
        {"iam:PassedToService": "codebuild.amazonaws.com"},
    ),
    "template project": Resource(_codebuild("api"), _codebuild("production")),
    "clone project": Resource(_codebuild("api-pr-7-api-30dc6ddf"), _codebuild("production")),
    "tagged clone project": Resource(
        _codebuild("api-pr-7-api-30dc6ddf"), _codebuild("api"), {f"aws:ResourceTag/{OWNER}": "branchline"}
    ),
    "new clone project": Resource(
        _codebuild("api-pr-7-api-30dc6ddf"),
        _codebuild("api"),
        {f"aws:RequestTag/{OWNER}": "branchline", "aws:TagKeys": [OWNER, "branchline:subject", "team"]},
    ),
    "project role": Resource(
        f"arn:aws:iam::{ACCOUNT}:role/api-project",
        f"arn:aws:iam::{ACCOUNT}:role/admin",
        {"iam:PassedToService": "codebuild.amazonaws.com"},
    ),
    "stack": Resource(_stack("api-pr-7"), _stack("api")),
    "asked pipeline role": Resource(f"arn:aws:iam::{ACCOUNT}:role/api-pipeline", f"arn:aws:iam::{ACCOUNT}:role/admin"),
    "daemon role": Resource(ROLES["daemon"], f"arn:aws:iam::{ACCOUNT}:role/admin"),
    "connection": _connection("codeconnections"),
    "CodeStar connection": _connection("codestar-connections"),
    "image": Resource(f"arn:aws:ecr:{ARN}:repository/branchline", f"arn:aws:ecr:{ARN}:repository/other"),
    "secret": Resource(VARIABLES["webhook_secret_arns"][0], f"arn:aws:secretsmanager:{ARN}:secret:database-AbCdEf"),
    "further secret": Resource(
        f"arn:aws:secretsmanager:{ARN}:secret:branchline/github-AbCdEf",
        f"arn:aws:secretsmanager:{ARN}:secret:branchline/github",
    ),
    "KMS key": Resource(_key(1), _key(9)),
    "queue key": Resource(_key(2), _key(9), {"kms:ViaService": f"sqs.{REGION}.amazonaws.com"}),
    "table key": Resource(_key(3), _key(9), {"kms:ViaService": f"dynamodb.{REGION}.amazonaws.com"}),
    "configuration": Resource(f"arn:aws:ssm:{ARN}:parameter/branchline/configuration", f"arn:aws:ssm:{ARN}:parameter/other"),
    "log group": Resource(f"arn:aws:logs:{ARN}:log-group:/ecs/branchline", f"arn:aws:logs:{ARN}:log-group:/ecs/other"),
    "access log": Resource(
        f"arn:aws:logs:{ARN}:log-group:/aws/apigateway/branchline-webhooks", f"arn:aws:logs:{ARN}:log-group:/aws/apigateway/other"
    ),
    "service": Resource(f"arn:aws:ecs:{ARN}:service/branchline/consumer", f"arn:aws:ecs:{ARN}:service/branchline/other"),
    "event rule": Resource(f"arn:aws:events:{ARN}:rule/branchline-pipeline-events", f"arn:aws:events:{ARN}:rule/other"),
    "log stream": Resource(
        f"arn:aws:logs:{ARN}:log-group:/ecs/branchline:log-stream:branchline/branchline/1",
        f"arn:aws:logs:{ARN}:log-group:/ecs/other:log-stream:1",
    ),
}

POLICIES = {
    "api": "aws_iam_role_policy.api",
    "execution": "aws_iam_role_policy.execution",
    "daemon": "aws_iam_role_policy.daemon",
    "operator": "aws_iam_policy.operator[0]",
}


@dataclass(frozen=True)
class Need:
    """A permission that a policy has to grant on a kind of resource, and the call that needs it."""

    by: str
    action: str
    on: str
    call: str


@dataclass(frozen=True)
class Question:
    """Asks whether a policy allows an action on a resource."""

    by: str
    action: str
    resource: str
    context: tuple[tuple[str, Any], ...] = ()

    @staticmethod
    def of(by: str, action: str, resource: str, context: dict[str, Any] | None = None) -> "Question":
        """Returns a question whose context is hashable."""
        pairs = sorted((context or {}).items())
        return Question(by, action, resource, tuple((k, tuple(v) if isinstance(v, list) else v) for k, v in pairs))


def calls(file: Path = PERMISSIONS) -> set[str]:
    """Returns the calls in the data file."""
    return {call["name"] for call in tomllib.loads(file.read_text())["call"]}


def commands(file: Path = PERMISSIONS) -> set[str]:
    """Returns the commands of the AWS CLI in the data file, such as `aws logs tail`."""
    return {command["name"] for command in tomllib.loads(file.read_text())["command"]}


def needs(file: Path = PERMISSIONS) -> list[Need]:
    """Returns all needed permissions, one for each kind of resource."""
    data = tomllib.loads(file.read_text())
    return [
        Need(need["by"], need["action"], on, entry["name"])
        for entry in data["call"] + data["command"] + data["service"]
        for need in entry.get("needs", [])
        for on in need["on"]
    ]


def statements(policy: str) -> list[dict[str, Any]]:
    """Returns the statements of a policy, with actions and resources as lists."""
    listed = [dict(statement) for statement in json.loads(policy)["Statement"]]
    for statement in listed:
        for key in ("Action", "Resource"):
            if isinstance(statement.get(key), str):
                statement[key] = [statement[key]]
    return listed


def simulate(
    policies: dict[str, str], resource_policies: dict[str, str], questions: list[Question]
) -> dict[Question, bool]:
    """Returns for each question whether IAM would allow it.

    The simulation has AWS's data on actions, resources and condition keys. It raises an error for
    an action that does not exist, and for a condition key that AWS does not send.
    """
    # Nothing is allowed on a KMS key without a key policy. This is the policy of each new key.
    owner = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
    keys = {arn: json.dumps({"Version": "2012-10-17", "Statement": [owner]}) for arn in map(_key, range(1, 10))}
    asked = [
        {
            "by": question.by,
            "action": question.action,
            "resource": question.resource,
            "context": ALWAYS | {k: list(v) if isinstance(v, tuple) else v for k, v in question.context},
        }
        for question in questions
    ]
    answers = dict(zip(questions, _run(policies, resource_policies | keys, asked), strict=True))
    errors = [f"{question}: {answer['error']}" for question, answer in answers.items() if answer["error"]]
    if errors:
        raise AssertionError("the simulation rejected:\n" + "\n".join(errors))
    return {question: answer["allowed"] for question, answer in answers.items()}


def service_may(service: str, action: str, resource: str, policy: str, context: dict[str, Any]) -> bool:
    """Returns whether a resource policy allows a request of an AWS service."""
    asked = {"service": service, "action": action, "resource": resource, "context": context}
    (answer,) = _run({}, {resource: policy}, [asked])
    if answer["error"]:
        raise AssertionError(f"the simulation rejected {asked}: {answer['error']}")
    return bool(answer["allowed"])


def _run(policies: dict[str, str], resource_policies: dict[str, str], asked: list[dict[str, Any]]) -> list[Any]:
    """Returns the answers of simulate.cjs."""
    done = subprocess.run(
        ["node", str(Path(__file__).with_name("simulate.cjs")), str(NODE)],
        input=json.dumps(
            {"account": ACCOUNT, "roles": ROLES, "policies": policies, "resourcePolicies": resource_policies, "questions": asked}
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError(f"the simulation failed: {done.stderr or done.stdout}")
    return list(json.loads(done.stdout))
