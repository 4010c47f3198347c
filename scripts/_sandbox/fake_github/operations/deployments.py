"""Deployments and their statuses. A status is added and never changed; the newest counts."""

from collections.abc import Callable

from .. import views
from ..answers import Answer, Refusal, invalid, unprocessable
from ..call import Call
from ..content import Deployment, DeploymentStatus, Repository
from ..specification import Json
from .statuses import newest

MAX_DESCRIPTION = 140
MAX_ENVIRONMENT = 255


def _create(call: Call) -> Answer:
    world, repository, body = call.world, call.repository, call.body
    if repository.archived:
        raise Refusal(403, "Repository was archived so is read-only.")
    ref = body["ref"]
    sha = repository.resolve(ref)
    if sha is None:
        raise unprocessable(f"No ref found for: {ref}")
    environment = body.get("environment") or "production"
    if len(environment) > MAX_ENVIRONMENT:
        message = f"environment is too long (maximum is {MAX_ENVIRONMENT} characters)"
        raise invalid("Deployment", "environment", "custom", message)
    _check_merge(call, sha)
    _check_contexts(repository, sha, body)
    made = Deployment(
        world.new_id(),
        sha,
        ref,
        body.get("task") or "deploy",
        environment,
        body.get("payload", {}),
        body.get("description"),
        body.get("transient_environment", False),
        body.get("production_environment", environment == "production"),
        _login(call),
        world.now(),
    )
    repository.deployments[made.id] = made
    return Answer(201, views.deployment(world, repository, made))


def _check_merge(call: Call, sha: str) -> None:
    """By default, GitHub merges the default branch into what is deployed. No client here may."""
    if call.body.get("auto_merge", True) and sha != call.repository.resolve(
        call.repository.default_branch
    ):
        call.world.violate("a deployment that merges the default branch", ref=sha)
        raise Refusal(409, "Conflict merging the default branch into the ref.")


def _check_contexts(repository: Repository, sha: str, body: Json) -> None:
    """Raises the refusal of a commit with a status or check that is required and not green."""
    states = {each.context: each.state for each in newest(repository, sha)}
    runs = [each for each in repository.check_runs.values() if each.suite.sha == sha]
    states |= {each.name: each.conclusion or each.status for each in runs}
    wanted = body.get("required_contexts")
    required = list(states) if wanted is None else wanted
    if any(states.get(name) != "success" for name in required):
        raise Refusal(409, "Conflict: Commit status checks failed for the ref.")


def _list(call: Call) -> Answer:
    query = call.query
    found = [
        each
        for each in reversed(call.repository.deployments.values())
        if all(
            name not in query or getattr(each, name) == query[name]
            for name in ("sha", "ref", "task", "environment")
        )
    ]
    shown, headers = call.page(found)
    listed = [views.deployment(call.world, call.repository, each) for each in shown]
    return Answer(200, listed, headers)


def _create_status(call: Call) -> Answer:
    world, deployment, body = call.world, call.deployment(), call.body
    description = body.get("description") or ""
    if len(description) > MAX_DESCRIPTION:
        message = f"description is too long (maximum is {MAX_DESCRIPTION} characters)"
        raise invalid("DeploymentStatus", "description", "custom", message)
    pages = [body.get(name) or "" for name in ("environment_url", "log_url")]
    for name, page in zip(("environment_url", "log_url"), pages, strict=True):
        if page and not page.startswith(("https://", "http://")):
            raise invalid("DeploymentStatus", name, "custom", f"{name} must use http(s) scheme")
    status = DeploymentStatus(
        world.new_id(), body["state"], description, pages[0], pages[1], _login(call), world.now()
    )
    deployment.statuses.append(status)
    if body["state"] == "success" and body.get("auto_inactive", True):
        _end_others(call, deployment)
    return Answer(201, views.deployment_status(world, call.repository, deployment, status))


def _end_others(call: Call, deployment: Deployment) -> None:
    """Adds an inactive status to the others of the environment that last and have succeeded."""
    for each in call.repository.deployments.values():
        ends = each.state == "success" and not (each.transient or each.production)
        if each is not deployment and each.environment == deployment.environment and ends:
            world = call.world
            each.statuses.append(
                DeploymentStatus(
                    world.new_id(), "inactive", "", "", "", _login(call), world.now()
                )
            )


def _list_statuses(call: Call) -> Answer:
    deployment = call.deployment()
    shown, headers = call.page(list(reversed(deployment.statuses)))
    listed = [
        views.deployment_status(call.world, call.repository, deployment, each) for each in shown
    ]
    return Answer(200, listed, headers)


def _login(call: Call) -> str:
    token = call.caller.token
    return token.login if token and token.login else views.bot()


HANDLERS: dict[str, Callable[[Call], Answer]] = {
    "repos/create-deployment": _create,
    "repos/create-deployment-status": _create_status,
    "repos/list-deployment-statuses": _list_statuses,
    "repos/list-deployments": _list,
}
