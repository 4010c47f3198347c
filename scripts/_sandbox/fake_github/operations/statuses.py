"""Commit statuses. They are added and never changed; the newest of a context counts."""

from collections.abc import Callable

from .. import views
from ..answers import Answer, invalid, unprocessable
from ..call import Call
from ..content import Repository, Status

MAX_STATUSES = 1_000
"""The statuses of one commit and context."""

MAX_DESCRIPTION = 140
MAX_CONTEXT = 255


def _create(call: Call) -> Answer:
    world, repository, body = call.world, call.repository, call.body
    sha = call.values["sha"]
    if sha not in repository.commits:
        raise unprocessable(f"No commit found for SHA: {sha}")
    context = body.get("context") or "default"
    description, url = body.get("description"), body.get("target_url")
    if description is not None and len(description) > MAX_DESCRIPTION:
        message = f"description is too long (maximum is {MAX_DESCRIPTION} characters)"
        raise invalid("Status", "description", "custom", message)
    if len(context) > MAX_CONTEXT:
        message = f"context is too long (maximum is {MAX_CONTEXT} characters)"
        raise invalid("Status", "context", "custom", message)
    if url and not url.startswith(("https://", "http://")):
        raise invalid("Status", "target_url", "custom", "target_url must use http(s) scheme")
    if len(_of(repository, sha, context)) >= MAX_STATUSES:
        message = "This SHA and context has reached the maximum number of statuses."
        raise invalid("Status", "context", "custom", message)
    token = call.caller.token
    creator = token.login if token and token.login else views.bot()
    status = Status(
        world.new_id(), sha, body["state"], context, description, url or None, creator, world.now()
    )
    repository.statuses.append(status)
    shown = views.status(world, repository, status)
    return Answer(201, {**shown, "creator": views.user(world, creator)})


def _of(repository: Repository, sha: str, context: str) -> list[Status]:
    """Returns the statuses of a commit and context, whose case does not matter."""
    return [
        each
        for each in repository.statuses
        if each.sha == sha and each.context.lower() == context.lower()
    ]


def newest(repository: Repository, sha: str) -> list[Status]:
    """Returns the newest status of each context."""
    found = {each.context.lower(): each for each in repository.statuses if each.sha == sha}
    return list(found.values())


def _list(call: Call) -> Answer:
    sha = call.commit("ref")
    found = [each for each in reversed(call.repository.statuses) if each.sha == sha]
    shown, headers = call.page(found)
    listed = [
        {
            **views.status(call.world, call.repository, each),
            "creator": views.user(call.world, each.creator),
        }
        for each in shown
    ]
    return Answer(200, listed, headers)


def _combined(call: Call) -> Answer:
    world, repository, sha = call.world, call.repository, call.commit("ref")
    found = newest(repository, sha)
    states = {each.state for each in found}
    if states & {"error", "failure"}:
        state = "failure"
    else:
        state = "success" if states == {"success"} else "pending"
    shown, headers = call.page(found)
    url = f"{views.repository_url(world, repository)}/commits/{sha}"
    answer = {
        "state": state,
        "sha": sha,
        "total_count": len(found),
        "statuses": [views.status(world, repository, each) for each in shown],
        "repository": views.repository(world, repository),
        "commit_url": url,
        "url": f"{url}/status",
    }
    return Answer(200, answer, headers)


HANDLERS: dict[str, Callable[[Call], Answer]] = {
    "repos/create-commit-status": _create,
    "repos/get-combined-status-for-ref": _combined,
    "repos/list-commit-statuses-for-ref": _list,
}
