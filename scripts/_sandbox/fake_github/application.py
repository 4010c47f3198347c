"""Answers requests: faults, who calls, limits, what is valid, the operation, and the headers."""

import hashlib
import json
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, unquote

from . import access
from .access import Caller
from .answers import Answer, Refusal, not_found, unprocessable
from .call import Call
from .content import Repository, World
from .control import Controls
from .faults import Fault
from .filled import Filler
from .operations import HANDLERS
from .specification import Json, Route, Specification

API_VERSIONS = {"2022-11-28"}

CREATING = {"checks/create", "issues/create-comment", "repos/create-commit-status"}
"""The operations that create content, of which GitHub allows fewer."""


@dataclass(frozen=True)
class Request:
    """An HTTP request. The names of its headers are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


class Dropped(Exception):
    """The connection must be closed without an answer."""


@dataclass(frozen=True)
class Rules:
    """What all worlds of a server have in common."""

    specification: Specification
    filler: Filler
    private_key: str
    """The App's key, as GitHub sends it when an App is created."""
    public_key: bytes
    """The key that verifies the App's tokens."""


class Application:
    """All worlds of a server, by their names: the first part of each path."""

    def __init__(self, endpoint: str, rules: Rules) -> None:
        self._endpoint = endpoint
        self._rules = rules
        self._worlds: dict[str, World] = {}
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Answer:
        """Answers a request to the API or to the control endpoints."""
        _, name, rest = (request.path + "/").split("/", 2)
        path = "/" + rest.removesuffix("/")
        world = self._world(name)
        if path == "/_control" or path.startswith("/_control/"):
            query = dict(parse_qsl(request.query))
            with world.lock:
                controls = Controls(world, self._rules.specification, self._rules.filler)
                return controls.answer(request.method, path, query, request.body)
        entry: Json = {"method": request.method, "path": path, "at": world.now()}
        with world.lock:
            world.in_flight += 1
            entry["concurrent"] = world.in_flight
            world.requests.append(entry)
        try:
            return _Exchange(world, self._rules, request, path, entry).answer()
        finally:
            with world.lock:
                world.in_flight -= 1

    def _world(self, name: str) -> World:
        with self._lock:
            if name not in self._worlds:
                base = f"{self._endpoint}/{name}"
                self._worlds[name] = World(base, self._rules.private_key)
            return self._worlds[name]


