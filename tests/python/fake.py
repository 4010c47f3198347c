"""A client of the fake GitHub for tests, which asks as branchline does."""

import http.client
import json
import tempfile
import time
import unittest
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import support

from _sandbox import emulator
from _sandbox.fake_github import content

assert support  # it makes the scripts' packages importable

Json = dict[str, Any]
SHA = f"{730001:040x}"
"""The commit of the default branch of acme/api."""


@dataclass(frozen=True)
class Reply:
    """An answer."""

    status: int
    headers: dict[str, str]
    body: Any


class GitHub:
    """One world of the fake."""

    def __init__(self, server: emulator.Emulator, name: str) -> None:
        self.base = f"{server.endpoint}/{name}"
        self._key = server.private_key
        self.token = ""

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Makes a request with the token of the client, unless headers say otherwise."""
        url = urlsplit(path if path.startswith("http") else self.base + path)
        sent = {
            "User-Agent": "tests",
            "X-GitHub-Api-Version": "2022-11-28",
            "Authorization": f"Bearer {self.token}",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=10)
        try:
            target = f"{url.path}?{url.query}" if url.query else url.path
            content = json.dumps(body) if body is not None else None
            connection.request(method, target, content, {k: v for k, v in sent.items() if v})
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        is_json = "json" in (answer.getheader("Content-Type") or "")
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, found, json.loads(text) if text and is_json else text)

    def control(self, method: str, endpoint: str, **body: Any) -> Any:
        """Uses a control endpoint."""
        reply = self.call(method, f"/_control/{endpoint}", body if method != "GET" else None)
        if reply.status != 200:
            raise AssertionError(f"{method} {endpoint}: {reply.body}")
        return reply.body

    def jwt(self, **claims: Any) -> str:
        """Returns a token of the App, as it should be, with some claims replaced."""
        now = int(time.time())
        wanted = {"iat": now - 60, "exp": now + 540, "iss": content.CLIENT_ID, **claims}
        # Not jwt.encode(), which refuses a number as the issuer. GitHub accepts it.
        return jwt.PyJWS().encode(json.dumps(wanted).encode(), self._key, "RS256")

    def authorize(self, **body: Any) -> Json:
        """Gets an installation token, and uses it from now on."""
        path = "/app/installations/1001/access_tokens"
        reply = self.call("POST", path, body, Authorization=f"Bearer {self.jwt()}")
        if reply.status != 201:
            raise AssertionError(reply)
        self.token = reply.body["token"]
        return dict(reply.body)


class FakeGitHub(unittest.TestCase):
    """A test with a world to itself, which must not be violated unless the test expects it."""

    server: emulator.Emulator
    expected_violations = 0

    @classmethod
    def setUpClass(cls) -> None:
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        log = Path(folder) / "github.log"
        cls.server = cls.enterClassContext(emulator.running(log, emulator.GITHUB))

    def setUp(self) -> None:
        self.github = GitHub(self.server, self.id().rpartition(".")[2])
        self.addCleanup(self._check_violations)

    def _check_violations(self) -> None:
        found = self.github.control("GET", "violations")
        self.assertEqual(len(found), self.expected_violations, found)

    def get(self, path: str, **headers: str) -> Reply:
        """Gets something that must be there."""
        reply = self.github.call("GET", path, **headers)
        self.assertEqual(reply.status, 200, reply)
        return reply

    def refused(self, status: int, text: str, method: str, path: str, body: Any = None) -> Reply:
        """Makes a request that must be refused with a status and a text."""
        reply = self.github.call(method, path, body)
        self.assertEqual(reply.status, status, reply)
        self.assertIn(text, json.dumps(reply.body))
        return reply
