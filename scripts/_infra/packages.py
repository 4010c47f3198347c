"""Installs npm packages: the IAM simulation, GitHub's examples, the schema of the provider."""

import subprocess
from pathlib import Path

from _common import parts
from _common.problem import Problem

from . import paths

_SOURCES = Path(__file__).with_name("node")
MANIFESTS = (_SOURCES / "package.json", _SOURCES / "package-lock.json")

BINDINGS = "@cdktn/provider-aws@25.7.0"
BINDINGS_FILE = "cdktn-provider-aws-25.7.0.tgz"
BINDINGS_SHA256 = "b3e5ee2851ae47595a0dedad3678779aebca6d6b5f318ca1902b87ddbef82208"


def _fill(folder: Path) -> None:
    parts.npm_ci(folder, MANIFESTS)
    # Packed, not installed: installed, it takes 480 MB and brings its framework.
    command = ["npm", "pack", "--silent", BINDINGS]
    if subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=False).returncode:
        raise Problem("npm pack failed: see its messages above")
    archive = folder / BINDINGS_FILE
    parts.check_sum(archive, BINDINGS_SHA256)
    archive.rename(folder / "bindings.tgz")


NPM = parts.Part(paths.NPM, (*MANIFESTS, Path(__file__)), _fill)
