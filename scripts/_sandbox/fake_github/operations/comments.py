"""The comments of pull requests."""

from collections.abc import Callable
from datetime import datetime

from .. import views
from ..answers import Answer, Refusal, invalid
from ..call import Call
from ..content import Comment

MAX_BODY = 65_536


def _create(call: Call) -> Answer:
    world, pull_request = call.world, call.pull_request("issue_number")
    body = _checked(call.body["body"])
    if pull_request.locked:
        raise Refusal(403, "Unable to create comment because issue is locked.")
    now = world.now()
    comment = Comment(
        world.new_id(), pull_request.number, body, _login(call), _is_app(call), now, now
    )
    call.repository.comments[comment.id] = comment
    return Answer(201, views.comment(world, call.repository, comment))


def _update(call: Call) -> Answer:
    comment = call.comment()
    _check_author(call, comment)
    comment.body, comment.updated_at = _checked(call.body["body"]), call.world.now()
    return Answer(200, views.comment(call.world, call.repository, comment))


def _delete(call: Call) -> Answer:
    comment = call.comment()
    _check_author(call, comment)
    del call.repository.comments[comment.id]
    return Answer(204)


def _get(call: Call) -> Answer:
    return Answer(200, views.comment(call.world, call.repository, call.comment()))


def _list(call: Call) -> Answer:
    number = call.pull_request("issue_number").number
    since = call.query.get("since")
    after = datetime.fromisoformat(since).timestamp() if since else 0
    found = [
        views.comment(call.world, call.repository, each)
        for each in call.repository.comments.values()
        if each.number == number and each.updated_at >= after
    ]
    return call.listed(found)


def _checked(body: str) -> str:
    if not body.strip():
        raise invalid("IssueComment", "body", "missing_field", "body can't be blank")
    if len(body) > MAX_BODY:
        message = f"Body is too long (maximum is {MAX_BODY} characters)"
        raise invalid("IssueComment", "data", "unprocessable", message)
    return body


def _check_author(call: Call, comment: Comment) -> None:
    """A bot must not change what people wrote, though GitHub lets some tokens do so."""
    if comment.login != _login(call):
        raise Refusal(403, "Resource not accessible by integration")


def _is_app(call: Call) -> bool:
    return call.caller.is_integration


def _login(call: Call) -> str:
    token = call.caller.token
    return token.login if token and token.login else views.bot()


HANDLERS: dict[str, Callable[[Call], Answer]] = {
    "issues/create-comment": _create,
    "issues/delete-comment": _delete,
    "issues/get-comment": _get,
    "issues/list-comments": _list,
    "issues/update-comment": _update,
}
