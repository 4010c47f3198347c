"""A second template, whose last stage deploys a stack, and configurations of previews with it.

Each pull request has a CloudFormation stack of its own, which is deleted when it closes: by its
pipeline, by a third template that a team could have written, or by the daemon.
"""

from pathlib import Path
from typing import Any

from . import aws
from .account import Account, template, write_configuration

TEMPLATE = "preview-template"
TEARDOWN = "preview-teardown"
"""The template that a clone becomes a clone of to remove its environment."""

STACK = "api"
DEPLOYER = "preview-deploy"
"""The role with which clones deploy, and CloudFormation creates what is in a stack."""


def create_templates(account: Account) -> None:
    """Creates the templates beside the one that the account has, with the same role."""
    codepipeline = aws.client("codepipeline", account.endpoint)
    role = codepipeline.get_pipeline(name=account.template)["pipeline"]["roleArn"]
    made = template(role)
    source, build = made["stages"]
    deploy = _stack("Stack", role, "CREATE_UPDATE") | {"inputArtifacts": [{"name": "SourceOutput"}]}
    deploy["configuration"]["TemplatePath"] = "SourceOutput::stack.yaml"
    preview = [source, build, {"name": "Preview", "actions": [deploy]}]
    codepipeline.create_pipeline(pipeline=made | {"name": TEMPLATE, "stages": preview})
    empty = {**build["actions"][0], "name": "EmptyBuckets", "runOrder": 1}
    delete = _stack("Delete", role, "DELETE_ONLY") | {"runOrder": 2}
    teardown = [source, {"name": "Teardown", "actions": [empty, delete]}]
    codepipeline.create_pipeline(pipeline=made | {"name": TEARDOWN, "stages": teardown})


def _stack(name: str, role: str, mode: str) -> dict[str, Any]:
    return {
        "name": name,
        "actionTypeId": {
            "category": "Deploy",
            "owner": "AWS",
            "provider": "CloudFormation",
            "version": "1",
        },
        "configuration": {
            "ActionMode": mode,
            "StackName": STACK,
            "RoleArn": _role(role, "api-stack"),
        },
    }


def write_preview_configuration(account: Account, path: Path, teardown: str = "run") -> None:
    """Writes a configuration whose only rule gives each pull request a stack."""
    codepipeline = aws.client("codepipeline", account.endpoint)
    role = codepipeline.get_pipeline(name=TEMPLATE)["pipeline"]["roleArn"]
    rule = f"""\
[[rule]]
name = "preview"
repository = "acme/*"
on = "pull_request"
base = ["main"]
template = "{TEMPLATE}"
pipeline_name = "{{repo}}-pr-{{number}}"
keep_stages = ["Source", "Build", "Preview"]
action_role_arn = "{_role(role, DEPLOYER)}"
report = "check"
comment = "always"

[rule.preview]
stack_suffix = "-pr-{{number}}"
parameters = {{ Stage = "pr-{{number}}" }}
teardown = "{teardown}"
url = "Preview/Stack/Url"
"""
    write_configuration(account, path, rule=rule)


def _role(other: str, name: str) -> str:
    """Returns the ARN of a role of the same account as another one."""
    return f"{other.rpartition('/')[0]}/{name}"
