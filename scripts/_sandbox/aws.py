"""Clients for the emulator, and its errors in one line."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from _common.isolation import REGION
from _common.problem import Problem


def client(service: str, endpoint: str) -> Any:
    """Returns a boto3 client of the emulator without retries: it answers or is broken."""
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30)
    return boto3.client(service, region_name=REGION, endpoint_url=endpoint, config=config)


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Turns an emulator's refusal, or its absence, into a Problem."""
    try:
        yield
    except (
        BotoCoreError,
        ClientError,
        ConnectionRefusedError,
        ConnectionResetError,
        http.client.HTTPException,
    ) as error:
        raise Problem(f"the emulator failed: {error}") from error
