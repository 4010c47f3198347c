"""The subjects, each as a process that works until it is stopped."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from _common import parts, paths
from _common.isolation import environment
from _common.problem import Problem

FOLDER = paths.SANDBOX / "bench"
SAMPLES = FOLDER / "samples.json"
CONFIGURATION_FILE = FOLDER / "branchline.toml"
PEER = Path(__file__).parent / "peer"
NAMES = ("branchline", "floor", "floor+", "peer")
# As in the null AWS's webhooks.
SECRET = "It's a Secret to Everybody"
CONFIGURATION = """
[aws]
codepipeline_rate = {rate}

[github]
secrets = ["env:WEBHOOK_SECRET"]

{reporting}
{others}
[[rule]]
repository = "acme/api"
on         = "pull_request"
template   = "api-template"
"""
# Rules that are asked first, and admit no webhook: for other repositories, and for other bases.
OTHER_REPOSITORY = """
[[rule]]
name       = "other-{number}"
repository = "acme/service-{number}-*"
on         = "pull_request"
template   = "service-template"
"""
OTHER_BASE = """
[[rule]]
name       = "other-{number}"
repository = "acme/api"
base       = "release/{number}.*"
on         = "pull_request"
template   = "api-template"
"""
LIMIT = "max_active = 10\n"
# In the table [github].
REPORTING = """\
token   = "env:GITHUB_TOKEN"
api_url = "{url}/github"
"""


@dataclass(frozen=True)
class Programs:
    """The programs that were built and installed."""

    branchline: Path
    daemon: Path
    peer: Path | None


@dataclass(frozen=True)
class Setup:
    """What is configured of branchline."""

    rules: int = 1
    # The first rule has `max_active`.
    limited: bool = False
    # Calls to CodePipeline a second.
    rate: int = 1_000

    def text(self, reporting: str) -> str:
        """Returns the configuration."""
        others = []
        for number in range(1, self.rules):
            kind = OTHER_REPOSITORY if number % 2 else OTHER_BASE
            others.append(kind.format(number=number))
        if others and self.limited:
            others[0] += LIMIT
        return CONFIGURATION.format(
            rate=self.rate, reporting=reporting, others="".join(others)
        )


PLAIN = Setup()


@contextmanager
def running(
    name: str,
    programs: Programs,
    url: str,
    concurrency: int,
    action: str = "opened",
    *,
    setup: Setup = PLAIN,
    log: str | None = None,
) -> Iterator[int]:
    """Starts a subject, with its output in a file, yields its process id, and stops it.

    `action` is what happens to the pull requests. The floors have to know it beforehand, and
    branchline reports to GitHub only if executions end (`succeeded`). `log` is the name of the
    file, if several run at the same time.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    reporting = REPORTING.format(url=url) if action == "succeeded" else ""
    CONFIGURATION_FILE.write_text(setup.text(reporting))
    with (FOLDER / f"{log or name}.log").open("wb") as output:
        command = _command(name, programs, url, concurrency, action)
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=_environment(url, concurrency),
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


def _command(
    name: str, programs: Programs, url: str, concurrency: int, action: str
) -> list[str]:
    match name:
        case "branchline":
            return [str(programs.branchline), "run"]
        case "floor" | "floor+":
            command = [str(programs.daemon), name, "--endpoint", url]
            command += ["--concurrency", str(concurrency), "--samples", str(SAMPLES)]
            return [*command, "--action", action]
        case "peer" if programs.peer:
            command = ["node", str(programs.peer / "peer.mjs")]
            return [*command, url, str(concurrency), str(SAMPLES)]
        case _:
            raise Problem(f"{name} is not installed")


def _environment(url: str, concurrency: int) -> dict[str, str]:
    queues = {
        "QUEUE": "webhooks",
        "INTERNAL_QUEUE": "internal",
        "DEAD_LETTER": "dead",
        "QUARANTINE": "quarantine",
    }
    urls = {
        f"BRANCHLINE_{name}_URL": f"{url}/123456789012/{queue}" for name, queue in queues.items()
    }
    isolated = environment(
        **urls,
        AWS_ENDPOINT_URL=url,
        BRANCHLINE_CONFIG=str(CONFIGURATION_FILE),
        BRANCHLINE_TABLE="branchline",
        BRANCHLINE_CONCURRENCY=str(concurrency),
        WEBHOOK_SECRET=SECRET,
        GITHUB_TOKEN="github_pat_of_the_benchmark",
    )
    kept = {name: value for name, value in isolated.items() if not name.startswith("NODE_")}
    return kept | {"NODE_ENV": "production"}


def install_peer() -> Path:
    """Installs the pinned packages of the peer, once, and returns its folder."""
    parts.need(["node", "npm"])
    manifests = (PEER / "package.json", PEER / "package-lock.json")

    def fill(folder: Path) -> None:
        parts.npm_ci(folder, manifests)
        # Packages resolve from the folder of the program that imports them.
        shutil.copy(PEER / "peer.mjs", folder)

    return parts.Part(FOLDER / "peer", (*manifests, PEER / "peer.mjs"), fill).ensure()
