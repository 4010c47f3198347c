"""Counts the calls of `branchline audit` in an account with many clones, and takes its time.

The audit keeps to the default rate of calls to CodePipeline. The emulator is slower than AWS, and
the rate is what bounds the time in both.
"""

import argparse
import collections
import contextlib
import http.client
import http.server
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

from _common import cargo, paths, terminal
from _common.isolation import LOCAL, environment, isolate

from . import account, aws, emulator
from .account import SECRET_VARIABLE, Account
from .demo import daemon
from .load import send, wait, webhook
from .world import World

FOLDER = paths.SANDBOX / "audit-scale"
CONFIGURATION = FOLDER / "branchline.toml"
AUDITED = FOLDER / "audited.toml"
FAST = 1_000
"""The calls per second of the daemon that creates the clones."""


def main() -> int:
    """Creates the clones, audits them with each binary, and prints the figures."""
    parser = argparse.ArgumentParser(prog="scripts/audit-scale", description=__doc__)
    parser.add_argument("--clones", type=int, default=1_000, help="clones in the account")
    parser.add_argument("--foreign", type=int, default=0, help="pipelines of other people")
    binary_help = "use this branchline and build nothing"
    parser.add_argument("--binary", type=Path, metavar="FILE", help=binary_help)
    also = "also audit with this branchline, such as an older one"
    parser.add_argument("--also", type=Path, action="append", default=[], help=also)
    parser.add_argument("--seconds", type=int, default=1_800, help="give up after this time")
    arguments = parser.parse_args()
    isolate()
    binary = arguments.binary or cargo.branchline(release=False)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as running:
        running.enter_context(aws.errors_in_one_line())
        moto = running.enter_context(emulator.running(FOLDER / "moto.log"))
        made = account.make(moto.endpoint)
        account.write_configuration(made, CONFIGURATION, codepipeline_rate=FAST)
        _fill(made, binary, arguments)
        for audited in (binary, *arguments.also):
            _audit(made, audited)
    return 0


def _fill(made: Account, binary: Path, arguments: argparse.Namespace) -> None:
    """Opens the pull requests, and creates the other pipelines."""
    codepipeline = aws.client("codepipeline", made.endpoint)
    role = codepipeline.get_pipeline(name=made.template)["pipeline"]["roleArn"]
    for number in range(arguments.foreign):
        codepipeline.create_pipeline(pipeline=account.template(role) | {"name": f"other-{number}"})
    with daemon.run(binary, CONFIGURATION, made, FOLDER / "branchline.log") as running:
        send(made, [webhook(made, number, "opened") for number in range(1, arguments.clones + 1)])
        for problem in wait(World(made), [running], arguments.seconds):
            terminal.say(f"wrong: {problem}")
    terminal.say(f"{len(World(made).clones())} pipelines beside the template")


def _audit(made: Account, binary: Path) -> None:
    """Audits through a proxy that counts, and prints the figures."""
    with _counting(made.endpoint) as (endpoint, calls):
        account.write_configuration(made, AUDITED)
        AUDITED.write_text(AUDITED.read_text().replace(made.endpoint, endpoint, 1))
        command = [str(binary), "audit", "--config", str(AUDITED)]
        variables = environment(**{SECRET_VARIABLE: made.secret})
        started = time.monotonic()
        ran = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - started
    rows = [(name, str(count)) for name, count in sorted(calls.items())]
    said = ran.stderr.strip().splitlines()[-1:]
    terminal.say(f"{binary}: {seconds:.1f} s, {sum(calls.values())} calls: {' '.join(said)}")
    terminal.facts(rows)


@contextlib.contextmanager
def _counting(endpoint: str) -> Iterator[tuple[str, "collections.Counter[str]"]]:
    """Serves a proxy of an endpoint that counts requests by operation."""
    calls: collections.Counter[str] = collections.Counter()
    target = urllib.parse.urlsplit(endpoint).netloc

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            calls[self.headers.get("X-Amz-Target", "?").rpartition(".")[2]] += 1
            body = self.rfile.read(int(self.headers["Content-Length"]))
            upstream = http.client.HTTPConnection(target)
            with contextlib.closing(upstream):
                upstream.request("POST", self.path, body, dict(self.headers))
                answer = upstream.getresponse()
                content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("content-length", "connection", "date", "server"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer((LOCAL, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{LOCAL}:{server.server_port}", calls
        server.shutdown()


if __name__ == "__main__":
    sys.exit(main())
