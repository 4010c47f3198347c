"""Starts and stops LocalStack for API Gateway and SQS. It listens on this machine only."""

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from _common import environments, paths
from _common.isolation import LOCAL, environment
from _common.problem import Problem

HOME = paths.SANDBOX / "e2e"
LOG = HOME / "localstack.log"
FILES = HOME / "localstack-files"

START_SECONDS = 60
"""A start takes 3 s; the first one after the installation reads hundreds of files."""

STOP_SECONDS = 10


@contextmanager
def running() -> Iterator[str]:
    """Starts LocalStack and yields its endpoint. It stops with the block, or with this process."""
    port = _free_port()
    python = environments.named("e2e").python
    with LOG.open("wb") as log:
        process = subprocess.Popen(
            # -P: without it, `import localstack` would find this file.
            [str(python), "-P", str(Path(__file__).with_name("localstack_server.py"))],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=_environment(port),
            # Ctrl-C must not end it before the processes that use it.
            start_new_session=True,
        )
    with process:
        try:
            _wait_until_ready(process, port)
            yield f"http://{LOCAL}:{port}"
        finally:
            _stop(process)


def _environment(port: int) -> dict[str, str]:
    # Settings of the person for another LocalStack or Python must not apply here.
    names = ("PATH", "HOME", "LANG", "TZ", "TMPDIR")
    wanted = {k: v for k, v in environment().items() if k in names}
    return wanted | {
        # API Gateway assumes its role with sts.
        "SERVICES": "apigateway,sqs,sts",
        "GATEWAY_LISTEN": f"{LOCAL}:{port}",
        "LOCALSTACK_HOST": f"{LOCAL}:{port}",
        # If it detects a container, it uses the container's folders instead of its own.
        "OVERRIDE_IN_DOCKER": "0",
        "FILESYSTEM_ROOT": str(FILES),
        "XDG_CACHE_HOME": str(FILES / "cache"),
        # The only form of queue URL that the old provider reads.
        "SQS_ENDPOINT_STRATEGY": "off",
        # By default, it reports usage, downloads a certificate, and serves DNS.
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DNS_ADDRESS": "0",
    }


def _wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            ended = f"LocalStack ended while starting, with {process.returncode}"
            raise Problem(f"{ended}: see {paths.shown(LOG)}")
        if _is_ready(port):
            return
        time.sleep(0.1)
    raise Problem(f"LocalStack did not start within {START_SECONDS} s: see {paths.shown(LOG)}")


def _is_ready(port: int) -> bool:
    url = f"http://{LOCAL}:{port}/_localstack/health"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return {"apigateway", "sqs"} <= json.load(answer)["services"].keys()
    except (OSError, ValueError, KeyError):
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Closes its standard input, which stops it."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
    shutil.rmtree(FILES, ignore_errors=True)


def _free_port() -> int:
    """Finds a free port. LocalStack does not accept port 0, so another process may take it first.

    LocalStack then ends with an error.
    """
    with socket.create_server((LOCAL, 0)) as free:
        return int(free.getsockname()[1])
