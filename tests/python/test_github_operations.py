"""Tests the rules of the fake GitHub's operations, and the page of a pull request."""

import unittest
from typing import Any

from fake import SHA, FakeGitHub, Json, Reply

HEAD = "6dcb09b5b57875f334f61aebed695e2e4193db5e"
RUNS = "/repos/acme/api/check-runs"
STATUS = f"/repos/acme/api/statuses/{HEAD}"
COMMENTS = "/repos/acme/api/issues/7/comments"


class Operations(FakeGitHub):
    """A repository with one pull request."""

    def setUp(self) -> None:
        super().setUp()
        self.github.authorize()
        self.github.control(
            "PUT",
            "pull_requests",
            repository="acme/api",
            number=7,
            title="Search",
            head_ref="feature/search",
            head_sha=HEAD,
        )

    def made(self, path: str, body: Json, status: int = 201, method: str = "POST") -> Json:
        """Makes a request that must succeed."""
        reply = self.github.call(method, path, body)
        self.assertEqual(reply.status, status, reply)
        return dict(reply.body)

    def run_of(self, **body: Any) -> Json:
        """Creates a check run."""
        return self.made(RUNS, {"name": "branchline/api", "head_sha": HEAD, **body})


class CheckRuns(Operations):
    """Check runs are created, changed and listed."""

    def test_a_conclusion_completes_it(self) -> None:
        """Another status takes the conclusion back."""
        run = self.run_of(status="in_progress", output={"title": "Builds", "summary": "..."})
        self.assertEqual((run["status"], run["conclusion"]), ("in_progress", None))
        self.assertEqual(run["details_url"], "https://branchline.invalid/")
        path = f"{RUNS}/{run['id']}"
        run = self.made(path, {"conclusion": "neutral"}, 200, "PATCH")
        self.assertEqual((run["status"], run["conclusion"]), ("completed", "neutral"))
        self.assertIsNotNone(run["completed_at"])
        self.assertEqual(run["output"]["title"], "Builds")
        run = self.made(path, {"status": "queued"}, 200, "PATCH")
        self.assertEqual((run["status"], run["conclusion"]), ("queued", None))

    def test_what_github_refuses(self) -> None:
        """The schema does not show these rules."""
        cases: list[tuple[str, Json]] = [
            ("No commit found for SHA", {"head_sha": "0" * 40}),
            ("missing_field", {"status": "completed"}),
            ("missing_field", {"completed_at": "2026-01-01T00:00:00Z"}),
            ("Only GitHub can set stale", {"conclusion": "stale"}),
            ("http(s) scheme", {"details_url": "ftp://example.com"}),
        ]
        for why, body in cases:
            with self.subTest(why):
                whole = {"name": "x", "head_sha": HEAD, **body}
                self.refused(422, why, "POST", RUNS, whole)

    def test_the_newest_of_each_name_is_listed(self) -> None:
        """`filter=all` lists the older ones, and `check_name` selects."""
        path = f"/repos/acme/api/commits/{HEAD}/check-runs"
        ids = [self.run_of(external_id=str(number))["id"] for number in range(3)]
        self.run_of(name="other")
        body = self.get(path).body
        self.assertEqual(body["total_count"], 2)
        body = self.get(f"{path}?check_name=branchline/api&app_id=4242").body
        self.assertEqual([each["id"] for each in body["check_runs"]], ids[-1:])
        body = self.get(f"{path}?check_name=branchline/api&filter=all").body
        self.assertEqual([each["id"] for each in body["check_runs"]], ids[::-1])
        self.assertEqual(self.get(f"{path}?app_id=1").body["check_runs"], [])

    def test_github_keeps_1000_of_a_name(self) -> None:
        """Older ones are deleted."""
        self.github.control("POST", "limits", by_the_minute=False)
        first = self.run_of()["id"]
        for _ in range(1_000):
            self.run_of()
        self.assertEqual(self.github.call("GET", f"{RUNS}/{first}").status, 404)
        listed = self.get(f"/repos/acme/api/commits/{HEAD}/check-runs?filter=all")
        self.assertEqual(listed.body["total_count"], 1_000)

    def test_pull_requests_of_forks_are_not_in_it(self) -> None:
        """GitHub leaves them out, so that nothing may depend on the list."""
        self.assertEqual([each["number"] for each in self.run_of()["pull_requests"]], [7])
        fork = {"repository": "acme/api", "number": 8, "head_ref": "x", "head_sha": "8" * 40}
        self.github.control("PUT", "pull_requests", **fork, head_repository="bob/api")
        self.assertEqual(self.run_of(head_sha="8" * 40)["pull_requests"], [])

    def test_rerun_sends_a_webhook_and_leaves_the_run_as_it_is(self) -> None:
        """The App must create another one, or change it."""
        run = self.run_of(conclusion="failure")
        sent = self.github.control("POST", "rerequest", check_run=run["id"])
        self.assertEqual((sent["event"], sent["payload"]["action"]), ("check_run", "rerequested"))
        self.assertEqual(sent["payload"]["check_run"]["id"], run["id"])
        self.assertEqual(sent["payload"]["installation"]["id"], 1001)
        self.assertEqual(self.get(f"{RUNS}/{run['id']}").body["conclusion"], "failure")


