"""Things as GitHub's API shows them. What is not here is filled in from the schema."""

import base64
from typing import Any
from urllib.parse import quote

from . import content
from .content import (
    CheckRun,
    Comment,
    Deployment,
    DeploymentStatus,
    Installation,
    PullRequest,
    Repository,
    Status,
    World,
)
from .content import timestamp as at
from .specification import Json

_BOT = f"{content.SLUG}[bot]"


def user(world: World, login: str) -> Json:
    """Returns an account: a person, an organization, or the App's bot."""
    kind = "Bot" if login.endswith("[bot]") else "User"
    # The same login always has the same number.
    number = sum(byte << (8 * index) for index, byte in enumerate(login.encode()[:3])) + 1000
    url = f"{world.base}/users/{quote(login)}"
    return {"login": login, "id": number, "type": kind, "url": url, "html_url": url}


def app(world: World) -> Json:
    """Returns the App."""
    return {
        "id": content.APP_ID,
        "slug": content.SLUG,
        "client_id": content.CLIENT_ID,
        "name": content.SLUG,
        "owner": user(world, "acme"),
        "external_url": content.HOMEPAGE,
        "html_url": f"{world.base}/apps/{content.SLUG}",
        "permissions": world.app.permissions,
        "events": world.app.events,
        "installations_count": len(world.installations),
    }


def installation(world: World, one: Installation) -> Json:
    """Returns an installation of the App."""
    url = f"{world.base}/app/installations/{one.id}"
    return {
        "id": one.id,
        "account": user(world, one.account),
        "access_tokens_url": f"{url}/access_tokens",
        "repositories_url": f"{world.base}/installation/repositories",
        "html_url": url,
        "app_id": content.APP_ID,
        "client_id": content.CLIENT_ID,
        "app_slug": content.SLUG,
        "target_id": user(world, one.account)["id"],
        "target_type": "Organization",
        "permissions": one.permissions,
        "events": one.events,
        "repository_selection": "all" if one.repositories is None else "selected",
        "single_file_name": None,
        "suspended_at": at(world.now()) if one.suspended else None,
    }


def repository_url(world: World, one: Repository) -> str:
    """Returns the URL of a repository in the API."""
    return f"{world.base}/repos/{one.full_name}"


def repository(world: World, one: Repository) -> Json:
    """Returns a repository."""
    url = repository_url(world, one)
    return {
        "id": one.id,
        "name": one.name,
        "full_name": one.full_name,
        "owner": user(world, one.owner),
        "private": one.private,
        "archived": one.archived,
        "default_branch": one.default_branch,
        "url": url,
        "html_url": f"{world.base}/{one.full_name}",
        "pulls_url": f"{url}/pulls{{/number}}",
    }


def branch(world: World, one: Repository, name: str) -> Json:
    """Returns a branch."""
    sha = one.branches[name]
    url = f"{repository_url(world, one)}/branches/{quote(name)}"
    return {
        "name": name,
        "commit": {"sha": sha, "url": f"{repository_url(world, one)}/commits/{sha}"},
        "protected": False,
        "protection_url": f"{url}/protection",
    }


def entry(world: World, one: Repository, path: str, found: Json) -> Any:
    """Returns what a commit has under a path. A folder is a list, here of nothing."""
    if found["type"] == "dir":
        return []
    url = f"{repository_url(world, one)}/contents/{quote(path)}"
    text = base64.encodebytes(found["text"].encode()).decode()
    # Of long files, GitHub sends no text.
    is_long = found["size"] > 1024 * 1024
    more = {
        "file": {"encoding": "none" if is_long else "base64", "content": "" if is_long else text},
        "symlink": {"target": found["text"]},
        "submodule": {"submodule_git_url": url},
    }
    shared = {
        "type": found["type"],
        "size": found["size"],
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": "0" * 40,
        "url": url,
        "git_url": url,
        "html_url": url,
        "download_url": url,
        "_links": {"git": url, "self": url, "html": url},
    }
    return shared | more[found["type"]]


def pull_request(world: World, one: Repository, found: PullRequest) -> Json:
    """Returns a pull request with the members that its own answer and the list have."""
    url = f"{repository_url(world, one)}/pulls/{found.number}"
    closed = at(found.closed_at) if found.closed_at is not None else None
    return {
        "id": one.id * 1000 + found.number,
        "number": found.number,
        "title": found.title,
        "state": found.state,
        "draft": found.draft,
        "locked": found.locked,
        "user": user(world, found.login),
        "labels": [{"id": index, "name": name} for index, name in enumerate(found.labels, 1)],
        "created_at": at(found.created_at),
        "updated_at": at(found.updated_at),
        "closed_at": closed,
        "merged_at": closed if found.merged else None,
        "merge_commit_sha": None,
        "author_association": "MEMBER",
        "url": url,
        "html_url": f"{world.base}/{one.full_name}/pull/{found.number}",
        "statuses_url": f"{repository_url(world, one)}/statuses/{found.head_sha}",
        "head": _end(world, found.head_ref, found.head_sha, found.head_repository, one),
        "base": _end(
            world, found.base_ref, one.branches.get(found.base_ref, ""), one.full_name, one
        ),
    }


