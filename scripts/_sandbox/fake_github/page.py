"""The page of a pull request as text: its checks, deployments and comments."""

from collections.abc import Iterator

from .content import CheckRun, Deployment, PullRequest, Repository, Status, World
from .operations.statuses import newest

_SUCCESSFUL = {"success", "neutral", "skipped"}
_MARKS = {
    "success": "✓",
    "failure": "✗",
    "error": "✗",
    "timed_out": "✗",
    "action_required": "!",
    "cancelled": "■",
    "neutral": "○",
    "skipped": "○",
}
_RUNNING = "●"
_SHORT = 8


def text(world: World, repository: Repository, number: int) -> str:
    """Returns the page of a pull request."""
    found = repository.pull_requests.get(number)
    if found is None:
        raise ValueError(f"{repository.full_name} has no pull request {number}")
    lines = [
        *_title(repository, found),
        *_commits(repository, found),
        *_deployments(repository, found),
        *_comments(repository, found),
    ]
    return "\n".join(lines) + "\n"


def _title(repository: Repository, found: PullRequest) -> Iterator[str]:
    state = "merged" if found.merged else "draft" if found.draft else found.state
    yield f"{repository.full_name}#{found.number} {found.title} ({state})"
    owner = (found.head_repository or "(deleted)").partition("/")[0]
    head = found.head_ref if owner == repository.owner else f"{owner}:{found.head_ref}"
    yield f"{found.login} wants to merge {head} into {found.base_ref}"


def _commits(repository: Repository, found: PullRequest) -> Iterator[str]:
    for sha in found.heads:
        runs = list(
            {
                each.name: each for each in repository.check_runs.values() if each.suite.sha == sha
            }.values()
        )
        statuses = newest(repository, sha)
        yield ""
        head = " (head)" if sha == found.head_sha else ""
        yield f"{sha[:_SHORT]}{head}: {_sum(runs, statuses)}"
        for run in runs:
            yield from _check_run(run)
        for status in statuses:
            yield from _status(status)


def _sum(runs: list[CheckRun], statuses: list[Status]) -> str:
    """Returns what the box above the merge button says."""
    states = [each.conclusion or each.status for each in runs] + [each.state for each in statuses]
    if not states:
        return "no checks"
    if any(each not in _MARKS for each in states):
        return "some checks haven't completed yet"
    if all(each in _SUCCESSFUL for each in states):
        return "all checks have passed"
    return "some checks were not successful"


def _check_run(run: CheckRun) -> Iterator[str]:
    state = run.conclusion or run.status
    title = run.output.get("title")
    yield f"  {_MARKS.get(state, _RUNNING)} {run.name} ({state})" + (f" {title}" if title else "")
    if run.details_url:
        yield f"      details: {run.details_url}"
    for name in ("summary", "text"):
        for line in (run.output.get(name) or "").splitlines():
            yield f"      {line}".rstrip()


def _status(status: Status) -> Iterator[str]:
    description = f" {status.description}" if status.description else ""
    yield f"  {_MARKS.get(status.state, _RUNNING)} {status.context} ({status.state}){description}"
    if status.target_url:
        yield f"      details: {status.target_url}"


def _deployments(repository: Repository, found: PullRequest) -> Iterator[str]:
    """Returns the deployments of the commits, the newest last, as the box of environments does."""
    shown = [each for each in repository.deployments.values() if each.sha in found.heads]
    if shown:
        yield ""
        yield "Environments"
    for each in shown:
        yield from _deployment(each)


def _deployment(deployment: Deployment) -> Iterator[str]:
    state = deployment.state
    # A transient deployment that is inactive was an environment that is gone.
    word = "destroyed" if state == "inactive" and deployment.transient else state
    mark = _MARKS.get(state, "○" if state == "inactive" else _RUNNING)
    yield f"  {mark} {deployment.environment} at {deployment.sha[:_SHORT]} ({word})"
    newest_status = deployment.statuses[-1] if deployment.statuses else None
    if newest_status and newest_status.environment_url:
        yield f"      environment: {newest_status.environment_url}"
    if newest_status and newest_status.description:
        yield f"      {newest_status.description}"


def _comments(repository: Repository, found: PullRequest) -> Iterator[str]:
    for comment in repository.comments.values():
        if comment.number != found.number:
            continue
        edited = " (edited)" if comment.updated_at > comment.created_at else ""
        yield ""
        yield f"{comment.login} commented{edited}:"
        for line in comment.body.splitlines():
            if not line.startswith("<!--"):
                yield f"  {line}".rstrip()
