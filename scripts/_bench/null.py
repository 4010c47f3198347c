"""The null AWS as a process, and how it is set and read."""

import http.client
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from _sandbox.problem import Problem

from .cells import Cell

# A subject that has not settled everything by then has lost something.
PATIENCE_SECONDS = 60


class NullAws:
    """Its address, and its own pages."""

    def __init__(self, url: str) -> None:
        self.url = url

    def send(self, cell: Cell, count: int, per_second: float | None = None) -> None:
        """Puts so many webhooks into the queue, at once or evenly over time, and counts from zero."""
        order = {"count": count, "bytes": cell.bytes, "latency_ms": cell.latency_ms, "per_second": per_second}
        self._ask("POST", "/send", order)

    def settled(self, count: int) -> dict[str, Any]:
        """What was counted once so many webhooks are deleted."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._ask("GET", "/settled") < count:
            if time.monotonic() > deadline:
                raise Problem(f"not settled within {PATIENCE_SECONDS} s: {json.dumps(self._counts())}")
            time.sleep(0.02)
        report = self._ask("GET", "/report")
        if report["refused"]:
            raise Problem(f"{report['refused']} calls were refused: the null AWS's messages are above")
        return report

    def samples(self) -> dict[str, str]:
        """The requests that made the last pipeline, by kind."""
        return self._ask("GET", "/samples")

    def _counts(self) -> dict[str, Any]:
        report = self._ask("GET", "/report")
        return {name: report[name] for name in ("settled", "refused", "calls")}

    def _ask(self, method: str, path: str, order: dict[str, Any] | None = None) -> Any:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        try:
            connection.request(method, path, body=json.dumps(order) if order else None)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise Problem(f"the null AWS refused {path}: {text.decode(errors='replace')}")
        return json.loads(text)


@contextmanager
def running(program: Path) -> Iterator[NullAws]:
    """Starts it on a free port, and ends it."""
    process = subprocess.Popen([program, "null-aws"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if not url:
            raise Problem("the null AWS did not start")
        yield NullAws(url)
    finally:
        process.kill()
        process.wait()
