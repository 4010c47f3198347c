"""Tests who may use the fake GitHub, how often, and what it does on purpose to a client."""

import http.client
import time
import unittest

from fake import SHA, FakeGitHub, Json
from jwt import encode

RUN = {"name": "branchline/api", "head_sha": SHA}
STATUS = f"/repos/acme/api/statuses/{SHA}"


class Tokens(FakeGitHub):
    """The App, its installation tokens, and the tokens of people."""

    def test_the_app_authenticates_with_its_key(self) -> None:
        """The client id, and the App's id as a number or a text, name it."""
        for issuer in ("Iv23liBranchlineFake", 4242, "4242"):
            self.github.token = self.github.jwt(iss=issuer)
            self.assertEqual(self.get("/app").body["slug"], "branchline")

    def test_a_wrong_token_of_the_app_is_refused(self) -> None:
        """Each claim has its own message, as GitHub has."""
        now = int(time.time())
        refused = {
            "'Issued at' claim": self.github.jwt(iat=now + 90),
            "is too far in the future": self.github.jwt(exp=now + 700),
            "representing the future": self.github.jwt(exp=now - 1),
            "could not be decoded": encode({"iss": "4242", "iat": now}, "x" * 32, "HS256"),
            "Bad credentials": "ghs_4242_a.b.c",
        }
        for why, token in refused.items():
            with self.subTest(why):
                self.github.token = token
                self.refused(401, why, "GET", "/app")
        self.github.token = self.github.jwt(iss="Iv1.other")
        self.refused(404, "Integration not found", "GET", "/app")

    def test_an_installation_token_is_long_and_expires_after_an_hour(self) -> None:
        """Its text is opaque; the clock of the world decides."""
        made = self.github.authorize()
        self.assertGreater(len(made["token"]), 400)
        self.get("/repos/acme/api")
        self.github.control("POST", "clock", advance=3599)
        self.get("/repos/acme/api")
        self.github.control("POST", "clock", advance=2)
        self.refused(401, "Bad credentials", "GET", "/repos/acme/api")

    def test_a_token_covers_its_repositories_and_permissions(self) -> None:
        """Another repository does not exist for it; a missing permission is named."""
        self.github.control("PUT", "repositories", id=5, full_name="acme/web")
        made = self.github.authorize(repositories=["web"], permissions={"checks": "write"})
        self.assertEqual(made["permissions"], {"checks": "write", "metadata": "read"})
        self.assertEqual([each["id"] for each in made["repositories"]], [5])
        self.refused(404, "Not Found", "GET", "/repos/acme/api")
        commit = f"{5:040x}"
        path = f"/repos/acme/web/statuses/{commit}"
        refused = self.refused(403, "by integration", "POST", path, {"state": "pending"})
        self.assertEqual(refused.headers["x-accepted-github-permissions"], "statuses=write")

    def test_more_than_the_installation_has_is_refused(self) -> None:
        """A permission that was not granted, and a repository of another account."""
        self.github.control("PUT", "repositories", id=6, full_name="other/web")
        self.github.token = self.github.jwt()
        path = "/app/installations/1001/access_tokens"
        asked = {"permissions": {"administration": "read"}}
        self.refused(422, "permissions requested are not granted", "POST", path, asked)
        self.refused(422, "not accessible", "POST", path, {"repository_ids": [6]})
        self.refused(422, "not accessible", "POST", path, {"repositories": ["nothing"]})

    def test_a_suspended_or_removed_installation_can_do_nothing(self) -> None:
        """Its tokens stop at once."""
        self.github.authorize()
        self.github.control("PUT", "installations", id=1001, suspended=True)
        self.refused(403, "suspended", "GET", "/repos/acme/api")
        self.github.control("PUT", "installations", id=1001, deleted=True)
        self.refused(401, "Bad credentials", "GET", "/repos/acme/api")
        self.github.token = self.github.jwt()
        self.refused(404, "Not Found", "GET", "/repos/acme/api/installation")

    def test_a_person_writes_statuses_and_no_check_runs(self) -> None:
        """GitHub lets Apps alone write check runs."""
        granted = {"statuses": "write", "checks": "write"}
        self.github.control("PUT", "tokens", token="github_pat_1", permissions=granted)
        self.github.token = "github_pat_1"
        made = self.github.call("POST", STATUS, {"state": "pending"})
        self.assertEqual((made.status, made.body["creator"]["login"]), (201, "ada"))
        self.assertEqual(self.get("/user").body["id"], made.body["creator"]["id"])
        path = "/repos/acme/api/check-runs"
        self.refused(403, "You must authenticate via a GitHub App.", "POST", path, RUN)
        self.refused(401, "could not be decoded", "GET", "/app")

    def test_a_caller_must_say_who_it_is(self) -> None:
        """Without Authorization nothing is allowed, and without User-Agent nothing at all."""
        reply = self.github.call("GET", "/repos/acme/api", Authorization="")
        self.assertEqual(reply.status, 401)
        self.github.authorize()
        reply = self.github.call("GET", "/repos/acme/api", User_Agent="")
        self.assertEqual(reply.status, 403)


