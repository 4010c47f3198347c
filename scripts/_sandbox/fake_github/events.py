"""What happens on GitHub, as its webhooks describe it: read into a world, or made from one."""

from datetime import datetime
from typing import Any

from . import views
from .content import CheckRun, Comment, Installation, PullRequest, Repository, World
from .operations.checks import rerequest as queue_again
from .specification import Json


def apply(world: World, event: str, payload: Json) -> None:
    """Changes a world as the payload of a webhook describes."""
    shown = payload.get("repository")
    repository = _repository(world, shown) if shown else None
    action = payload.get("action")
    if event == "installation":
        _apply_installation(world, action, payload["installation"])
    if repository is None:
        return
    if event == "pull_request":
        _apply_pull_request(repository, payload["pull_request"])
    elif event == "push":
        _apply_push(repository, payload)
    elif event == "delete" and payload.get("ref_type") == "branch":
        repository.branches.pop(payload["ref"], None)
    elif event == "repository":
        repository.archived = bool(payload["repository"].get("archived"))
    elif event == "issue_comment" and action == "created":
        _apply_comment(world, repository, payload)
    elif event == "merge_group":
        repository.commits.add(payload["merge_group"]["head_sha"])


def _repository(world: World, shown: Json) -> Repository:
    known = world.repositories.get(shown["id"])
    if known is None:
        known = Repository(shown["id"], shown["full_name"], shown.get("default_branch", "main"))
        world.add_repository(known)
    rename(world, known, shown["full_name"])
    return known


def rename(world: World, repository: Repository, full_name: str) -> None:
    """Gives a repository another name. Requests with the old one are redirected."""
    if full_name != repository.full_name:
        world.renamed[repository.full_name.lower()] = repository.id
        world.renamed.pop(full_name.lower(), None)
        repository.full_name = full_name


def _apply_installation(world: World, action: Any, shown: Json) -> None:
    number = shown["id"]
    if action == "deleted":
        world.installations.pop(number, None)
        return
    known = world.installations.setdefault(number, Installation(number, shown["account"]["login"]))
    known.suspended = action == "suspend" or (known.suspended and action != "unsuspend")


def _apply_pull_request(repository: Repository, shown: Json) -> None:
    head, number = shown["head"], shown["number"]
    known = repository.pull_requests.get(number)
    head_repository = head["repo"]["full_name"] if head.get("repo") else None
    if known is None:
        base = shown["base"]
        known = PullRequest(number, "", head["ref"], head["sha"], head_repository, base["ref"])
        repository.pull_requests[number] = known
        if base.get("sha"):
            repository.branches.setdefault(base["ref"], base["sha"])
            repository.commits.add(base["sha"])
    known.title = shown.get("title", known.title)
    known.state = shown.get("state", known.state)
    known.draft = bool(shown.get("draft"))
    known.merged = bool(shown.get("merged"))
    known.base_ref = shown["base"]["ref"]
    known.head_repository = head_repository
    if shown.get("user"):
        known.login = shown["user"]["login"]
    known.labels = [each["name"] for each in shown.get("labels", [])]
    known.created_at = _seconds(shown.get("created_at"), known.created_at)
    known.updated_at = _seconds(shown.get("updated_at"), known.updated_at)
    known.closed_at = _seconds(shown.get("closed_at"), None)
    move_head(repository, known, head["sha"])


def move_head(repository: Repository, pull_request: PullRequest, sha: str) -> None:
    """Makes a commit the head of a pull request."""
    pull_request.head_sha = sha
    if sha not in pull_request.heads:
        pull_request.heads.append(sha)
    repository.commits.add(sha)
    if pull_request.head_repository == repository.full_name and pull_request.state == "open":
        repository.branches[pull_request.head_ref] = sha


def _apply_push(repository: Repository, payload: Json) -> None:
    ref = payload["ref"]
    if not ref.startswith("refs/heads/"):
        return
    name = ref.removeprefix("refs/heads/")
    if payload.get("deleted"):
        repository.branches.pop(name, None)
    else:
        repository.branches[name] = payload["after"]
        repository.commits.add(payload["after"])


def _apply_comment(world: World, repository: Repository, payload: Json) -> None:
    shown = payload["comment"]
    number, now = payload["issue"]["number"], world.now()
    login = shown["user"]["login"]
    comment = Comment(shown["id"], number, shown["body"], login, False, now, now)
    repository.comments[comment.id] = comment


def _seconds(text: str | None, otherwise: Any) -> Any:
    return otherwise if text is None else datetime.fromisoformat(text).timestamp()


def rerequest(world: World, number: int) -> tuple[str, Json]:
    """Clicks Re-run of a check run, and returns the event and payload of its webhook."""
    repository, run = _check_run(world, number)
    queue_again(run)
    payload = {
        "action": "rerequested",
        "check_run": views.check_run(world, repository, run),
        **_common(world, repository, "ada"),
    }
    return "check_run", payload


def merge_group(world: World, repository: Repository, body: Json) -> tuple[str, Json]:
    """Adds a group to the merge queue, or removes it, and returns its webhook.

    A group has the commit that would be the base's next one.
    """
    base, sha, number = body.get("base", repository.default_branch), body["sha"], body["number"]
    repository.commits.add(sha)
    group = {
        "head_sha": sha,
        "head_ref": f"refs/heads/gh-readonly-queue/{base}/pr-{number}-{sha}",
        "base_sha": repository.branches[base],
        "base_ref": f"refs/heads/{base}",
        "head_commit": {"id": sha},
    }
    reason = body.get("reason")
    action = {"action": "destroyed", "reason": reason} if reason else {"action": "checks_requested"}
    return "merge_group", {**action, "merge_group": group, **_common(world, repository, "ada")}


def _check_run(world: World, number: int) -> tuple[Repository, CheckRun]:
    for repository in world.repositories.values():
        if number in repository.check_runs:
            return repository, repository.check_runs[number]
    raise ValueError(f"there is no check run {number}")


def _common(world: World, repository: Repository, login: str) -> Json:
    installation = world.installation_of(repository)
    found = {"installation": {"id": installation.id, "node_id": ""}} if installation else {}
    return {
        "repository": views.repository(world, repository),
        "sender": views.user(world, login),
        **found,
    }
