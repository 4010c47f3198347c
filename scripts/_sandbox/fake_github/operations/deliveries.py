"""The deliveries of a hook: the App's, a repository's or an organization's. Newest first."""

from collections.abc import Callable

from ... import gateway
from ...github import Webhook
from ..answers import Answer, Refusal, not_found
from ..call import Call
from ..content import World, timestamp
from ..specification import Json

_DETAILS = ("url", "request", "response", "raw")


def _hook(call: Call) -> list[Json]:
    values = call.values
    if "hook_id" not in values:
        return call.world.deliveries.setdefault("app", [])
    if "org" in values:
        key = f"orgs/{values['org']}/{values['hook_id']}"
    else:
        key = f"repos/{call.repository.id}/{values['hook_id']}"
    if key not in call.world.deliveries:
        raise not_found()
    return call.world.deliveries[key]


def _list(call: Call) -> Answer:
    """Lists by a cursor. The filter `failure` misses a delivery without any answer: code 0."""
    query = call.query
    found = sorted(_hook(call), key=lambda each: -each["id"])
    if "status" in query:
        codes = range(200, 400) if query["status"] == "success" else range(400, 600)
        found = [each for each in found if each["status_code"] in codes]
    if "cursor" in query:
        if not query["cursor"].startswith("v1_"):
            raise Refusal(422, "Invalid cursor")
        found = [each for each in found if each["id"] < int(query["cursor"][3:])]
    size = min(max(query.get("per_page", 30), 1), 100)
    shown = found[:size]
    headers = {}
    if len(found) > size:
        headers["Link"] = call.link("next", cursor=f"v1_{shown[-1]['id']}")
    listed = [{k: v for k, v in each.items() if k not in _DETAILS} for each in shown]
    return Answer(200, listed, headers)


def _find(call: Call) -> Json:
    number = call.number("delivery_id")
    for each in _hook(call):
        if each["id"] == number:
            return each
    raise not_found()


def _get(call: Call) -> Answer:
    return Answer(200, {name: value for name, value in _find(call).items() if name != "raw"})


def _redeliver(call: Call) -> Answer:
    """Adds an attempt with the same GUID, and delivers it if there is a front door."""
    found, world = _find(call), call.world
    again = {**found, "id": world.new_id(), "delivered_at": timestamp(world.now())}
    result = _delivered(world, found)
    _hook(call).append({**again, "redelivery": True, **result})
    return Answer(202, {})


def _delivered(world: World, delivery: Json) -> Json:
    """Sends the body as it was signed to the front door, and returns how that ended."""
    if world.front_door is None or "raw" not in delivery:
        return {"status": "OK", "status_code": 200}
    webhook = Webhook(delivery["raw"].encode(), delivery["request"]["headers"])
    door = world.front_door
    reply = gateway.deliver(webhook, door.queue_url, door.region)
    if reply.error is None:
        return {"status": "OK", "status_code": 202}
    return {"status": f"Invalid HTTP Response: {reply.status}", "status_code": reply.status}


HANDLERS: dict[str, Callable[[Call], Answer]] = {
    **{f"{owner}/list-webhook-deliveries": _list for owner in ("apps", "orgs", "repos")},
    **{f"{owner}/get-webhook-delivery": _get for owner in ("apps", "orgs", "repos")},
    **{f"{owner}/redeliver-webhook-delivery": _redeliver for owner in ("apps", "orgs", "repos")},
}
