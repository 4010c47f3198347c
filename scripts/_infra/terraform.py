"""Runs Terraform on a copy of the module, with a stand-in for the AWS provider."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from .paths import INFRA, WORK
from .provider import Provider

_BLOCK = re.compile(r'^\s*(resource|data|ephemeral) "((?:aws|github)_\w+)"', re.MULTILINE)


def types(folder: Path = INFRA) -> set[str]:
    """Returns all resource, data and ephemeral types in the Terraform files under a folder."""
    found = set()
    for file in folder.rglob("*.tf"):
        for block, kind in _BLOCK.findall(file.read_text(encoding="utf-8")):
            found.add(kind if block == "resource" else f"{block}.{kind}")
    return found


class Terraform:
    """Runs Terraform on a copy of `infra/`, so that nothing is written beside the sources.

    It runs in the module itself, or in the folder `at` below it.
    """

    def __init__(self, name: str, at: str = ".") -> None:
        copy = WORK / name
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(INFRA, copy, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
        self.folder = copy / at
        found = types(copy)
        github = {kind for kind in found if "github_" in kind}
        self._provider = Provider(found - github)
        self._github = Provider(github, "github")
        self.answers = self._provider.answers

    def close(self) -> None:
        """Stops the provider. The folder is kept for inspection."""
        self._provider.close()
        self._github.close()

    def run(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Runs one command with a text as its input, and returns its output and status."""
        # Settings of the user, such as a mirror or a variable, would change the plan.
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("TF_", "AWS_"))}
        reattached = json.dumps(self._provider.reattach() | self._github.reattach())
        environment |= {"TF_REATTACH_PROVIDERS": reattached, "CHECKPOINT_DISABLE": "1"}
        # A run takes seconds and little memory, of which collecting garbage is a seventh.
        environment |= {"GOGC": "800"}
        return subprocess.run(
            ["terraform", *arguments],
            cwd=self.folder,
            env=environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def value(self, expression: str, variables: dict[str, Any]) -> Any:
        """Returns the value of an expression that needs nothing of AWS."""
        (self.folder / "check.auto.tfvars.json").write_text(json.dumps(variables))
        return json.loads(json.loads(self.did("console", given=f"jsonencode({expression})\n")))

    def did(self, *arguments: str, given: str = "") -> str:
        """Returns the output of a command. A failure raises an error."""
        done = self.run(*arguments, given=given)
        if done.returncode != 0:
            raise AssertionError(f"terraform {' '.join(arguments)}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def start(self, variables: dict[str, Any]) -> None:
        """Initializes the folder with these variables."""
        (self.folder / "check.auto.tfvars.json").write_text(json.dumps(variables))
        self.did("init", "-input=false", "-no-color")

    def apply(self, variables: dict[str, Any]) -> dict[str, Any]:
        """Applies the module and returns its resources by address."""
        self.start(variables)
        self.did("apply", "-auto-approve", "-input=false", "-no-color")
        return _resources(json.loads(self.did("show", "-json"))["values"]["root_module"])

    def outputs(self) -> dict[str, Any]:
        """Returns the outputs of the last apply by name."""
        return {name: output["value"] for name, output in json.loads(self.did("output", "-json")).items()}

    def changes(self) -> list[tuple[str, str]]:
        """Returns what the applies wrote and deleted since the last call, in order."""
        found, self._provider.changes = self._provider.changes, []
        return found


def _resources(module: dict[str, Any]) -> dict[str, Any]:
    """Returns the resources of a module and of its child modules."""
    found = {resource["address"]: resource["values"] for resource in module.get("resources", [])}
    for child in module.get("child_modules", []):
        found |= _resources(child)
    return found
