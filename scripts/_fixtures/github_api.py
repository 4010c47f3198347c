"""Cuts the operations and webhooks that branchline uses from GitHub's OpenAPI description.

Only structure is kept: no descriptions, summaries or examples. OpenAPI 3.0 becomes JSON Schema
2020-12, which has no `nullable`. The result has an operation, a webhook or a schema on each line:

    {"source": ..., "operations": {"checks/create": {"method", "path", "parameters", "request",
     "request_required", "responses"}}, "webhooks": {"check_run": {"completed": SCHEMA}},
     "$defs": {NAME: SCHEMA}}
"""

import json
from collections import Counter
from typing import Any

Json = dict[str, Any]

OPERATIONS = (
    "apps/create-from-manifest",
    "apps/create-installation-access-token",
    "apps/get-authenticated",
    "apps/get-installation",
    "apps/get-repo-installation",
    "apps/get-webhook-delivery",
    "apps/list-installations",
    "apps/list-repos-accessible-to-installation",
    "apps/list-webhook-deliveries",
    "apps/redeliver-webhook-delivery",
    "apps/revoke-installation-access-token",
    "checks/create",
    "checks/get",
    "checks/list-for-ref",
    "checks/rerequest-run",
    "checks/rerequest-suite",
    "checks/update",
    "git/get-commit",
    "issues/create-comment",
    "issues/delete-comment",
    "issues/get-comment",
    "issues/list-comments",
    "issues/update-comment",
    "orgs/get-webhook-delivery",
    "orgs/list-webhook-deliveries",
    "orgs/redeliver-webhook-delivery",
    "pulls/get",
    "pulls/list",
    "rate-limit/get",
    "repos/create-commit-status",
    "repos/create-deployment",
    "repos/create-deployment-status",
    "repos/get",
    "repos/get-branch",
    "repos/get-combined-status-for-ref",
    "repos/get-content",
    "repos/get-webhook-delivery",
    "repos/list-branches",
    "repos/list-commit-statuses-for-ref",
    "repos/list-deployment-statuses",
    "repos/list-deployments",
    "repos/list-for-authenticated-user",
    "repos/list-webhook-deliveries",
    "repos/redeliver-webhook-delivery",
    "users/get-authenticated",
)

WEBHOOKS = {
    "check_run": ("completed", "created", "requested_action", "rerequested"),
    "check_suite": ("completed", "requested", "rerequested"),
    "installation": ("created", "deleted", "new_permissions_accepted", "suspend", "unsuspend"),
    "issue_comment": ("created", "deleted", "edited"),
    "merge_group": ("checks_requested", "destroyed"),
    "pull_request": (
        "closed",
        "converted_to_draft",
        "edited",
        "labeled",
        "opened",
        "ready_for_review",
        "reopened",
        "synchronize",
        "unlabeled",
    ),
    "push": ("",),
}
"""The actions of each event. A push has none."""

_PROSE = {
    "default",
    "deprecated",
    "description",
    "example",
    "examples",
    "externalDocs",
    "summary",
    "tags",
    "title",
}
_NAMES = {"properties", "patternProperties"}
"""What contains names of people's choice instead of keywords."""

_SHARED_BYTES = 200
"""Schemas of this size that occur twice are written once."""


def cut(description: bytes, package: str) -> str:
    """Returns the text of the fixture."""
    cutter = Cutter(json.loads(description))
    operations = {name: cutter.operation(name) for name in OPERATIONS}
    webhooks = {
        event: {action: cutter.webhook(event, action) for action in actions}
        for event, actions in WEBHOOKS.items()
    }
    fixture = {"operations": operations, "webhooks": webhooks, "$defs": cutter.definitions}
    source = {"package": package, "licence": "MIT", "made_by": "scripts/fixtures"}
    return _text({"source": source, **_shared(fixture)})


