"""Tests the deployments of the fake GitHub, and how the page of a pull request shows them."""

from typing import Any

from fake import Json
from test_github_operations import HEAD, Operations

DEPLOYMENTS = "/repos/acme/api/deployments"


class Deployments(Operations):
    """Deployments are created and listed, and have statuses."""

    def deployment_of(self, **body: Any) -> Json:
        """Creates a deployment that merges nothing and waits for nothing."""
        plain = {"ref": HEAD, "auto_merge": False, "required_contexts": []}
        return self.made(DEPLOYMENTS, {**plain, "environment": "preview/pr-7", **body})

    def states(self, deployment: Json) -> list[str]:
        """Returns the states of a deployment, the newest first."""
        reply = self.github.call("GET", f"{DEPLOYMENTS}/{deployment['id']}/statuses")
        return [each["state"] for each in reply.body]

    def test_a_deployment_has_statuses(self) -> None:
        """The page shows the newest one."""
        made = self.deployment_of(transient_environment=True, payload={"branchline": "x"})
        self.assertEqual((made["sha"], made["payload"]), (HEAD, {"branchline": "x"}))
        self.assertEqual((made["task"], made["transient_environment"]), ("deploy", True))
        path = f"{DEPLOYMENTS}/{made['id']}/statuses"
        self.made(path, {"state": "in_progress"})
        shown = self.made(path, {"state": "success", "environment_url": "https://pr-7.dev"})
        self.assertEqual(shown["environment_url"], "https://pr-7.dev")
        page = self.github.control("GET", "page?repository=acme/api&number=7")
        self.assertIn("✓ preview/pr-7 at 6dcb09b5 (success)", page)
        self.assertIn("environment: https://pr-7.dev", page)
        self.made(path, {"state": "inactive"})
        page = self.github.control("GET", "page?repository=acme/api&number=7")
        self.assertIn("○ preview/pr-7 at 6dcb09b5 (destroyed)", page)
        self.assertEqual(self.states(made), ["inactive", "success", "in_progress"])

    def test_lists_are_of_a_commit_an_environment_and_a_task(self) -> None:
        """The newest comes first."""
        first, second = self.deployment_of(), self.deployment_of(environment="preview/pr-8")
        listed = self.github.call("GET", DEPLOYMENTS).body
        self.assertEqual([each["id"] for each in listed], [second["id"], first["id"]])
        for query, count in [
            (f"sha={HEAD}&environment=preview%2Fpr-7&task=deploy", 1),
            ("sha=" + "0" * 40, 0),
            ("task=other", 0),
        ]:
            listed = self.github.call("GET", f"{DEPLOYMENTS}?{query}").body
            self.assertEqual(len(listed), count, query)

    def test_a_success_ends_only_earlier_ones_that_last(self) -> None:
        """And only if it is asked for."""
        lasting = self.deployment_of()
        transient = self.deployment_of(transient_environment=True)
        for each in (lasting, transient):
            path = f"{DEPLOYMENTS}/{each['id']}/statuses"
            self.made(path, {"state": "success", "auto_inactive": False})
        newest = self.deployment_of()
        self.made(f"{DEPLOYMENTS}/{newest['id']}/statuses", {"state": "success"})
        self.assertEqual(self.states(lasting)[0], "inactive")
        self.assertEqual(self.states(transient)[0], "success")

    def test_what_github_refuses(self) -> None:
        """The schema does not show these rules."""
        self.run_of(status="in_progress")
        cases: list[tuple[int, str, Json]] = [
            (422, "No ref found for", {"ref": "0" * 40}),
            (409, "Commit status checks failed", {"required_contexts": None}),
            (409, "Commit status checks failed", {"required_contexts": ["branchline/api"]}),
            (422, "environment is too long", {"environment": "x" * 256}),
        ]
        for status, message, body in cases:
            plain = {"ref": HEAD, "auto_merge": False, "required_contexts": []}
            body = {name: each for name, each in {**plain, **body}.items() if each is not None}
            reply = self.github.call("POST", DEPLOYMENTS, body)
            self.assertEqual(reply.status, status, reply)
            self.assertIn(message, str(reply.body))
        path = f"{DEPLOYMENTS}/{self.deployment_of()['id']}/statuses"
        for body in ({"description": "x" * 141}, {"environment_url": "javascript:x"}):
            reply = self.github.call("POST", path, {"state": "success", **body})
            self.assertEqual(reply.status, 422, reply)
        reply = self.github.call("POST", f"{DEPLOYMENTS}/1/statuses", {"state": "success"})
        self.assertEqual(reply.status, 404, reply)