class _Exchange:
    """One request to the API and its answer."""

    def __init__(
        self, world: World, rules: Rules, request: Request, path: str, entry: Json
    ) -> None:
        self._world = world
        self._rules = rules
        self._specification = rules.specification
        self._request = request
        self._entry = entry
        self._path = _by_name(world, path)
        self._caller = Caller("anyone", "anyone")
        self._operation = ""

    def answer(self) -> Answer:
        route = self._specification.route(self._request.method, self._path)
        if route is not None:
            self._operation = self._entry["operation"] = route.operation.name
        with self._world.lock:
            fault = self._world.faults.take(self._operation, self._path)
        if fault is not None and fault.delay_ms:
            time.sleep(fault.delay_ms / 1000)
        with self._world.lock:
            answer = self._with_fault(route, fault)
            self._entry["status"] = answer.status
            self._add_headers(answer)
        return answer

    def _with_fault(self, route: Route | None, fault: Fault | None) -> Answer:
        if fault is None or fault.effect or not (fault.drop or fault.status):
            answer = self._answer_or_refuse(route)
        if fault is None or not (fault.drop or fault.status):
            return answer
        if fault.drop:
            self._entry["status"] = 0
            raise Dropped
        body = fault.body if fault.body is not None else {"message": "A fault of the test"}
        assert fault.status is not None
        return Answer(fault.status, body, dict(fault.headers))

    def _answer_or_refuse(self, route: Route | None) -> Answer:
        try:
            answer = self._allowed(route)
        except Refusal as refusal:
            answer = refusal.answer
        if route is None:
            return answer
        found = self._specification.answer_errors(route.operation, answer.status, answer.body)
        if found and answer.status not in (301, 304, 307):
            for each in found:
                self._world.violate("the fake's answer is invalid", detail=each)
            return Answer(500, {"message": f"the fake's answer is invalid: {found[0]}"})
        return answer

    def _allowed(self, route: Route | None) -> Answer:
        self._check_headers()
        if route is None:
            what = f"{self._request.method} {self._path}"
            self._world.violate("not an operation of the fixture", detail=what)
            raise not_found()
        header = self._request.headers.get("authorization")
        self._caller = access.identify(self._world, self._rules.public_key, header)
        self._entry["caller"] = self._caller.owner
        self._count()
        repository = self._find_repository(route)
        access.check(self._world, route.operation.name, self._caller, repository)
        moved = self._redirect(route, repository)
        return moved or self._valid(route, repository)

    def _check_headers(self) -> None:
        headers = self._request.headers
        if not headers.get("user-agent"):
            raise Refusal(
                403,
                "Request forbidden by administrative rules. Please make sure your request has a "
                "User-Agent header",
            )
        version = headers.get("x-github-api-version")
        if version is None:
            self._world.violate("the header X-GitHub-Api-Version is missing", detail=self._path)
        elif version not in API_VERSIONS:
            raise Refusal(400, f"Version {version} is not supported")

    def _count(self) -> None:
        """Counts the request for the limits of its caller."""
        is_read = self._request.method == "GET"
        if self._operation == "rate-limit/get":
            return
        creates = self._operation in CREATING
        now = self._world.now()
        self._world.limits.check(self._caller.owner, now, creates=creates, is_read=is_read)

    def _find_repository(self, route: Route) -> Repository | None:
        if "repo" not in route.values:
            return None
        full_name = f"{route.values['owner']}/{route.values['repo']}"
        found = self._world.repository(full_name)
        if found is None and full_name.lower() in self._world.renamed:
            found = self._world.repositories.get(self._world.renamed[full_name.lower()])
        if found is None:
            raise not_found()
        return found

    def _redirect(self, route: Route, repository: Repository | None) -> Answer | None:
        """Answers for a repository that was renamed."""
        if repository is None:
            return None
        asked = f"{route.values['owner']}/{route.values['repo']}"
        if asked.lower() == repository.full_name.lower():
            return None
        is_read = self._request.method == "GET"
        query = f"?{self._request.query}" if self._request.query else ""
        url = self._world.base + self._by_id(repository, asked) + query
        message = "Moved Permanently" if is_read else "Temporary Redirect"
        return Answer(301 if is_read else 307, {"message": message, "url": url}, {"Location": url})

    def _by_id(self, repository: Repository, name: str) -> str:
        rest = self._path[len(f"/repos/{name}") :]
        return f"/repositories/{repository.id}{rest}"

    def _valid(self, route: Route, repository: Repository | None) -> Answer:
        operation = route.operation
        query, errors = self._specification.query_errors(
            operation, dict(parse_qsl(self._request.query, keep_blank_values=True))
        )
        body = self._body()
        self._entry["body"] = body
        errors += self._specification.request_errors(operation, body)
        if errors:
            for each in errors:
                self._world.violate("the request is invalid", detail=each)
            raise unprocessable(f"Invalid request.\n\n{errors[0]}")
        path = self._path if repository is None else self._by_id(repository, repository.full_name)
        values = {name: unquote(value) for name, value in route.values.items()}
        call = Call(
            self._world, operation, self._caller, values, path, query, body or {}, repository
        )
        answer = HANDLERS[operation.name](call)
        schema = operation.responses.get(str(answer.status))
        if schema is not None and answer.body is not None:
            answer.body = self._rules.filler.answer(schema, answer.body)
        return self._unless_unchanged(answer)

    def _body(self) -> Any:
        if not self._request.body:
            return None
        try:
            return json.loads(self._request.body)
        except ValueError:
            raise Refusal(400, "Problems parsing JSON") from None

    def _unless_unchanged(self, answer: Answer) -> Answer:
        """Adds an ETag. An answer that the client has does not count."""
        if self._request.method != "GET" or answer.status != 200:
            return answer
        text = json.dumps([answer.body, answer.headers], sort_keys=True)
        tag = f'W/"{hashlib.sha256(text.encode()).hexdigest()}"'
        if self._request.headers.get("if-none-match") == tag:
            if self._operation != "rate-limit/get":
                self._world.limits.give_back(self._caller.owner, self._world.now())
            return Answer(304, None, {"ETag": tag, **answer.headers})
        answer.headers["ETag"] = tag
        return answer

    def _add_headers(self, answer: Answer) -> None:
        headers = answer.headers
        headers["Date"] = formatdate(self._world.now(), usegmt=True)
        headers["x-github-request-id"] = ":".join(secrets.token_hex(2).upper() for _ in range(5))
        headers["x-github-media-type"] = "github.v3; format=json"
        headers["x-github-api-version-selected"] = "2022-11-28"
        accepted = access.accepted(self._operation)
        if accepted is not None:
            headers["x-accepted-github-permissions"] = accepted
        if self._caller.kind != "anyone":
            budget = self._world.limits.budget(self._caller.owner, self._world.now())
            for name, value in budget.headers().items():
                headers.setdefault(name, value)


def _by_name(world: World, path: str) -> str:
    """Returns a path that names a repository by its id, with its name instead."""
    parts = path.split("/", 3)
    if parts[1] != "repositories" or len(parts) < 3 or not parts[2].isdigit():
        return path
    found = world.repositories.get(int(parts[2]))
    if found is None:
        return path
    return "/".join(["", "repos", found.full_name, *parts[3:]])