class TooLong(Operations):
    """The schema limits the texts of a check run, so these requests are violations."""

    expected_violations = 3

    def test_texts_of_check_runs(self) -> None:
        """65,535 characters, and a title where there is an output."""
        self.run_of(output={"title": "x", "summary": "é" * 65_535})
        for output in (
            {"title": "x", "summary": "é" * 65_536},
            {"title": "x", "summary": "x", "text": "é" * 65_536},
            {"summary": "x"},
        ):
            whole = {"name": "x", "head_sha": HEAD, "output": output}
            self.refused(422, "Invalid request", "POST", RUNS, whole)


class Statuses(Operations):
    """Commit statuses are added."""

    def test_the_newest_of_a_context_counts(self) -> None:
        """The case of a context does not matter; a late pending wins over a success."""
        combined = f"/repos/acme/api/commits/{HEAD}/status"
        self.assertEqual(self.get(combined).body["state"], "pending")
        for context, state, sum_of_all in (
            ("branchline/api", "pending", "pending"),
            ("Branchline/API", "success", "success"),
            ("other", "error", "failure"),
            ("other", "success", "success"),
            ("branchline/api", "pending", "pending"),
        ):
            self.made(STATUS, {"state": state, "context": context})
            self.assertEqual(self.get(combined).body["state"], sum_of_all)
        self.assertEqual(self.get(combined).body["total_count"], 2)
        listed = self.get(f"/repos/acme/api/commits/{HEAD}/statuses").body
        self.assertEqual([each["state"] for each in listed][:2], ["pending", "success"])

    def test_what_github_refuses(self) -> None:
        """The schema does not show these rules."""
        cases: list[tuple[str, Json]] = [
            ("description is too long", {"description": "é" * 141}),
            ("context is too long", {"context": "x" * 256}),
            ("http(s) scheme", {"target_url": "javascript:alert(1)"}),
        ]
        for why, body in cases:
            with self.subTest(why):
                self.refused(422, why, "POST", STATUS, {"state": "pending", **body})
        path = f"/repos/acme/api/statuses/{'0' * 40}"
        self.refused(422, "No commit found for SHA", "POST", path, {"state": "pending"})
        self.made(STATUS, {"state": "pending", "description": "é" * 140})

    def test_a_commit_and_context_have_1000(self) -> None:
        """GitHub refuses the next one, and another context is free."""
        self.github.control("POST", "limits", by_the_minute=False)
        for _ in range(1_000):
            self.made(STATUS, {"state": "pending", "context": "x"})
        body = {"state": "success", "context": "X"}
        self.refused(422, "has reached the maximum number of statuses", "POST", STATUS, body)
        self.made(STATUS, {"state": "success", "context": "y"})