class Cutter:
    """Takes parts of the description, and collects the schemas to which they refer."""

    def __init__(self, whole: Json) -> None:
        self._components = whole["components"]
        self._operations = {
            operation["operationId"]: (method, path, operation)
            for path, item in whole["paths"].items()
            for method, operation in item.items()
            if isinstance(operation, dict) and "operationId" in operation
        }
        self._webhooks = whole["x-webhooks"]
        self.definitions: Json = {}

    def operation(self, name: str) -> Json:
        """Returns the method, path, parameters, request and responses of an operation."""
        method, path, operation = self._operations[name]
        request = operation.get("requestBody", {})
        return {
            "method": method.upper(),
            "path": path,
            "parameters": [self._parameter(each) for each in operation.get("parameters", [])],
            "request": self._body(request),
            "request_required": request.get("required", False),
            "responses": {
                status: self._body(self._found(response))
                for status, response in operation["responses"].items()
            },
        }

    def webhook(self, event: str, action: str) -> Json:
        """Returns the schema of a payload."""
        name = "-".join([event, *([action] if action else [])]).replace("_", "-")
        found = self._body(self._webhooks[name]["post"]["requestBody"])
        assert found is not None, name
        return found

    def _parameter(self, parameter: Json) -> Json:
        found = self._found(parameter)
        return {
            "name": found["name"],
            "in": found["in"],
            "required": found.get("required", False),
            "schema": self.schema(found["schema"]),
        }

    def _body(self, owner: Json) -> Json | None:
        content = owner.get("content", {}).get("application/json")
        return self.schema(content["schema"]) if content else None

    def _found(self, node: Json) -> Json:
        """Follows a reference to a parameter or a response."""
        if "$ref" not in node:
            return node
        _, _, kind, name = node["$ref"].split("/")
        return self._found(self._components[kind][name])

    def schema(self, node: Any) -> Any:
        """Returns a schema without prose, after collecting those to which it refers."""
        if isinstance(node, list):
            return [self.schema(each) for each in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            name = node["$ref"].rpartition("/")[2]
            if name not in self.definitions:
                self.definitions[name] = {}  # for schemas that contain themselves
                self.definitions[name] = self.schema(self._components["schemas"][name])
            return {"$ref": f"#/$defs/{name}"}
        kept: Json = {}
        for keyword, value in node.items():
            if keyword in _NAMES:
                kept[keyword] = {name: self.schema(each) for name, each in value.items()}
            elif keyword not in _PROSE and not keyword.startswith("x-"):
                kept[keyword] = self.schema(value)
        return _with_null(kept)


def _with_null(schema: Json) -> Json:
    """Replaces `nullable` by a type or an alternative."""
    if not schema.pop("nullable", False):
        return schema
    if "enum" in schema and None not in schema["enum"]:
        schema["enum"] = [*schema["enum"], None]
    if isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
        return schema
    return {"anyOf": [schema, {"type": "null"}]} if schema else {}


def _shared(fixture: Json) -> Json:
    """Writes schemas once that occur several times, such as the pull request in each webhook."""
    counts: Counter[str] = Counter()

    def count(node: Any) -> None:
        for each in _children(node):
            count(each)
        if isinstance(node, dict) and _is_schema(node):
            counts[_key(node)] += 1

    def replace(node: Any, is_definition: bool = False) -> Any:
        if isinstance(node, list):
            return [replace(each) for each in node]
        if not isinstance(node, dict):
            return node
        key = _key(node)
        if not is_definition and _is_schema(node) and counts[key] > 1 and len(key) > _SHARED_BYTES:
            if key not in names:
                names[key] = f"shared-{len(names) + 1}"
                shared[names[key]] = {name: replace(each) for name, each in node.items()}
            return {"$ref": f"#/$defs/{names[key]}"}
        return {name: replace(each) for name, each in node.items()}

    names: dict[str, str] = {}
    shared: Json = {}
    count(fixture)
    for name, schema in fixture["$defs"].items():
        names[_key(schema)] = name
    replaced = {name: replace(fixture[name]) for name in ("operations", "webhooks")}
    definitions = {name: replace(each, True) for name, each in fixture["$defs"].items()}
    return {**replaced, "$defs": definitions | shared}


def _children(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []


def _is_schema(node: Json) -> bool:
    return isinstance(node.get("properties"), dict)


def _key(node: Any) -> str:
    return json.dumps(node, separators=(",", ":"), sort_keys=True)


def _text(fixture: Json) -> str:
    """Returns JSON with one operation, webhook or schema on each line, so that changes show."""
    source, operations, webhooks, definitions = (
        fixture[name] for name in ("source", "operations", "webhooks", "$defs")
    )
    events = {name: _object(actions, 4) for name, actions in sorted(webhooks.items())}
    body = ",\n".join(f"    {json.dumps(name)}: {text}" for name, text in events.items())
    return (
        f'{{\n  "source": {json.dumps(source)},\n'
        f'  "operations": {_object(operations, 2)},\n'
        f'  "webhooks": {{\n{body}\n  }},\n'
        f'  "$defs": {_object(definitions, 2)}\n}}\n'
    )


def _object(members: Json, indent: int) -> str:
    space = " " * indent
    lines = ",\n".join(f"{space}  {json.dumps(k)}: {_key(v)}" for k, v in sorted(members.items()))
    return f"{{\n{lines}\n{space}}}"
