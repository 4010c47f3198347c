"""Measures `dlq list` with 1,000 dead letters and `mappings list` with 10,000 mappings.

It measures the peak memory of the command, and the time from its start to its first and last row.
Memory has a limit. Times have none, because they include the slowness of the emulator.
"""

import copy
import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

from _common import paths
from _common.isolation import environment
from _common.problem import Problem

from . import aws, github
from .account import SECRET_VARIABLE, Account
from .memory import peak_megabytes

DEAD_LETTERS = 1_000
MAPPINGS = 10_000
MAX_MEMORY_MB = 60.0


def measure(binary: Path, configuration: Path, account: Account) -> list[tuple[str, str, float]]:
    """Fills the account and lists it. Returns each list's name, figures, and memory in MB."""
    _fill_dead_letter_queue(account)
    fill_table(account, MAPPINGS)
    found = []
    for words, rows in [(["dlq", "list"], DEAD_LETTERS), (["mappings", "list"], MAPPINGS)]:
        command = [str(binary), *words, "--output", "json", "--config", str(configuration)]
        first, whole, memory, count = _run(command, account)
        if count != rows:
            raise Problem(f"{' '.join(words)} printed {count} rows, not {rows}")
        limit = f"{memory:.1f} MB (limit {MAX_MEMORY_MB:.0f})"
        figures = f"{limit}, first row after {first:.2f} s, all after {whole:.2f} s"
        found.append((f"{' '.join(words)}, {rows:,} rows", figures, memory))
    return found


def _run(command: list[str], account: Account) -> tuple[float, float, float, int]:
    """Returns the seconds to the first and last row, the peak memory in MB, and the rows."""
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(**{SECRET_VARIABLE: account.secret}),
    )
    try:
        if process.stdout is None or process.stderr is None:
            raise Problem("no standard output")
        if line := process.stdout.readline():
            json.loads(line)
        first = time.monotonic() - started
        count = 1
        memory = 0.0
        for _ in process.stdout:
            count += 1
            # An ended process has no memory figure. The last one that is read here misses at most
            # the memory of the rows that are still in the pipe.
            memory = peak_megabytes(process.pid) or memory
        whole = time.monotonic() - started
        errors = process.stderr.read().decode(errors="replace").strip()
        process.wait()
    finally:
        process.kill()
        process.wait()
    if process.returncode not in (0, 1):
        raise Problem(f"{' '.join(command[1:3])} ended with {process.returncode}: {errors}")
    return first, whole, memory, count


def _fill_dead_letter_queue(account: Account) -> None:
    """Sends dead letters of the usual size of a webhook, each with a valid signature."""
    sqs = aws.client("sqs", account.endpoint)
    for start in range(0, DEAD_LETTERS, 10):
        entries = []
        for number in range(start, start + 10):
            body = pull_request(number)
            headers = {
                "X-GitHub-Event": "pull_request",
                "X-GitHub-Delivery": f"00000000-0000-4000-8000-{number:012}",
                "X-Hub-Signature-256": github.sign(body, account.secret),
                "Content-Type": "application/json",
                "branchline-reason": "template-source",
                "branchline-step": "plan",
            }
            attributes = {
                name: {"DataType": "String", "StringValue": value}
                for name, value in headers.items()
            }
            entry = {"Id": str(number), "MessageBody": body.decode()}
            entries.append({**entry, "MessageAttributes": attributes})
        sqs.send_message_batch(QueueUrl=account.dead_letters, Entries=entries)


def pull_request(number: int) -> bytes:
    """Returns the body of an opened pull request, of the usual size of a webhook."""
    fixture = paths.FIXTURES / "pull_request.opened.json"
    payload: dict[str, Any] = json.loads(fixture.read_bytes())
    payload["number"] = number
    # Fills the payload up to the usual 25 KB of a webhook.
    payload["pull_request"]["body"] = "x" * 20_000
    return json.dumps(payload).encode()


def fill_table(account: Account, mappings: int) -> None:
    """Replaces the one mapping in the table by copies, for the pull requests 0 and following."""
    table = aws.client("dynamodb", account.endpoint)
    found = table.scan(TableName=account.table)["Items"]
    one = next((item for item in found if re.fullmatch(r"PR#\d+", item["sk"]["S"])), None)
    if one is None:
        raise Problem("there is no mapping to copy")
    table.delete_item(TableName=account.table, Key={"pk": one["pk"], "sk": one["sk"]})
    for start in range(0, mappings, 25):
        rows = [_row(one, number) for number in range(start, min(start + 25, mappings))]
        puts = [{"PutRequest": {"Item": row}} for row in rows]
        table.batch_write_item(RequestItems={account.table: puts})


def _row(one: dict[str, Any], number: int) -> dict[str, Any]:
    row = copy.deepcopy(one)
    row["sk"] = {"S": f"PR#{number:010}"}
    name = {"S": f"api-pr-{number}"}
    row["desired"]["M"]["spec"]["M"]["pipeline"] = name
    row["resources"]["M"]["pipeline"]["M"]["name"] = name
    return row
