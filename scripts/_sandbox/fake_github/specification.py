"""GitHub's OpenAPI description as the fixture has it: routes, and what is valid.

A schema describes what may be there, and GitHub ignores the rest. Here an unknown member is invalid
as well, so that a misspelled one in a request, or an invented one in an answer, is found.
"""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jsonschema_rs

Json = dict[str, Any]

_WITH_SLASHES = {"ref", "branch", "path"}
"""The parameters of paths that may contain a slash."""


@dataclass(frozen=True)
class Operation:
    """An operation: what a request must be, and what an answer must be."""

    name: str
    method: str
    path: str
    parameters: list[Json]
    request: Json | None
    request_required: bool
    responses: dict[str, Json | None]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Returns the regular expression of its path."""

        def group(found: re.Match[str]) -> str:
            name = found[1]
            return f"(?P<{name}>{'.+' if name in _WITH_SLASHES else '[^/]+'})"

        return re.compile(re.sub(r"\{(\w+)\}", group, self.path))


@dataclass(frozen=True)
class Route:
    """An operation, and the values in the path of a request."""

    operation: Operation
    values: dict[str, str]


class Specification:
    """The fixture, with validators that are made when they are first needed."""

    def __init__(self, fixture: Path) -> None:
        whole = json.loads(fixture.read_bytes())
        self.definitions: Json = whole["$defs"]
        self.operations = {
            name: Operation(name=name, **operation)
            for name, operation in whole["operations"].items()
        }
        self._webhooks: Json = whole["webhooks"]
        self._validators: dict[str, jsonschema_rs.Validator] = {}

    def route(self, method: str, path: str) -> Route | None:
        """Finds the operation of a request."""
        for operation in self.operations.values():
            found = operation.method == method and operation.pattern.fullmatch(path)
            if found:
                return Route(operation, found.groupdict())
        return None

    def request_errors(self, operation: Operation, body: Any) -> list[str]:
        """Returns what is wrong with the body of a request. `body` is None if there is none."""
        if body is None:
            return ["the body is missing"] if operation.request_required else []
        if operation.request is None:
            return ["the operation has no body"] if body != {} else []
        return self._errors(f"request of {operation.name}", operation.request, body)

    def query_errors(self, operation: Operation, query: dict[str, str]) -> tuple[Json, list[str]]:
        """Returns the parameters by their types, and what is wrong with them."""
        known = {each["name"]: each["schema"] for each in operation.parameters}
        schemas = {
            each["name"]: each["schema"] for each in operation.parameters if each["in"] == "query"
        }
        values, errors = {}, []
        for name, text in query.items():
            if name not in schemas:
                where = "in the path" if name in known else "unknown"
                errors.append(f"query of {operation.name}: {name} is {where}")
                continue
            values[name] = _typed(schemas[name], text)
            schema_name = f"parameter {name} of {operation.name}"
            errors += self._errors(schema_name, schemas[name], values[name])
        return values, errors

    def answer_errors(self, operation: Operation, status: int, body: Any) -> list[str]:
        """Returns what is wrong with an answer. `body` is None if there is none."""
        schema = operation.responses.get(str(status))
        if schema is None and status >= 400:
            # Few operations list all errors that every operation can have.
            name = "validation-error" if status == 422 else "basic-error"
            schema = {"$ref": f"#/$defs/{name}"}
        if schema is None:
            if str(status) not in operation.responses:
                return [f"{operation.name} never answers {status}"]
            return [] if body in (None, {}) else [f"{operation.name}, {status}: a body"]
        return self._errors(f"answer {status} of {operation.name}", schema, body)

    def webhook(self, event: str, action: str) -> Json:
        """Returns the schema of a webhook."""
        return dict(self._webhooks[event][action])

    def webhook_errors(self, event: str, payload: Any) -> list[str]:
        """Returns what is wrong with the payload of a webhook."""
        action = payload.get("action", "") if isinstance(payload, dict) else ""
        schema = self._webhooks.get(event, {}).get(action)
        if schema is None:
            return [f"the fixture has no webhook {event} {action}".rstrip()]
        return self._errors(f"webhook {event} {action}".rstrip(), schema, payload)

    def _errors(self, name: str, schema: Json, value: Any) -> list[str]:
        if name not in self._validators:
            self._validators[name] = jsonschema_rs.Draft202012Validator(
                self.closed(schema), validate_formats=True
            )
        found = self._validators[name].iter_errors(value)
        return [f"{name}: /{'/'.join(map(str, e.instance_path))}: {e.message}" for e in found]

    def closed(self, schema: Json) -> Json:
        """Returns a schema without references to others, and which refuses unknown members."""
        closer = _Closer(self.definitions)
        return {**closer.close(schema), "$defs": closer.definitions}


def _typed(schema: Json, text: str) -> Any:
    """Returns a parameter as its schema needs it."""
    if schema.get("type") == "integer" and re.fullmatch(r"-?\d+", text):
        return int(text)
    if schema.get("type") == "boolean" and text in ("true", "false"):
        return text == "true"
    return text


class _Closer:
    def __init__(self, definitions: Json) -> None:
        self._open = definitions
        self.definitions: Json = {}

    def close(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self.close(each) for each in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            name = node["$ref"].rpartition("/")[2]
            if name not in self.definitions:
                self.definitions[name] = {}
                self.definitions[name] = self.close(self._open[name])
            return node
        if "allOf" in node:
            # Closed one by one, each part would refuse the members of the others.
            return {"allOf": [self._part(each) for each in node["allOf"]], **_NOTHING_ELSE}
        closed = {
            key: {name: self.close(each) for name, each in value.items()}
            if key in ("properties", "patternProperties")
            else self.close(value)
            for key, value in node.items()
        }
        if "properties" in node:
            closed.setdefault("additionalProperties", False)
        return closed

    def _part(self, node: Json) -> Json:
        if "$ref" in node:
            node = self._open[node["$ref"].rpartition("/")[2]]
        if "allOf" in node:
            return {"allOf": [self._part(each) for each in node["allOf"]]}
        closed = self.close(node)
        if "additionalProperties" not in node:
            closed.pop("additionalProperties", None)
        return closed


_NOTHING_ELSE = {"unevaluatedProperties": False}
