"""Repositories, branches and pull requests. They are read, never written."""

from collections.abc import Callable

from .. import views
from ..answers import Answer, not_found
from ..call import Call
from ..content import PullRequest


def _get(call: Call) -> Answer:
    return Answer(200, views.repository(call.world, call.repository))


def _branches(call: Call) -> Answer:
    repository = call.repository
    names = sorted(repository.branches)
    return call.listed([views.branch(call.world, repository, name) for name in names])


def _branch(call: Call) -> Answer:
    name = call.values["branch"]
    if name not in call.repository.branches:
        raise not_found()
    return Answer(200, views.branch(call.world, call.repository, name))


def _pull_requests(call: Call) -> Answer:
    query = call.query
    state, key = query.get("state", "open"), query.get("sort", "created")
    found = [each for each in call.repository.pull_requests.values() if _matches(each, query)]
    if state != "all":
        found = [each for each in found if each.state == state]
    descends = query.get("direction", "desc" if key == "created" else "asc") == "desc"
    by = (lambda each: each.updated_at) if key == "updated" else (lambda each: each.number)
    found.sort(key=by, reverse=descends)
    shown, headers = call.page(found)
    listed = [views.pull_request(call.world, call.repository, each) for each in shown]
    return Answer(200, listed, headers)


def _matches(found: PullRequest, query: dict[str, str]) -> bool:
    owner = (found.head_repository or "").partition("/")[0]
    if "head" in query and query["head"] != f"{owner}:{found.head_ref}":
        return False
    return "base" not in query or query["base"] == found.base_ref


def _pull_request(call: Call) -> Answer:
    found = call.pull_request("pull_number")
    shown = views.pull_request(call.world, call.repository, found)
    more = {"merged": found.merged, "commits": len(found.heads), "mergeable_state": "unknown"}
    return Answer(200, shown | more)


HANDLERS: dict[str, Callable[[Call], Answer]] = {
    "pulls/get": _pull_request,
    "pulls/list": _pull_requests,
    "repos/get": _get,
    "repos/get-branch": _branch,
    "repos/list-branches": _branches,
}
