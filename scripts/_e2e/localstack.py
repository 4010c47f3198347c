"""Starting and stopping LocalStack, for API Gateway and SQS. It listens on this machine alone, and keeps nothing."""

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from _sandbox import aws, paths
from _sandbox.problem import Problem

HOME = paths.SANDBOX / "e2e"
PYTHON = HOME / "localstack" / "bin" / "python"
LOG = HOME / "localstack.log"
FILES = HOME / "localstack-files"

START_SECONDS = 60
"""It takes 3 s here; the first start after the installation reads hundreds of files."""

STOP_SECONDS = 10


@contextmanager
def running() -> Iterator[str]:
    """Its endpoint. It ends with the block, and with this process however it ends."""
    port = _free_port()
    with LOG.open("wb") as log:
        process = subprocess.Popen(
            # -P: this file, beside that one, would be taken for the package of the same name.
            [str(PYTHON), "-P", str(Path(__file__).with_name("localstack_server.py"))],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=_environment(port),
            # A Ctrl-C is for us: we end it ourselves, after what still talks to it.
            start_new_session=True,
        )
    with process:
        try:
            _wait_until_ready(process, port)
            yield f"http://{aws.LOCAL}:{port}"
        finally:
            _stop(process)


def _environment(port: int) -> dict[str, str]:
    # A setting of the person's LocalStack would be ours too, and so would be one of a Python's.
    wanted = {k: v for k, v in aws.environment().items() if k in ("PATH", "HOME", "LANG", "TZ", "TMPDIR")}
    return wanted | {
        # sts, with which API Gateway takes on its role.
        "SERVICES": "apigateway,sqs,sts",
        "GATEWAY_LISTEN": f"{aws.LOCAL}:{port}",
        "LOCALSTACK_HOST": f"{aws.LOCAL}:{port}",
        # In what it takes for a container it would keep its files in the container's places.
        "OVERRIDE_IN_DOCKER": "0",
        "FILESYSTEM_ROOT": str(FILES),
        "XDG_CACHE_HOME": str(FILES / "cache"),
        # Queue URLs of the one form that the old provider reads.
        "SQS_ENDPOINT_STRATEGY": "off",
        # It would call home, fetch a certificate, and serve DNS.
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DNS_ADDRESS": "0",
    }


def _wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Problem(f"LocalStack ended while starting, with {process.returncode}: see {paths.shown(LOG)}")
        if _is_ready(port):
            return
        time.sleep(0.1)
    raise Problem(f"LocalStack did not start within {START_SECONDS} s: see {paths.shown(LOG)}")


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{aws.LOCAL}:{port}/_localstack/health", timeout=5) as answer:
            return {"apigateway", "sqs"} <= json.load(answer)["services"].keys()
    except (OSError, ValueError, KeyError):
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """The end of its standard input ends it."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
    shutil.rmtree(FILES, ignore_errors=True)


def _free_port() -> int:
    """LocalStack takes no port 0, so somebody may be faster; then it ends, and says so."""
    with socket.create_server((aws.LOCAL, 0)) as free:
        return int(free.getsockname()[1])
