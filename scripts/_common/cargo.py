"""Builds the project's programs with cargo, whose progress goes to the terminal."""

import json
import shutil
import subprocess
import time
from pathlib import Path

from . import paths, terminal
from .problem import Problem


def branchline(*, release: bool) -> Path:
    """Builds branchline and returns the path of the binary.

    A development build is the default: it behaves the same, and a release build links for minutes.
    """
    terminal.say("building branchline: the first time takes some minutes")
    started = time.monotonic()
    binary = build("bin", "branchline", release=release)
    profile = "release" if release else "development"
    terminal.done(f"branchline is built ({profile} profile, {time.monotonic() - started:.1f} s)")
    return binary


def build(kind: str, name: str, *, release: bool) -> Path:
    """Builds one target (`bin` or `bench`) and returns its path in cargo's target folder."""
    if shutil.which("cargo") is None:
        raise Problem("cargo is not on the PATH: install Rust first, then run this again")
    command = ["cargo", "build", "--locked", f"--{kind}", name]
    command += ["--message-format", "json-render-diagnostics", *(["--release"] if release else [])]
    with subprocess.Popen(command, cwd=paths.ROOT, stdout=subprocess.PIPE, text=True) as cargo:
        assert cargo.stdout is not None
        try:
            binary = _executable(cargo.stdout.read(), name)
        except BaseException:
            cargo.terminate()
            raise
    if cargo.returncode != 0 or binary is None:
        raise Problem("cargo build failed: see its messages above")
    return binary


def _executable(messages: str, name: str) -> Path | None:
    for line in messages.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == name:
            return Path(message["executable"])
    return None
