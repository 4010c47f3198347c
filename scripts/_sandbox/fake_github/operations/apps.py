"""The App, its installations, their tokens, and the owners of other tokens."""

import secrets
from collections.abc import Callable

from .. import content, views
from ..access import exceeds, new_token
from ..answers import Answer, Refusal, not_found, unprocessable
from ..call import Call
from ..content import Installation, timestamp

MAX_REPOSITORIES = 500


def _own(call: Call) -> Answer:
    return Answer(200, views.app(call.world))


def _list(call: Call) -> Answer:
    """Lists installations, by an older schema than that of one: without some members."""
    listed = []
    for each in call.world.installations.values():
        shown = views.installation(call.world, each)
        del shown["client_id"]
        permissions = {k: v for k, v in each.permissions.items() if k != "merge_queues"}
        listed.append({**shown, "permissions": permissions})
    return call.listed(listed)


def _get(call: Call) -> Answer:
    return Answer(200, views.installation(call.world, _installation(call)))


def _of_repository(call: Call) -> Answer:
    found = call.world.installation_of(call.repository)
    if found is None:
        raise not_found()
    return Answer(200, views.installation(call.world, found))


def _installation(call: Call) -> Installation:
    found = call.world.installations.get(call.number("installation_id"))
    if found is None:
        raise not_found()
    return found


def _token(call: Call) -> Answer:
    world, installation = call.world, _installation(call)
    if installation.suspended:
        raise Refusal(403, "This installation has been suspended")
    asked = call.body.get("permissions")
    if asked is not None and exceeds(asked, installation.permissions):
        raise unprocessable(
            "The permissions requested are not granted to this installation.",
        )
    repositories = _repositories(call, installation)
    permissions = {**(asked or installation.permissions), "metadata": "read"}
    token = new_token(world, installation, permissions, repositories)
    answer = {
        "token": token.text,
        "expires_at": timestamp(token.expires_at or 0),
        "permissions": permissions,
        "repository_selection": "all" if repositories is None else "selected",
    }
    if repositories is not None:
        found = [world.repositories[each] for each in repositories]
        answer["repositories"] = [views.repository(world, each) for each in found]
    return Answer(201, answer)


def _repositories(call: Call, installation: Installation) -> list[int] | None:
    """Returns the ids of the repositories that a new token covers, or None for all."""
    world = call.world
    names, ids = call.body.get("repositories"), call.body.get("repository_ids")
    if names is None and ids is None:
        return installation.repositories
    wanted = list(ids or [])
    for name in names or []:
        found = world.repository(f"{installation.account}/{name}")
        wanted.append(found.id if found else -1)
    if len(wanted) > MAX_REPOSITORIES:
        raise unprocessable(f"More than {MAX_REPOSITORIES} repositories were requested.")
    for each in wanted:
        found = world.repositories.get(each)
        if found is None or world.installation_of(found) is not installation:
            raise unprocessable(
                "There is at least one repository that does not exist or is not accessible to the "
                "parent installation."
            )
    return wanted


def _revoke(call: Call) -> Answer:
    assert call.caller.token is not None
    if not call.caller.is_integration:
        raise Refusal(403, "Resource not accessible by personal access token")
    del call.world.tokens[call.caller.token.text]
    return Answer(204)


def _user(call: Call) -> Answer:
    token = call.caller.token
    if token is None or token.login is None:
        raise Refusal(403, "Resource not accessible by integration")
    return Answer(200, views.user(call.world, token.login))


def _from_manifest(call: Call) -> Answer:
    answer = {
        **views.app(call.world),
        "client_secret": secrets.token_hex(20),
        "webhook_secret": secrets.token_hex(20),
        "pem": call.world.app_key,
    }
    return Answer(201, answer | {"client_id": content.CLIENT_ID})


def _rate_limit(call: Call) -> Answer:
    budget = call.world.limits.budget(call.caller.owner, call.world.now())
    rate = {
        "limit": budget.limit,
        "remaining": max(0, budget.limit - budget.used),
        "reset": int(budget.reset),
        "used": budget.used,
    }
    return Answer(200, {"rate": rate, "resources": {"core": rate, "search": rate}})


HANDLERS: dict[str, Callable[[Call], Answer]] = {
    "apps/create-from-manifest": _from_manifest,
    "apps/create-installation-access-token": _token,
    "apps/get-authenticated": _own,
    "apps/get-installation": _get,
    "apps/get-repo-installation": _of_repository,
    "apps/list-installations": _list,
    "apps/revoke-installation-access-token": _revoke,
    "rate-limit/get": _rate_limit,
    "users/get-authenticated": _user,
}
