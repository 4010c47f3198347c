"""Tests what the fake GitHub delivers again."""

import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.parse import parse_qs

from fake import FakeGitHub

from _sandbox import github, github_control

PATH = "/app/hook/deliveries"
LOST = ("failed to connect to host", 0)


class Queue:
    """A queue that answers with a status, and keeps what it was sent."""

    def __init__(self) -> None:
        self.status = 200
        self.received: list[bytes] = []
        self.url = ""


@contextmanager
def queue() -> Iterator[Queue]:
    """Runs a queue while the block runs."""
    state = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            state.received.append(self.rfile.read(int(self.headers["Content-Length"])))
            content = b"<MessageId>1</MessageId>"
            self.send_response(state.status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Logs nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}/123456789012/webhooks"
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()


class Redeliveries(FakeGitHub):
    """An event that was lost at the front door."""

    def setUp(self) -> None:
        super().setUp()
        self.github.token = self.github.jwt()
        body = b'{"action":"opened", "repository":{"id":730001}}'
        self.webhook = github.webhook(body, "pull_request", "secret")
        self.control = github_control.GitHub(self.github.base)
        self.control.record(self.webhook, *LOST)

    def redeliver(self) -> None:
        """Asks for the event that was lost."""
        oldest = self.get(PATH).body[-1]
        reply = self.github.call("POST", f"{PATH}/{oldest['id']}/attempts", {})
        self.assertEqual(reply.status, 202, reply)

    def test_a_lost_event_is_listed_with_its_payload(self) -> None:
        """The body as it was signed is not shown."""
        lost = self.get(PATH).body[0]
        found = (lost["guid"], lost["action"], lost["repository_id"], lost["status"])
        self.assertEqual(found, (self.webhook.delivery, "opened", 730001, LOST[0]))
        detailed = self.get(f"{PATH}/{lost['id']}").body
        self.assertEqual(detailed["request"]["payload"]["action"], "opened")
        self.assertNotIn("raw", detailed)

    def test_it_goes_through_the_front_door(self) -> None:
        """The queue gets the body as it was signed, and the list shows its answer."""
        with queue() as door:
            self.control.control("PUT", "front_door", queue_url=door.url)
            for status in (403, 200):
                door.status = status
                self.redeliver()
        sent = parse_qs(door.received[-1].decode())
        self.assertEqual(sent["MessageBody"], [self.webhook.body.decode()])
        attempts = [(each["status"], each["status_code"]) for each in self.get(PATH).body]
        refused = ("Invalid HTTP Response: 403", 403)
        self.assertEqual(attempts, [("OK", 202), refused, LOST])
        self.assertEqual({each["guid"] for each in self.get(PATH).body}, {self.webhook.delivery})


if __name__ == "__main__":
    unittest.main()
