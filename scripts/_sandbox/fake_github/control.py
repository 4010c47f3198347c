"""The control endpoints of a world, `/WORLD/_control/...`: what a test sets, and what it reads.

The table is in the header of the package.
"""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

from . import events, page
from .answers import Answer
from .content import FrontDoor, Installation, PullRequest, Repository, Token, World, timestamp
from .faults import Fault, Faults
from .filled import Filler
from .limits import Secondary
from .specification import Json, Specification


class Controls:
    """The control endpoints of one world."""

    def __init__(self, world: World, specification: Specification, filler: Filler) -> None:
        self._world = world
        self._specification = specification
        self._filler = filler
        self._table: dict[str, Callable[[Json], Any]] = {
            "DELETE faults": self._forget_faults,
            "GET branches": lambda body: self._named(body).branches,
            "GET check_runs": self._check_runs,
            "GET page": self._page,
            "GET requests": lambda _: self._world.requests,
            "GET violations": lambda _: self._world.violations,
            "GET webhooks": lambda _: self._world.webhooks,
            "POST apply": self._apply,
            "POST clock": self._clock,
            "POST faults": self._fault,
            "POST limits": self._limits,
            "POST merge_group": self._merge_group,
            "POST rerequest": self._rerequest,
            "PUT app": self._app,
            "PUT branches": self._branch,
            "PUT deliveries": self._delivery,
            "PUT files": self._file,
            "PUT front_door": self._front_door,
            "PUT installations": self._installation,
            "PUT pull_requests": self._pull_request,
            "PUT repositories": self._repository,
            "PUT tokens": self._token,
        }

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes) -> Answer:
        """Answers a request to a control endpoint."""
        name = path.removeprefix("/_control").strip("/")
        handler = self._table.get(f"{method} {name}")
        if handler is None:
            message = f"no such control: {method} {name}"
            return Answer(404, {"message": message, "controls": [*self._table]})
        try:
            found = handler({**query, **(json.loads(body) if body else {})})
        except KeyError as error:
            return Answer(400, {"message": f"{method} {name}: {error} is missing"})
        except (TypeError, ValueError) as error:
            return Answer(400, {"message": f"{method} {name}: {error}"})
        if isinstance(found, Answer):
            return found
        return Answer(200, found if found is not None else {})

    def _repository(self, body: Json) -> None:
        world, number = self._world, body["id"]
        known = world.repositories.get(number)
        if known is None:
            world.add_repository(Repository(**body))
            return
        name = body.get("full_name", known.full_name)
        events.rename(world, known, name)
        for key, value in body.items():
            if key not in ("id", "full_name"):
                setattr(known, key, value)

    def _branch(self, body: Json) -> None:
        repository = self._named(body)
        if body.get("sha") is None:
            repository.branches.pop(body["name"], None)
        else:
            repository.branches[body["name"]] = body["sha"]
            repository.commits.add(body["sha"])

    def _pull_request(self, body: Json) -> None:
        repository = self._named(body)
        del body["repository"]
        known = repository.pull_requests.get(body["number"])
        now = self._world.now()
        if known is None:
            defaults = {"title": "A pull request", "head_repository": repository.full_name}
            more = {"base_ref": repository.default_branch, "created_at": now, "updated_at": now}
            known = PullRequest(**{**defaults, **more, **body})
            repository.pull_requests[known.number] = known
        else:
            for key, value in {"updated_at": now, **body}.items():
                setattr(known, key, value)
        events.move_head(repository, known, known.head_sha)

    def _installation(self, body: Json) -> None:
        number = body["id"]
        if body.get("deleted"):
            self._world.installations.pop(number, None)
            return
        known = self._world.installations.get(number)
        if known is None:
            self._world.installations[number] = Installation(**body)
        else:
            self._world.installations[number] = dataclasses.replace(known, **body)

    def _app(self, body: Json) -> None:
        for key, value in body.items():
            setattr(self._world.app, key, value)

    def _token(self, body: Json) -> None:
        expires = body.pop("expires_in", None)
        token = Token(text=body.pop("token"), **{"repositories": None, "login": "ada", **body})
        token.expires_at = None if expires is None else self._world.now() + expires
        self._world.tokens[token.text] = token

    def _delivery(self, body: Json) -> None:
        hook = body.pop("hook", "app")
        defaults = {"delivered_at": timestamp(self._world.now()), "redelivery": False}
        delivery = {"id": self._world.new_id(), **defaults, **body}
        self._world.deliveries.setdefault(hook, []).append(delivery)

    def _file(self, body: Json) -> None:
        repository = self._named(body)
        found = {"type": body.get("type", "file"), "text": body.get("text", "")}
        found["size"] = body.get("size", len(found["text"].encode()))
        repository.commits.add(body["sha"])
        repository.files[body["sha"], body["path"]] = found

    def _front_door(self, body: Json) -> None:
        self._world.front_door = FrontDoor(**body)

    def _fault(self, body: Json) -> None:
        self._world.faults.waiting.append(Fault(**body))

    def _forget_faults(self, _body: Json) -> None:
        self._world.faults = Faults()

    def _limits(self, body: Json) -> None:
        """Sets the primary limit of a caller, or a secondary limit."""
        now, limits = self._world.now(), self._world.limits
        limits.counts_by_the_minute = body.get("by_the_minute", limits.counts_by_the_minute)
        if "owner" in body:
            budget = limits.budget(body["owner"], now)
            budget.limit = body.get("limit", budget.limit)
            budget.used = budget.limit - body.get("remaining", budget.limit - budget.used)
            budget.reset = now + body.get("reset_in", budget.reset - now)
        if "secondary_for" in body:
            until = now + body.pop("secondary_for")
            names = ("status", "retry_after")
            limits.secondary = Secondary(until, **{n: body[n] for n in names if n in body})

    def _clock(self, body: Json) -> Json:
        if "now" in body:
            self._world.clock_offset += body["now"] - self._world.now()
        self._world.clock_offset += body.get("advance", 0)
        return {"now": self._world.now()}

    def _apply(self, body: Json) -> None:
        events.apply(self._world, body["event"], body["payload"])

    def _rerequest(self, body: Json) -> Json:
        return self._sent(*events.rerequest(self._world, body["check_run"]))

    def _merge_group(self, body: Json) -> Json:
        return self._sent(*events.merge_group(self._world, self._named(body), body))

    def _sent(self, event: str, payload: Json) -> Json:
        """Returns the webhook that GitHub would send, and remembers it."""
        whole = self._filler.answer(self._specification.webhook(event, payload["action"]), payload)
        for each in self._specification.webhook_errors(event, whole):
            self._world.violate("the fake's webhook is invalid", detail=each)
        webhook = {"event": event, "payload": whole}
        self._world.webhooks.append(webhook)
        return webhook

    def _check_runs(self, body: Json) -> list[Json]:
        """Lists the check runs of the head of a pull request, the newest of each name."""
        repository = self._named(body)
        found = repository.pull_requests.get(int(body["number"]))
        if found is None:
            raise ValueError(f"{body['repository']} has no pull request {body['number']}")
        runs = (each for each in repository.check_runs.values() if each.suite.sha == found.head_sha)
        newest = {each.name: each for each in runs}.values()
        names = ("id", "name", "status", "conclusion")
        return [{name: getattr(each, name) for name in names} for each in newest]

    def _page(self, body: Json) -> Answer:
        text = page.text(self._world, self._named(body), int(body["number"]))
        return Answer(200, text, {"Content-Type": "text/plain; charset=utf-8"})

    def _named(self, body: Json) -> Repository:
        wanted = body["repository"]
        found = self._world.repository(wanted)
        if found is None:
            raise ValueError(f"there is no repository {wanted}")
        return found
