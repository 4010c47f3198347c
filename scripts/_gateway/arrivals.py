"""Sends forms to an emulated SQS, and reads the messages with branchline.

The queue is configured as the dead-letter queue, so that branchline's own commands read it:
`dlq list` shows whether each signature is valid, and `dlq drop` exports the messages with their
bytes.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from _common.isolation import environment
from _common.paths import SANDBOX
from _sandbox import account, gateway
from _sandbox.account import SECRET_VARIABLE, Account

from .case import SECRET

WORK = SANDBOX / "gateway" / "work"

BINARY = "GATEWAY_CHECK_BINARY"
"""The variable with the binary. The sandbox removes variables that begin with BRANCHLINE_."""

SECONDS = 120
"""For one command over some hundred messages, of which the emulator returns ten at a time."""


@dataclass(frozen=True)
class Arrival:
    """The result of a form: an error of SQS, or the message as branchline reads it."""

    error: str | None = None
    verified: bool | None = None
    body: bytes = b""
    attributes: Mapping[str, str] | None = None


class Queue:
    """A queue in the emulator at `endpoint`, which branchline reads as its dead-letter queue."""

    def __init__(self, endpoint: str) -> None:
        self._binary = os.environ[BINARY]
        self._folder = WORK / "arrivals"
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        self._account: Account = account.make(endpoint)
        account.write_configuration(self._account, self._configuration)

    @property
    def _configuration(self) -> Path:
        return self._folder / "branchline.toml"

    def send(self, forms: Mapping[str, str]) -> dict[str, Arrival]:
        """Sends each form, and removes every message that arrived."""
        queue = self._account.dead_letters
        replies = {name: gateway.post(form, queue) for name, form in forms.items()}
        sent = {reply.message_id for reply in replies.values() if reply.status == 200}
        arrived = self._arrived() if sent else {}
        if arrived.keys() != sent:
            raise AssertionError(
                f"{len(sent)} messages were sent, and {len(arrived)} were read, or others"
            )
        return {name: self._arrival(reply, arrived) for name, reply in replies.items()}

    @staticmethod
    def _arrival(reply: gateway.Reply, arrived: Mapping[str, Arrival]) -> Arrival:
        if reply.message_id is None:
            return Arrival(error=f"{reply.status} {reply.error}")
        return arrived[reply.message_id]

    def _arrived(self) -> dict[str, Arrival]:
        """Returns the messages by their ids. It reads the list first, because `drop` deletes."""
        rows = _lines(self._branchline(1, "list", "--output", "json"))
        listed = {row["id"]: row for row in rows}
        file = self._folder / "dropped.jsonl"
        file.unlink(missing_ok=True)
        self._branchline(0, "drop", "--all", "--yes", "--to", str(file))
        dropped = {line["id"]: line for line in _lines(file.read_text(encoding="utf-8"))}
        if listed.keys() != dropped.keys():
            counts = f"lists {len(listed)} messages, and drops {len(dropped)}, or others"
            raise AssertionError(f"branchline {counts}")
        return {
            name: Arrival(
                verified=listed[name]["verified"],
                body=line["body"].encode(),
                attributes=_sent(line["attributes"]),
            )
            for name, line in dropped.items()
        }

    def _branchline(self, status: int, *words: str) -> str:
        """Returns the output of `branchline dlq`, which must end with `status`."""
        command = [self._binary, "dlq", *words, "--config", str(self._configuration)]
        done = subprocess.run(
            command,
            env=environment(**{SECRET_VARIABLE: SECRET}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        if done.returncode != status:
            ended = f"branchline dlq {' '.join(words)} ended with {done.returncode}"
            raise AssertionError(f"{ended}: {done.stderr.strip()}")
        return done.stdout


def _lines(text: str) -> list[dict]:
    # Not splitlines(): a body can contain U+2028, which JSON does not escape.
    return [json.loads(line) for line in text.split("\n") if line]


def _sent(attributes: dict[str, str]) -> dict[str, str]:
    """Returns the attributes of the message, without the one that an export adds."""
    sent = dict(attributes)
    if sent.pop("branchline-first-seen", None) is None:
        raise AssertionError("an exported message has no branchline-first-seen")
    return sent
