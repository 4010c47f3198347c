"""A second template, whose last stage deploys a stack, and a configuration of previews with it.

Each pull request has a CloudFormation stack of its own, which is deleted when it closes.
"""

from pathlib import Path

from . import aws
from .account import Account, template, write_configuration

TEMPLATE = "preview-template"
STACK = "api"
DEPLOYER = "preview-deploy"
"""The role with which clones deploy, and CloudFormation creates what is in a stack."""


def create_template(account: Account) -> None:
    """Creates the template beside the one that the account has, with the same role."""
    codepipeline = aws.client("codepipeline", account.endpoint)
    role = codepipeline.get_pipeline(name=account.template)["pipeline"]["roleArn"]
    made = template(role) | {"name": TEMPLATE}
    source, build = made["stages"]
    action = {
        "name": "Stack",
        "actionTypeId": {
            "category": "Deploy",
            "owner": "AWS",
            "provider": "CloudFormation",
            "version": "1",
        },
        "configuration": {
            "ActionMode": "CREATE_UPDATE",
            "StackName": STACK,
            "RoleArn": _role(role, "api-stack"),
            "TemplatePath": "SourceOutput::stack.yaml",
        },
        "inputArtifacts": [{"name": "SourceOutput"}],
    }
    made["stages"] = [source, build, {"name": "Preview", "actions": [action]}]
    codepipeline.create_pipeline(pipeline=made)


def write_preview_configuration(account: Account, path: Path) -> None:
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
url = "Preview/Stack/Url"
"""
    write_configuration(account, path, rule=rule)


def _role(other: str, name: str) -> str:
    """Returns the ARN of a role of the same account as another one."""
    return f"{other.rpartition('/')[0]}/{name}"
