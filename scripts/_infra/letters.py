"""Forms into an emulated SQS, and out of it through branchline's own hands.

The queue is the one that branchline is told to be its dead-letter queue, so that its own commands say what is there:
`dlq list` whether each signature verifies, and `dlq drop`, whose file is made to send everything again, the bytes.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from _sandbox import account, aws, gateway
from _sandbox.account import SECRET_VARIABLE, Account

from .case import SECRET
from .paths import WORK

SECONDS = 120
"""For one command over some hundred messages of an emulator that is asked ten at a time."""


@dataclass(frozen=True)
class Letter:
    """What became of a form: refused with an error, or as branchline sees it."""

    error: str | None = None
    verified: bool | None = None
    body: bytes = b""
    attributes: Mapping[str, str] | None = None


class Post:
    """An account in the emulator at `endpoint`, and the branchline that reads its dead letters."""

    def __init__(self, endpoint: str) -> None:
        self._binary = os.environ["TEMPLATE_CHECK_BINARY"]
        self._folder = WORK / "letters"
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        self._account: Account = account.make(endpoint)
        account.write_configuration(self._account, self._configuration)

    @property
    def _configuration(self) -> Path:
        return self._folder / "branchline.toml"

    def send(self, forms: Mapping[str, str]) -> dict[str, Letter]:
        """Sends each form, and takes what arrived out again. All of it, and nothing else."""
        replies = {name: gateway.post(form, self._account.dead_letters) for name, form in forms.items()}
        sent = {reply.message_id for reply in replies.values() if reply.status == 200}
        arrived = self._arrived() if sent else {}
        if arrived.keys() != sent:
            raise AssertionError(f"{len(sent)} messages were taken, and {len(arrived)} came out, or others")
        return {name: self._letter(reply, arrived) for name, reply in replies.items()}

    @staticmethod
    def _letter(reply: gateway.Reply, arrived: Mapping[str, Letter]) -> Letter:
        if reply.message_id is None:
            return Letter(error=f"{reply.status} {reply.error}")
        return arrived[reply.message_id]

    def _arrived(self) -> dict[str, Letter]:
        """By SQS's id of the message. Reading the list first: what is dropped is gone."""
        listed = {line["id"]: line for line in _lines(self._branchline(1, "list", "--output", "json"))}
        file = self._folder / "dropped.jsonl"
        file.unlink(missing_ok=True)
        self._branchline(0, "drop", "--all", "--yes", "--to", str(file))
        dropped = {line["id"]: line for line in _lines(file.read_text(encoding="utf-8"))}
        if listed.keys() != dropped.keys():
            raise AssertionError(f"branchline lists {len(listed)} messages, and drops {len(dropped)}, or others")
        return {
            name: Letter(None, listed[name]["verified"], line["body"].encode(), _came(line["attributes"]))
            for name, line in dropped.items()
        }

    def _branchline(self, status: int, *words: str) -> str:
        """What `branchline dlq` says, which has to end with `status`."""
        command = [self._binary, "dlq", *words, "--config", str(self._configuration)]
        done = subprocess.run(
            command,
            env=aws.environment(**{SECRET_VARIABLE: SECRET}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        if done.returncode != status:
            raise AssertionError(
                f"branchline dlq {' '.join(words)} ended with {done.returncode}: {done.stderr.strip()}"
            )
        return done.stdout


def _lines(text: str) -> list[dict]:
    # Not splitlines(): a body may hold U+2028, which JSON does not escape.
    return [json.loads(line) for line in text.split("\n") if line]


def _came(attributes: dict[str, str]) -> dict[str, str]:
    """Those that came with the message. An export adds when a letter was first seen, which nobody has written yet."""
    came = dict(attributes)
    if came.pop("branchline-first-seen", None) is None:
        raise AssertionError("branchline exports a letter without when it was first seen")
    return came
