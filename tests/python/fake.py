"""A client of the fake GitHub for tests, which asks as branchline does."""

import json
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any

import jwt
import support

from _sandbox import emulator, github_control
from _sandbox.fake_github import content
from _sandbox.github_control import Reply

assert support  # it makes the scripts' packages importable

Json = dict[str, Any]
SHA = f"{730001:040x}"
"""The commit of the default branch of acme/api."""


class GitHub:
    """One world of the fake."""

    def __init__(self, server: emulator.Emulator, name: str) -> None:
        self.base = f"{server.endpoint}/{name}"
        self._key = server.private_key
        self.token = ""

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Makes a request with the token of the client, unless headers say otherwise."""
        sent = {
            "User-Agent": "tests",
            "X-GitHub-Api-Version": "2022-11-28",
            "Authorization": f"Bearer {self.token}",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        url = path if path.startswith("http") else self.base + path
        return github_control.request(method, url, body, {k: v for k, v in sent.items() if v})

    def control(self, method: str, endpoint: str, **body: Any) -> Any:
        """Uses a control endpoint."""
        return github_control.GitHub(self.base).control(method, endpoint, **body)

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
