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

GITHUB_BINDINGS = "@cdktf/provider-github@15.3.1"
GITHUB_BINDINGS_FILE = "cdktf-provider-github-15.3.1.tgz"
GITHUB_BINDINGS_SHA256 = "e14a59f43736f20a95f8d72728632bdd5f989dfda16f21505977a8fca55376fd"


def _fill(folder: Path) -> None:
    parts.npm_ci(folder, MANIFESTS)
    _pack(folder, BINDINGS, BINDINGS_FILE, BINDINGS_SHA256).rename(folder / paths.BINDINGS.name)
    github = _pack(folder, GITHUB_BINDINGS, GITHUB_BINDINGS_FILE, GITHUB_BINDINGS_SHA256)
    github.rename(folder / paths.GITHUB_BINDINGS.name)


def _pack(folder: Path, package: str, file: str, sha256: str) -> Path:
    """Returns the archive of a package. Installed, one takes 480 MB and brings its framework."""
    command = ["npm", "pack", "--silent", package]
    if subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=False).returncode:
        raise Problem("npm pack failed: see its messages above")
    parts.check_sum(folder / file, sha256)
    return folder / file


NPM = parts.Part(paths.NPM, (*MANIFESTS, Path(__file__)), _fill)