class Comments(Operations):
    """Comments are created, edited, listed and deleted."""

    def test_from_creation_to_deletion(self) -> None:
        """A deleted comment cannot be edited."""
        comment = self.made(COMMENTS, {"body": "first"})
        self.assertEqual(comment["user"]["login"], "branchline[bot]")
        self.assertEqual(comment["performed_via_github_app"]["id"], 4242)
        path = f"/repos/acme/api/issues/comments/{comment['id']}"
        self.made(path, {"body": "second"}, 200, "PATCH")
        self.assertEqual([each["body"] for each in self.get(COMMENTS).body], ["second"])
        self.assertEqual(self.github.call("DELETE", path).status, 204)
        self.refused(404, "Not Found", "PATCH", path, {"body": "third"})

    def test_what_github_refuses(self) -> None:
        """Too long, blank, and a pull request that does not exist or is locked."""
        self.made(COMMENTS, {"body": "é" * 65_536})
        self.refused(422, "too long", "POST", COMMENTS, {"body": "é" * 65_537})
        self.refused(422, "blank", "POST", COMMENTS, {"body": " "})
        path = COMMENTS.replace("/7/", "/8/")
        self.refused(404, "Not Found", "POST", path, {"body": "x"})
        locked = {"repository": "acme/api", "number": 7, "locked": True}
        self.github.control("PUT", "pull_requests", **locked)
        self.refused(403, "issue is locked", "POST", COMMENTS, {"body": "x"})

    def test_pages_are_linked_by_the_repository_s_id(self) -> None:
        """A client follows the link as it is."""
        for number in range(5):
            self.made(COMMENTS, {"body": str(number)})
        found, path = [], f"{COMMENTS}?per_page=2"
        while path:
            reply = self.get(path)
            found += [each["body"] for each in reply.body]
            path = next_link(reply)
            self.assertTrue(not path or "/repositories/730001/issues/7/comments?" in path, path)
        self.assertEqual(found, ["0", "1", "2", "3", "4"])


class Repositories(Operations):
    """Repositories, branches, pull requests and the deliveries of hooks are read."""

    def test_a_renamed_repository_redirects(self) -> None:
        """A read with 301, a write with 307, to the URL with the repository's id."""
        self.github.control("PUT", "repositories", id=730001, full_name="acme/api2")
        reply = self.refused(301, "Moved Permanently", "GET", "/repos/acme/api/branches?page=1")
        wanted = f"{self.github.base}/repositories/730001/branches?page=1"
        self.assertEqual(reply.headers["location"], wanted)
        self.assertEqual(self.get(wanted).status, 200)
        reply = self.refused(307, "Temporary Redirect", "POST", STATUS, {"state": "pending"})
        self.made(reply.headers["location"], {"state": "pending"})
        self.assertEqual(self.get("/repos/acme/api2").body["id"], 730001)

    def test_pull_requests(self) -> None:
        """Closed ones are listed if they are asked for."""
        self.assertEqual(self.get("/repos/acme/api/pulls/7").body["head"]["sha"], HEAD)
        closed = {"repository": "acme/api", "number": 7, "state": "closed"}
        self.github.control("PUT", "pull_requests", **closed)
        for query, numbers in (("", []), ("?state=all", [7]), ("?state=closed&base=x", [])):
            listed = self.get(f"/repos/acme/api/pulls{query}").body
            self.assertEqual([each["number"] for each in listed], numbers)

    def test_branches_and_their_commits(self) -> None:
        """A slash in a name may be encoded."""
        names = [each["name"] for each in self.get("/repos/acme/api/branches").body]
        self.assertEqual(names, ["feature/search", "main"])
        for name in ("feature/search", "feature%2Fsearch"):
            found = self.get(f"/repos/acme/api/branches/{name}").body
            self.assertEqual(found["commit"]["sha"], HEAD)
        self.github.control("PUT", "branches", repository="acme/api", name="feature/search")
        path = "/repos/acme/api/branches/feature/search"
        self.assertEqual(self.github.call("GET", path).status, 404)

    def test_deliveries_that_never_arrived(self) -> None:
        """`status=failure` misses those without an answer; a redelivery has the same GUID."""
        self.github.token = self.github.jwt()
        ids = []
        for guid, code, status in (("a", 200, "OK"), ("b", 502, "Bad"), ("c", 0, "timed out")):
            delivery = {
                "guid": guid,
                "status": status,
                "status_code": code,
                "event": "push",
                "action": None,
                "delivered_at": "2026-01-01T00:00:00Z",
                "redelivery": False,
                "duration": 0.1,
                "installation_id": 1001,
                "repository_id": 730001,
            }
            self.github.control("PUT", "deliveries", **delivery)
        path = "/app/hook/deliveries"
        self.assertEqual([each["guid"] for each in self.get(path).body], ["c", "b", "a"])
        listed = self.get(f"{path}?status=failure").body
        self.assertEqual([each["guid"] for each in listed], ["b"])
        reply = self.get(f"{path}?per_page=2")
        ids = [each["id"] for each in reply.body]
        self.assertEqual([each["guid"] for each in self.get(next_link(reply)).body], ["a"])
        self.made(f"{path}/{ids[0]}/attempts", {}, 202)
        newest = self.get(path).body[0]
        self.assertEqual((newest["guid"], newest["redelivery"]), ("c", True))
        self.assertIn("request", self.get(f"{path}/{ids[1]}").body)

    def test_a_merge_group(self) -> None:
        """Its commit can be reported on, and its webhook is valid."""
        sha = "9" * 40
        sent = self.github.control("POST", "merge_group", repository="acme/api", number=7, sha=sha)
        group = sent["payload"]["merge_group"]
        self.assertEqual((group["head_sha"], group["base_sha"]), (sha, SHA))
        self.run_of(head_sha=sha)


