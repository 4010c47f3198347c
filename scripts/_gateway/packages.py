"""Installs the engine of the mapping template, Apache Velocity with JsonPath, from Debian.

The packages are extracted, not installed, so this needs no root and does not change the system.
"""

import subprocess
from pathlib import Path

from _common import parts, paths
from _common.problem import Problem

SOURCES = Path(__file__).with_name("velocity")
PINS = SOURCES / "packages.txt"
RENDERER = SOURCES / "Render.java"


def _fill(folder: Path) -> None:
    root = folder / "root"
    for line in PINS.read_text().splitlines():
        if line and not line.startswith("#"):
            package, wanted = line.split()
            archive = _download(package, folder)
            parts.check_sum(archive, wanted)
            subprocess.run(["dpkg-deb", "--extract", archive, root], check=True)
            archive.unlink()
    jars = f"{root}/usr/share/java/*"
    options = ["--release", "11", "-cp", jars, "-d", folder / "classes"]
    if subprocess.run(["javac", *options, RENDERER], check=False).returncode:
        raise Problem("javac failed: see its messages above")


def _download(package: str, folder: Path) -> Path:
    # Without the option, apt warns that its own user cannot write to a folder of root.
    command = ["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", package]
    if subprocess.run(command, cwd=folder, check=False).returncode:
        raise Problem(
            f"apt does not offer {package}, which {paths.shown(PINS)} pins: "
            "run apt-get update, or pin the version that apt offers",
            2,
        )
    (archive,) = folder.glob(f"{package.partition('=')[0]}_*.deb")
    return archive


ENGINE = parts.Part(paths.SANDBOX / "gateway" / "velocity", (PINS, RENDERER), _fill)
