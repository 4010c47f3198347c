"""cargo build, with its progress on the terminal."""

import json
import shutil
import subprocess
import time
from pathlib import Path

from .. import paths, terminal
from ..problem import Problem


def branchline(release: bool) -> Path:
    """Builds it and says where it is: in whatever target folder cargo is configured to use.

    A development build by default: it is the same program, and the optimised one is linked for minutes.
    """
    if shutil.which("cargo") is None:
        raise Problem("cargo is not on the PATH: install Rust first, then run this again")
    command = ["cargo", "build", "--locked", "--bin", "branchline"]
    command += ["--message-format", "json-render-diagnostics", *(["--release"] if release else [])]
    terminal.say("building branchline: the first time takes some minutes")
    started = time.monotonic()
    with subprocess.Popen(command, cwd=paths.ROOT, stdout=subprocess.PIPE, text=True) as cargo:
        assert cargo.stdout is not None
        try:
            found = _executable(cargo.stdout.read())
        except BaseException:
            cargo.terminate()
            raise
    if cargo.returncode != 0 or found is None:
        raise Problem("cargo build failed: its messages are above")
    profile = "release" if release else "development"
    terminal.done(f"branchline is built ({profile} profile, {time.monotonic() - started:.1f} s)")
    return found


def _executable(messages: str) -> Path | None:
    for line in messages.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == "branchline":
            return Path(message["executable"])
    return None
