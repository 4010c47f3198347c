"""Runs the null AWS as a process, configures it and reads its counters."""

import http.client
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from _common.problem import Problem

from .cells import Cell

# A subject that has not deleted every message by then has lost one.
DEADLINE_SECONDS = 60
# Without a report for so long, no report is due: one follows another after a second.
QUIET_SECONDS = 2.5


class NullAws:
    """The address of the null AWS, and its pages for the benchmark."""

    def __init__(self, url: str) -> None:
        self.url = url

    def send(
        self,
        cell: Cell,
        count: int,
        per_second: float | None = None,
        *,
        action: str = "opened",
        keep_rows: bool = False,
    ) -> None:
        """Sends webhooks to the queue, at once or evenly over time, and resets the counters.

        Pushes (`synchronize`) are made to the pull requests that were opened while rows were kept,
        and the events (`succeeded`) are about their executions.
        """
        order = {"count": count, "bytes": cell.bytes, "action": action, "keep_rows": keep_rows}
        order |= {"latency_ms": cell.latency_ms, "per_second": per_second}
        self._request("POST", "/send", order)

    def account(
        self,
        *,
        pipelines: int,
        mappings: int,
        rate: float | None = None,
        heartbeats: bool = False,
    ) -> None:
        """Fills the account, and resets the counters.

        CodePipeline throttles above `rate` calls a second. Without `heartbeats`, no daemon sees
        another one.
        """
        order = {"pipelines": pipelines, "mappings": mappings}
        order |= {"rate": rate, "heartbeats": heartbeats}
        self._request("POST", "/account", order)

    def report(self) -> dict[str, Any]:
        """Returns the counters."""
        return self._request("GET", "/report")

    def settled_count(self) -> int:
        """Returns how many webhooks are deleted."""
        return self._request("GET", "/settled")

    def settled(self, count: int) -> dict[str, Any]:
        """Waits until so many webhooks are deleted, and returns the counters."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while self.settled_count() < count:
            if time.monotonic() > deadline:
                counts = json.dumps(self._counts())
                raise Problem(f"messages are left after {DEADLINE_SECONDS} s: {counts}")
            time.sleep(0.02)
        report = self.report()
        if report["refused"]:
            raise Problem(
                f"{report['refused']} calls were refused: see the messages of the null AWS above"
            )
        return report

    def reached(self, count: int) -> list[float]:
        """Waits until the effects of so many messages have arrived, and returns their times."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while len(times := self.report()["reached_ms"]) < count:
            if time.monotonic() > deadline:
                raise Problem(f"only {len(times)} of {count} messages have had their effect")
            time.sleep(0.02)
        return times

    def reported(self) -> None:
        """Waits until nothing more is reported to GitHub."""
        seen = -1
        while (now := self.report()["github"]) != seen:
            seen = now
            time.sleep(QUIET_SECONDS)

    def samples(self) -> dict[str, str]:
        """Returns the requests for the last pipelines that were created and started, by kind."""
        return self._request("GET", "/samples")

    def _counts(self) -> dict[str, Any]:
        report = self.report()
        return {name: report[name] for name in ("settled", "refused", "calls")}

    def _request(self, method: str, path: str, order: dict[str, Any] | None = None) -> Any:
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
    """Starts the null AWS on a free port, and kills it when the block ends."""
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