class Limits(FakeGitHub):
    """The limits of GitHub, with their headers."""

    def setUp(self) -> None:
        super().setUp()
        self.github.authorize()

    def test_the_primary_limit(self) -> None:
        """It is refused until the hour ends, and an unchanged answer costs nothing."""
        owner = "installation 1001"
        self.github.control("POST", "limits", owner=owner, remaining=2, reset_in=600)
        first = self.get("/repos/acme/api")
        self.assertEqual(first.headers["x-ratelimit-remaining"], "1")
        same = self.github.call("GET", "/repos/acme/api", If_None_Match=first.headers["etag"])
        self.assertEqual((same.status, same.body), (304, ""))
        self.assertEqual(same.headers["x-ratelimit-remaining"], "1")
        self.get("/repos/acme/api/branches")
        reply = self.refused(403, "API rate limit exceeded", "GET", "/repos/acme/api")
        self.assertEqual(reply.headers["x-ratelimit-remaining"], "0")
        self.assertAlmostEqual(int(reply.headers["x-ratelimit-reset"]), time.time() + 600, delta=5)
        self.github.control("POST", "clock", advance=601)
        self.get("/repos/acme/api")

    def test_a_changed_answer_has_another_etag(self) -> None:
        """A client that sends the old one gets the new answer."""
        path = f"/repos/acme/api/commits/{SHA}/status"
        before = self.get(path).headers["etag"]
        self.github.call("POST", STATUS, {"state": "success"})
        self.assertEqual(self.get(path, If_None_Match=before).body["state"], "success")

    def test_content_is_limited_by_the_minute(self) -> None:
        """After 80 statuses in a minute, GitHub names a time to wait."""
        for _ in range(80):
            self.assertEqual(self.github.call("POST", STATUS, {"state": "pending"}).status, 201)
        reply = self.refused(403, "secondary rate limit", "POST", STATUS, {"state": "success"})
        self.assertEqual(reply.headers["retry-after"], "61")
        self.github.control("POST", "clock", advance=61)
        self.assertEqual(self.github.call("POST", STATUS, {"state": "success"}).status, 201)

    def test_a_secondary_limit_of_a_test(self) -> None:
        """With or without `retry-after`, with 403 or 429."""
        self.github.control("POST", "limits", secondary_for=30, status=429, retry_after=False)
        reply = self.refused(429, "secondary rate limit", "GET", "/repos/acme/api")
        self.assertNotIn("retry-after", reply.headers)
        self.github.control("POST", "clock", advance=31)
        self.get("/repos/acme/api")