def _end(world: World, ref: str, sha: str, full_name: str | None, base: Repository) -> Json:
    owner = (full_name or base.full_name).partition("/")[0]
    if full_name is None:
        shown = None
    else:
        other = Repository(base.id + 1, full_name, base.default_branch)
        shown = repository(world, base if full_name == base.full_name else other)
    account = user(world, owner)
    return {"label": f"{owner}:{ref}", "ref": ref, "sha": sha, "user": account, "repo": shown}


def status(world: World, one: Repository, found: Status) -> Json:
    """Returns a commit status. `creator` is left out of the ones in a combined status."""
    return {
        "id": found.id,
        "url": f"{repository_url(world, one)}/statuses/{found.sha}",
        "state": found.state,
        "context": found.context,
        "description": found.description,
        "target_url": found.target_url,
        "created_at": at(found.created_at),
        "updated_at": at(found.created_at),
    }


def check_run(world: World, one: Repository, found: CheckRun) -> Json:
    """Returns a check run. Pull requests from forks are not in it."""
    url = f"{repository_url(world, one)}/check-runs/{found.id}"
    output = {name: found.output.get(name) for name in ("title", "summary", "text")}
    return {
        "id": found.id,
        "head_sha": found.suite.sha,
        "name": found.name,
        "external_id": found.external_id,
        "status": found.status,
        "conclusion": found.conclusion,
        "details_url": found.details_url or content.HOMEPAGE,
        "url": url,
        "html_url": f"{world.base}/{one.full_name}/runs/{found.id}",
        "started_at": found.started_at,
        "completed_at": found.completed_at,
        "output": {
            **output,
            "annotations_count": found.annotations,
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": found.suite.id},
        "app": app(world),
        "pull_requests": [
            {
                "id": one.id * 1000 + each.number,
                "number": each.number,
                "head": {"ref": each.head_ref, "sha": each.head_sha},
                "base": {"ref": each.base_ref, "sha": one.branches.get(each.base_ref, "")},
            }
            for each in one.pull_requests.values()
            if each.head_sha == found.suite.sha and each.head_repository == one.full_name
        ],
    }


def comment(world: World, one: Repository, found: Comment) -> Json:
    """Returns a comment."""
    shown = {
        "id": found.id,
        "body": found.body,
        "user": user(world, found.login),
        "created_at": at(found.created_at),
        "updated_at": at(found.updated_at),
        "url": f"{repository_url(world, one)}/issues/comments/{found.id}",
        "html_url": f"{world.base}/{one.full_name}/pull/{found.number}#issuecomment-{found.id}",
        "issue_url": f"{repository_url(world, one)}/issues/{found.number}",
    }
    return shown | ({"performed_via_github_app": app(world)} if found.by_app else {})


def deployment(world: World, one: Repository, found: Deployment) -> Json:
    """Returns a deployment."""
    url = f"{repository_url(world, one)}/deployments/{found.id}"
    return {
        "id": found.id,
        "url": url,
        "sha": found.sha,
        "ref": found.ref,
        "task": found.task,
        "environment": found.environment,
        "original_environment": found.environment,
        "payload": found.payload,
        "description": found.description,
        "transient_environment": found.transient,
        "production_environment": found.production,
        "creator": user(world, found.creator),
        "created_at": at(found.created_at),
        "updated_at": at(found.statuses[-1].created_at if found.statuses else found.created_at),
        "statuses_url": f"{url}/statuses",
        "repository_url": repository_url(world, one),
    }


def deployment_status(
    world: World, one: Repository, of: Deployment, found: DeploymentStatus
) -> Json:
    """Returns a status of a deployment."""
    url = f"{repository_url(world, one)}/deployments/{of.id}"
    pages = {
        "environment_url": found.environment_url,
        "log_url": found.log_url,
        "target_url": found.log_url,
    }
    return {name: page for name, page in pages.items() if page} | {
        "id": found.id,
        "url": f"{url}/statuses/{found.id}",
        "state": found.state,
        "description": found.description,
        "environment": of.environment,
        "creator": user(world, found.creator),
        "created_at": at(found.created_at),
        "updated_at": at(found.created_at),
        "deployment_url": url,
        "repository_url": repository_url(world, one),
    }


def bot() -> str:
    """Returns the login under which the App acts."""
    return _BOT
