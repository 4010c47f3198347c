"""The environment of test credentials, and clients for the emulator. Nothing here can reach a real account."""

import http.client
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .problem import Problem

REGION = "eu-west-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
LOCAL = "127.0.0.1"


def environment(**more: str) -> dict[str, str]:
    """Ours for a child, with every AWS and branchline setting of the person's replaced by the sandbox's.

    A profile, a session token or an endpoint from the person's own shell would otherwise be mixed in.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "BRANCHLINE_"))}
    isolated = {
        "AWS_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": LOCAL,
        "no_proxy": LOCAL,
    }
    return kept | isolated | CREDENTIALS | more


def isolate() -> None:
    """The same for this process, before the first client is made."""
    wanted = environment()
    os.environ.clear()
    os.environ.update(wanted)


def client(service: str, endpoint: str) -> Any:
    """A boto3 client of the emulator. No retries: the emulator answers at once or is broken."""
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30)
    return boto3.client(service, region_name=REGION, endpoint_url=endpoint, config=config)


@contextmanager
def told() -> Iterator[None]:
    """An emulator that refuses or has gone away, in one line instead of a traceback."""
    try:
        yield
    except (
        BotoCoreError,
        ClientError,
        ConnectionRefusedError,
        ConnectionResetError,
        http.client.HTTPException,
    ) as error:
        raise Problem(f"the emulator did not do its part: {error}") from error
