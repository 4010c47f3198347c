"""Runs Terraform on a copy of infra/, whose state stays in the copy until all is destroyed."""

import json
import os
import shutil
import signal
import subprocess
from typing import Any

from _common import parts, paths
from _common.problem import Problem

FOLDER = paths.SANDBOX / "acceptance"
EXAMPLE = "examples/complete"
VARIABLES = "acceptance.auto.tfvars.json"


class Terraform:
    """One application of the example."""

    def __init__(self, name: str) -> None:
        parts.need(["terraform"])
        self._root = FOLDER / name
        self._folder = self._root / EXAMPLE
        ignore = shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfvars")
        shutil.copytree(paths.ROOT / "infra", self._root, ignore=ignore)

    def apply(self, variables: dict[str, Any]) -> dict[str, Any]:
        """Applies the example, and returns its outputs."""
        (self._folder / VARIABLES).write_text(json.dumps(variables, indent=2) + "\n")
        self._run("init", "-input=false")
        self._run("apply", "-input=false", "-auto-approve")
        outputs = json.loads(self._run("output", "-json"))
        return {name: output["value"] for name, output in outputs.items()}

    def destroy(self) -> None:
        """Destroys everything. If that fails, the state is kept, and the Problem says where."""
        if not (self._folder / VARIABLES).exists():
            return
        # A second Ctrl-C must not interrupt it.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self._run("destroy", "-input=false", "-auto-approve")
        except Problem as problem:
            again = f"terraform -chdir={self._folder} destroy"
            raise Problem(f"{problem}\nThe example still costs money. Run again: {again}") from None
        finally:
            signal.signal(signal.SIGINT, before)
        shutil.rmtree(self._root)

    def _run(self, *arguments: str) -> str:
        """Runs a command, with its output in a log, and returns its standard output."""
        log = self._root / f"{arguments[0]}.log"
        with log.open("w") as errors:
            process = subprocess.Popen(
                ["terraform", *arguments, "-no-color"],
                cwd=self._folder,
                env={**os.environ, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                # Ctrl-C reaches this process alone, which lets Terraform end what it does.
                start_new_session=True,
            )
            try:
                output, _ = process.communicate()
            except KeyboardInterrupt:
                process.send_signal(signal.SIGINT)
                process.communicate()
                raise
            if arguments[0] != "output":
                errors.write(output)
        if process.returncode != 0:
            lines = log.read_text().strip().splitlines()
            why = next((line for line in lines if "Error:" in line), "no message")
            raise Problem(f"terraform {arguments[0]} failed: {why} (whole log: {log})")
        return output
