"""Repositories, branches and pull requests. They are read, never written."""

from collections.abc import Callable

from .. import views
from ..access import sees
from ..answers import Answer, Refusal, not_found
from ..call import Call
from ..content import PullRequest, Repository


def _get(call: Call) -> Answer:
    return Answer(200, views.repository(call.world, call.repository))


def _of_installation(call: Call) -> Answer:
    if not call.caller.is_integration:
        raise Refusal(403, "You must authenticate with an installation access token")
    found = _visible(call)
    shown, headers = call.page(found)
    listed = [views.repository(call.world, each) for each in shown]
    return Answer(200, {"total_count": len(found), "repositories": listed}, headers)


def _of_user(call: Call) -> Answer:
    if call.caller.is_integration:
        raise Refusal(403, "Resource not accessible by integration")
    return call.listed([views.repository(call.world, each) for each in _visible(call)])


def _visible(call: Call) -> list[Repository]:
    token = call.caller.token
    all_of_them = call.world.repositories.values()
    found = [each for each in all_of_them if token is not None and sees(call.world, token, each)]
    return sorted(found, key=lambda each: each.full_name)


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


def _content(call: Call) -> Answer:
    ref = call.query.get("ref", call.repository.default_branch)
    sha = call.repository.resolve(ref)
    if sha is None:
        raise Refusal(404, f"No commit found for the ref {ref}")
    path = call.values["path"]
    found = call.repository.files.get((sha, path))
    if found is None:
        raise not_found()
    return Answer(200, views.entry(call.world, call.repository, path, found))


def _commit(call: Call) -> Answer:
    sha = call.values["commit_sha"]
    if sha not in call.repository.commits:
        raise not_found()
    return Answer(200, {"sha": sha})


HANDLERS: dict[str, Callable[[Call], Answer]] = {
    "apps/list-repos-accessible-to-installation": _of_installation,
    "git/get-commit": _commit,
    "pulls/get": _pull_request,
    "pulls/list": _pull_requests,
    "repos/get": _get,
    "repos/get-branch": _branch,
    "repos/get-content": _content,
    "repos/list-branches": _branches,
    "repos/list-for-authenticated-user": _of_user,
}