class Pages(Operations):
    """The page of a pull request shows what a person would see."""

    def test_every_head_with_its_results(self) -> None:
        """Texts are shown, and the marker of a comment is not."""
        self.github.control("PUT", "repositories", id=730001, default_branch="main")
        self.run_of(conclusion="failure", output={"title": "Test failed", "summary": "one\n\ntwo"})
        self.made(STATUS, {"state": "success", "context": "lint", "description": "fine"})
        self.github.control(
            "PUT", "pull_requests", repository="acme/api", number=7, head_sha="7" * 40, draft=True
        )
        self.made(COMMENTS, {"body": "<!-- marker -->\nhello"})
        page = self.github.control("GET", "page", repository="acme/api", number=7)
        self.assertEqual(
            page,
            "acme/api#7 Search (draft)\n"
            "ada wants to merge feature/search into main\n"
            "\n"
            "6dcb09b5: some checks were not successful\n"
            "  ✗ branchline/api (failure) Test failed\n"
            "      one\n"
            "\n"
            "      two\n"
            "  ✓ lint (success) fine\n"
            "\n"
            "77777777 (head): no checks\n"
            "\n"
            "branchline[bot] commented:\n"
            "  hello\n",
        )

    def test_webhooks_move_the_pull_request(self) -> None:
        """A world follows the webhooks that a test sends to branchline."""
        payload = {
            "action": "closed",
            "number": 7,
            "repository": {"id": 730001, "full_name": "acme/api"},
            "pull_request": {
                "number": 7,
                "title": "Search",
                "state": "closed",
                "merged": True,
                "head": {"ref": "feature/search", "sha": HEAD, "repo": {"full_name": "acme/api"}},
                "base": {"ref": "main"},
            },
        }
        self.github.control("POST", "apply", event="pull_request", payload=payload)
        page = self.github.control("GET", "page", repository="acme/api", number=7)
        self.assertTrue(page.startswith("acme/api#7 Search (merged)\n"), page)


def next_link(reply: Reply) -> str:
    """Returns the URL of the next page, or nothing."""
    for part in reply.headers.get("link", "").split(", "):
        if part.endswith('rel="next"'):
            return part[1 : part.index(">")]
    return ""


if __name__ == "__main__":
    unittest.main()
