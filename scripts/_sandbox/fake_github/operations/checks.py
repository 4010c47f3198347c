"""Check runs. Only an App writes them, and only its own."""

from collections.abc import Callable

from .. import views
from ..answers import Answer, invalid
from ..call import Call
from ..content import CheckRun, CheckSuite, Repository, World, timestamp
from ..specification import Json

SAME_NAME = 1_000
"""The check runs of one name in a suite. GitHub deletes older ones."""

_COPIED = ("name", "details_url", "external_id", "started_at", "completed_at", "actions")


def _create(call: Call) -> Answer:
    world, repository, body = call.world, call.repository, call.body
    sha = body["head_sha"]
    if sha not in repository.commits:
        raise invalid("CheckRun", "head_sha", "custom", f"No commit found for SHA: {sha}")
    suite = repository.suites.get(sha)
    if suite is None:
        suite = repository.suites[sha] = CheckSuite(world.new_id(), sha)
    run = CheckRun(world.new_id(), suite, body["name"])
    _change(world, run, body)
    repository.check_runs[run.id] = run
    _delete_old(repository, run)
    return Answer(201, views.check_run(world, repository, run))


def _update(call: Call) -> Answer:
    run = call.check_run()
    _change(call.world, run, call.body)
    return Answer(200, views.check_run(call.world, call.repository, run))


def _change(world: World, run: CheckRun, body: Json) -> None:
    """Changes a check run. A conclusion completes it, and another status takes it back."""
    _check(body)
    for name in _COPIED:
        if name in body:
            setattr(run, name, body[name])
    if "conclusion" in body:
        run.status, run.conclusion = "completed", body["conclusion"]
        run.completed_at = run.completed_at or timestamp(world.now())
    elif "status" in body:
        run.status, run.conclusion, run.completed_at = body["status"], None, None
    if run.status != "queued":
        run.started_at = run.started_at or timestamp(world.now())
    output = body.get("output", {})
    run.annotations += len(output.get("annotations", []))
    run.output |= {name: output[name] for name in ("title", "summary", "text") if name in output}
    run.suite.status = run.status


def _check(body: Json) -> None:
    """Raises the refusal of what the schema does not show."""
    needs = body.get("status") == "completed" or "completed_at" in body
    if needs and "conclusion" not in body:
        raise invalid("CheckRun", "conclusion", "missing_field")
    if body.get("conclusion") == "stale":
        raise invalid("CheckRun", "conclusion", "invalid", "Only GitHub can set stale")
    url = body.get("details_url")
    if url is not None and not url.startswith(("https://", "http://")):
        raise invalid("CheckRun", "details_url", "custom", "details_url must use http(s) scheme")
    if not body.get("name", "x").strip():
        raise invalid("CheckRun", "name", "missing_field")


def _delete_old(repository: Repository, run: CheckRun) -> None:
    same = [
        each.id
        for each in repository.check_runs.values()
        if each.suite is run.suite and each.name == run.name
    ]
    for old in same[:-SAME_NAME]:
        del repository.check_runs[old]


def _get(call: Call) -> Answer:
    return Answer(200, views.check_run(call.world, call.repository, call.check_run()))


def _list(call: Call) -> Answer:
    sha, query = call.commit("ref"), call.query
    runs = [each for each in call.repository.check_runs.values() if each.suite.sha == sha]
    if query.get("filter", "latest") == "latest":
        runs = list({each.name: each for each in runs}.values())
    if "check_name" in query:
        runs = [each for each in runs if each.name == query["check_name"]]
    if "status" in query:
        runs = [each for each in runs if each.status == query["status"]]
    if "app_id" in query and query["app_id"] != views.app(call.world)["id"]:
        runs = []
    shown, headers = call.page(sorted(runs, key=lambda each: -each.id))
    listed = [views.check_run(call.world, call.repository, each) for each in shown]
    return Answer(200, {"total_count": len(runs), "check_runs": listed}, headers)


def _rerequest(call: Call) -> Answer:
    rerequest(call.check_run())
    return Answer(201, {})


def rerequest(run: CheckRun) -> None:
    """Does what the button Re-run does: the suite is queued again, and the run is as it was."""
    run.suite.status = "queued"


def _rerequest_suite(call: Call) -> Answer:
    number = call.number("check_suite_id")
    for suite in call.repository.suites.values():
        if suite.id == number:
            suite.status = "queued"
            return Answer(201, {})
    raise invalid("CheckSuite", "id", "missing")


HANDLERS: dict[str, Callable[[Call], Answer]] = {
    "checks/create": _create,
    "checks/get": _get,
    "checks/list-for-ref": _list,
    "checks/rerequest-run": _rerequest,
    "checks/rerequest-suite": _rerequest_suite,
    "checks/update": _update,
}
