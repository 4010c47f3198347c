"""What the operators' lists cost: 1,000 dead letters, 10,000 mappings, an audit trail of one row each.

The most memory that the command held, and how long after its start its first row came. The emulator's own slowness is in
the time, so it is told; memory is judged.
"""

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

from . import aws, github
from .account import SECRET_VARIABLE, Account
from .memory import peak_megabytes
from .problem import Problem

LETTERS = 1_000
MAPPINGS = 10_000
MAX_MEMORY_MB = 60.0


def measure(binary: Path, configuration: Path, account: Account) -> list[tuple[str, str, float]]:
    """Fills the account, lists it, and gives for each list its name, its figures, and its memory in MB."""
    _bury(account)
    _map(account)
    found = []
    for words, rows in [(["dlq", "list"], LETTERS), (["mappings", "list"], MAPPINGS)]:
        command = [str(binary), *words, "--output", "json", "--config", str(configuration)]
        first, whole, memory, count = _run(command, account)
        if count != rows:
            raise Problem(f"{' '.join(words)} printed {count} rows, not {rows}")
        figures = f"{memory:.1f} MB (limit {MAX_MEMORY_MB:.0f}), first row after {first:.2f} s, all after {whole:.2f} s"
        found.append((f"{' '.join(words)}, {rows:,} rows", figures, memory))
    return found


def _run(command: list[str], account: Account) -> tuple[float, float, float, int]:
    """Seconds to the first row and to the last, the most memory in MB, and the number of rows."""
    environment = aws.environment(**{SECRET_VARIABLE: account.secret})
    started = time.monotonic()
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    try:
        if process.stdout is None:
            raise Problem("no standard output")
        json.loads(process.stdout.readline())
        first = time.monotonic() - started
        count = 1
        memory = 0.0
        for _ in process.stdout:
            count += 1
            # An ended process tells no memory. What it held last is at most the rows in the pipe away from what is read here.
            memory = peak_megabytes(process.pid) or memory
        whole = time.monotonic() - started
        process.wait()
    finally:
        process.kill()
        process.wait()
    if process.returncode not in (0, 1):
        raise Problem(f"{' '.join(command[1:3])} ended with {process.returncode}")
    return first, whole, memory, count


def _bury(account: Account) -> None:
    """Dead letters of GitHub's usual size, each proven."""
    sqs = aws.client("sqs", account.endpoint)
    for start in range(0, LETTERS, 10):
        entries = []
        for number in range(start, start + 10):
            body = _pull_request(number)
            headers = {
                "X-GitHub-Event": "pull_request",
                "X-GitHub-Delivery": f"00000000-0000-4000-8000-{number:012}",
                "X-Hub-Signature-256": github.sign(body, account.secret),
                "Content-Type": "application/json",
                "branchline-reason": "template-source",
                "branchline-room": "plan",
            }
            attributes = {name: {"DataType": "String", "StringValue": value} for name, value in headers.items()}
            entries.append({"Id": str(number), "MessageBody": body.decode(), "MessageAttributes": attributes})
        sqs.send_message_batch(QueueUrl=account.dead_letters, Entries=entries)


def _pull_request(number: int) -> bytes:
    fixture = Path(__file__).parents[2] / "tests/fixtures/webhooks/pull_request.opened.json"
    payload: dict[str, Any] = json.loads(fixture.read_bytes())
    payload["number"] = number
    # What fills GitHub's payloads up to their usual 25 KB is of no interest to anybody here.
    payload["pull_request"]["body"] = "x" * 20_000
    return json.dumps(payload).encode()


def _map(account: Account) -> None:
    """Mappings like the one that is there."""
    table = aws.client("dynamodb", account.endpoint)
    found = table.scan(TableName=account.table)["Items"]
    one = next((item for item in found if re.fullmatch(r"PR#\d+", item["sk"]["S"])), None)
    if one is None:
        raise Problem("no mapping is there to make others of")
    table.delete_item(TableName=account.table, Key={"pk": one["pk"], "sk": one["sk"]})
    for start in range(0, MAPPINGS, 25):
        rows = [_row(one, number) for number in range(start, start + 25)]
        puts = [{"PutRequest": {"Item": row}} for row in rows]
        table.batch_write_item(RequestItems={account.table: puts})


def _row(one: dict[str, Any], number: int) -> dict[str, Any]:
    return {**one, "sk": {"S": f"PR#{number:010}"}, "pipeline": {"S": f"api-pr-{number}"}}