class Faults(FakeGitHub):
    """What a test can ask for."""

    def setUp(self) -> None:
        super().setUp()
        self.github.authorize()

    def test_a_status_for_some_requests(self) -> None:
        """The operation is not done, and requests of other operations pass."""
        self.github.control(
            "POST", "faults", operation="repos/create-commit-status", status=502, times=2
        )
        for wanted in (502, 502, 201):
            self.get("/repos/acme/api")
            self.assertEqual(self.github.call("POST", STATUS, {"state": "pending"}).status, wanted)
        self.assertEqual(len(self.statuses()), 1)

    def test_an_answer_that_is_lost(self) -> None:
        """The operation is done before the connection closes, or is not done at all."""
        for effect, count in ((False, 0), (True, 1)):
            self.github.control("POST", "faults", path="/statuses/", drop=True, effect=effect)
            with self.assertRaises(http.client.HTTPException):
                self.github.call("POST", STATUS, {"state": "pending"})
            self.assertEqual(len(self.statuses()), count)

    def test_a_delay_after_a_request_that_passes(self) -> None:
        """`skip` lets the first ones pass."""
        self.github.control("POST", "faults", skip=1, delay_ms=200)
        waited = []
        for _ in range(2):
            started = time.monotonic()
            self.get("/repos/acme/api")
            waited.append(time.monotonic() - started >= 0.2)
        self.assertEqual(waited, [False, True])

    def statuses(self) -> list[Json]:
        """Returns the statuses of the commit."""
        return list(self.get(f"/repos/acme/api/commits/{SHA}/statuses").body)


class Violations(FakeGitHub):
    """What a client must not do is refused and remembered."""

    expected_violations = 1

    def setUp(self) -> None:
        super().setUp()
        self.github.authorize()

    def test_an_unknown_member(self) -> None:
        """GitHub would ignore it."""
        self.refused(422, "descriptoin", "POST", STATUS, {"state": "error", "descriptoin": "x"})

    def test_a_wrong_value(self) -> None:
        """Statuses have no neutral state."""
        self.refused(422, "neutral", "POST", STATUS, {"state": "neutral"})

    def test_an_unknown_parameter(self) -> None:
        """GitHub would list everything."""
        self.refused(
            422, "name is unknown", "GET", f"/repos/acme/api/commits/{SHA}/check-runs?name=x"
        )

    def test_an_operation_that_is_not_in_the_fixture(self) -> None:
        """The fixture has the operations that branchline uses."""
        self.refused(404, "Not Found", "PUT", "/repos/acme/api/pulls/7/merge", {})

    def test_a_missing_version(self) -> None:
        """GitHub would take a version of its choice."""
        reply = self.github.call("GET", "/repos/acme/api", X_GitHub_Api_Version="")
        self.assertEqual(reply.status, 200)


class Worlds(FakeGitHub):
    """A world is one GitHub."""

    def test_worlds_do_not_see_each_other(self) -> None:
        """A token of one is unknown in the other, and so is a repository."""
        self.github.authorize()
        self.github.control("PUT", "repositories", id=5, full_name="acme/web")
        self.get("/repos/acme/web")
        self.github.base += "-other"
        self.refused(401, "Bad credentials", "GET", "/repos/acme/api")
        self.github.authorize()
        self.refused(404, "Not Found", "GET", "/repos/acme/web")

    def test_requests_are_listed(self) -> None:
        """A test can count them, and see whether some ran at the same time."""
        self.github.authorize()
        self.github.call("POST", STATUS, {"state": "pending"})
        listed = self.github.control("GET", "requests")
        names = [(each["operation"], each["status"], each["caller"]) for each in listed]
        wanted = [
            ("apps/create-installation-access-token", 201, "app 4242"),
            ("repos/create-commit-status", 201, "installation 1001"),
        ]
        self.assertEqual(names, wanted)
        self.assertEqual(listed[1]["body"], {"state": "pending"})
        self.assertEqual([each["concurrent"] for each in listed], [1, 1])

    def test_a_wrong_control_is_an_error(self) -> None:
        """An unknown one lists those that there are."""
        self.refused(404, "PUT tokens", "POST", "/_control/nothing")
        self.refused(400, "colour", "POST", "/_control/faults", {"colour": "red"})


if __name__ == "__main__":
    unittest.main()
