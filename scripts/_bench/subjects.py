"""The three that are compared, each as a process that works until it is ended."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from _sandbox import paths
from _sandbox.problem import Problem

FOLDER = paths.SANDBOX / "bench"
SAMPLES = FOLDER / "samples.json"
PEER = Path(__file__).parent / "peer"
NAMES = ("branchline", "floor", "peer")
# As in the null AWS's webhooks.
SECRET = "It's a Secret to Everybody"
CONFIGURATION = """
[aws]
codepipeline_rate = 1000

[github]
secrets = ["env:WEBHOOK_SECRET"]

[[rule]]
repository = "acme/api"
on         = "pull_request"
template   = "api-template"
"""


@dataclass(frozen=True)
class Programs:
    """What was built and installed."""

    branchline: Path
    daemon: Path
    peer: Path | None


@contextmanager
def running(name: str, programs: Programs, url: str, concurrency: int) -> Iterator[int]:
    """Starts a subject, gives its process id, and ends it. What it says goes into a file."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / f"{name}.log").open("wb") as log:
        command = _command(name, programs, url, concurrency)
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_environment(url, concurrency)
        )
        try:
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _command(name: str, programs: Programs, url: str, concurrency: int) -> list[str]:
    match name:
        case "branchline":
            return [str(programs.branchline), "run"]
        case "floor":
            daemon = str(programs.daemon)
            return [daemon, "floor", "--endpoint", url, "--concurrency", str(concurrency), "--samples", str(SAMPLES)]
        case "peer" if programs.peer:
            return ["node", str(programs.peer / "peer.mjs"), url, str(concurrency), str(SAMPLES)]
        case _:
            raise Problem(f"{name} is not installed")


def _environment(url: str, concurrency: int) -> dict[str, str]:
    """The person's own AWS settings would be mixed in, so none is kept."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "BRANCHLINE_", "NODE_"))}
    queues = {
        f"BRANCHLINE_{name}_URL": f"{url}/123456789012/{queue}"
        for name, queue in (("QUEUE", "webhooks"), ("DEAD_LETTER", "dead"), ("QUARANTINE", "quarantine"))
    }
    return (
        kept
        | queues
        | {
            "AWS_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "BRANCHLINE_CONFIG": "env:BENCH_CONFIGURATION",
            "BENCH_CONFIGURATION": CONFIGURATION,
            "BRANCHLINE_TABLE": "branchline",
            "BRANCHLINE_CONCURRENCY": str(concurrency),
            "WEBHOOK_SECRET": SECRET,
            "NODE_ENV": "production",
        }
    )


def install_peer() -> Path:
    """Its packages, pinned, once."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            raise Problem(f"{tool} is not installed: leave the peer out with --only branchline,floor")
    folder = FOLDER / "peer"
    pins = (PEER / "package-lock.json").read_bytes()
    stamp = folder / "stamp"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(PEER / "peer.mjs", folder)
    if not stamp.is_file() or stamp.read_bytes() != pins:
        stamp.unlink(missing_ok=True)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(PEER / file, folder)
        command = ["npm", "ci", "--silent", "--no-fund", "--no-audit", "--ignore-scripts"]
        if subprocess.run(command, cwd=folder, check=False).returncode:
            raise Problem("npm ci failed: its messages are above")
        stamp.write_bytes(pins)
    return folder
