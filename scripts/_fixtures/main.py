"""scripts/fixtures: makes the fixtures again. The tests need them, and never the network."""

import argparse
import shutil
import subprocess
import tarfile
from pathlib import Path

from _common import parts, paths, terminal
from _common.problem import Problem

from . import github_api

PACKAGE = "@octokit/openapi@23.0.2"
ARCHIVE = "octokit-openapi-23.0.2.tgz"
SHA256 = "71a18407dd5e8464f4e0525daf03deabbe65abd9287d6adc7b5d98f516cd0d0c"
DESCRIPTION = "package/generated/api.github.com.json"


def main() -> int:
    """Downloads GitHub's OpenAPI description, cuts it, and writes the fixture."""
    argparse.ArgumentParser(
        prog="scripts/fixtures",
        description="Makes tests/fixtures/github_api.json from GitHub's OpenAPI description, which "
        f"npm has as {PACKAGE}. Needs npm and the network.",
    ).parse_args()
    parts.need(["npm"])
    folder = parts.Part(paths.SANDBOX / "fixtures", (Path(__file__),), _download).ensure()
    text = github_api.cut((folder / "github.json").read_bytes(), PACKAGE)
    paths.GITHUB_API.write_text(text)
    terminal.done(f"{paths.shown(paths.GITHUB_API)}: {len(text) // 1000} KB")
    return 0


def _download(folder: Path) -> None:
    # Packed, not installed: unpacked, it takes 390 MB.
    command = ["npm", "pack", "--silent", PACKAGE]
    if subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=False).returncode:
        raise Problem("npm pack failed: see its messages above")
    archive = folder / ARCHIVE
    parts.check_sum(archive, SHA256)
    with tarfile.open(archive) as package, (folder / "github.json").open("wb") as target:
        found = package.extractfile(DESCRIPTION)
        assert found is not None
        shutil.copyfileobj(found, target)
    archive.unlink()
