"""One request that is allowed and valid, and its page of a list."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from .access import Caller
from .answers import Answer, not_found, unprocessable
from .content import CheckRun, Comment, Deployment, PullRequest, Repository, World
from .specification import Json, Operation

MAX_PER_PAGE = 100
DEFAULT_PER_PAGE = 30


@dataclass
class Call:
    """A request, as the handler of its operation needs it."""

    world: World
    operation: Operation
    caller: Caller
    values: dict[str, str]
    """The values in the path."""
    path: str
    """The path below the base. Links name a repository by its id."""
    query: dict[str, Any] = field(default_factory=dict)
    body: Json = field(default_factory=dict)
    found: Repository | None = None

    @property
    def repository(self) -> Repository:
        """Returns the repository in the path, which exists and which the caller may see."""
        if self.found is None:
            raise not_found()
        return self.found

    def number(self, name: str) -> int:
        """Returns a number in the path."""
        try:
            return int(self.values[name])
        except ValueError:
            raise not_found() from None

    def commit(self, name: str) -> str:
        """Returns the commit of a reference in the path."""
        ref = self.values[name]
        sha = self.repository.resolve(ref)
        if sha is None:
            raise unprocessable(f"No commit found for SHA: {ref}")
        return sha

    def pull_request(self, name: str) -> PullRequest:
        """Returns the pull request in the path."""
        found = self.repository.pull_requests.get(self.number(name))
        if found is None:
            raise not_found()
        return found

    def check_run(self) -> CheckRun:
        """Returns the check run in the path."""
        found = self.repository.check_runs.get(self.number("check_run_id"))
        if found is None:
            raise not_found()
        return found

    def comment(self) -> Comment:
        """Returns the comment in the path."""
        found = self.repository.comments.get(self.number("comment_id"))
        if found is None:
            raise not_found()
        return found

    def deployment(self) -> Deployment:
        """Returns the deployment in the path."""
        found = self.repository.deployments.get(self.number("deployment_id"))
        if found is None:
            raise not_found()
        return found

    def page(self, items: list[Any]) -> tuple[list[Any], dict[str, str]]:
        """Returns a page of a list, and the headers with the links to other pages."""
        size = min(max(self.query.get("per_page", DEFAULT_PER_PAGE), 1), MAX_PER_PAGE)
        number = max(self.query.get("page", 1), 1)
        last = max(1, -(-len(items) // size))
        numbers = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
        shown = ["next", "last"] if number < last else []
        shown = [*(["prev"] if number > 1 else []), *shown, *(["first"] if number > 1 else [])]
        links = [self.link(relation, page=str(numbers[relation])) for relation in shown]
        headers = {"Link": ", ".join(links)} if links else {}
        return items[(number - 1) * size : number * size], headers

    def link(self, relation: str, **changed: str) -> str:
        """Returns one part of a Link header: this request with other parameters."""
        query = urlencode({**self.query, **changed})
        return f'<{self.world.base}{self.path}?{query}>; rel="{relation}"'

    def listed(self, items: list[Any]) -> Answer:
        """Answers with a page of a list."""
        shown, headers = self.page(items)
        return Answer(200, shown, headers)
