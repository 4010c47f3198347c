"""Completes an answer: members that GitHub always sends, and that the fake has no value for.

They are null where that is valid, otherwise empty, so that nothing can depend on them.
"""

from typing import Any

from .specification import Json, Specification

_TEXTS = {
    "date-time": "2026-01-01T00:00:00Z",
    "uri": "https://github.invalid/",
    "uri-template": "https://github.invalid/{/name}",
    "email": "nobody@github.invalid",
}
_EMPTY = {"string": "", "integer": 0, "number": 0, "boolean": False}


class Filler:
    """Fills values with what their schemas require."""

    def __init__(self, specification: Specification) -> None:
        self._definitions = specification.definitions

    def answer(self, schema: Json, value: Any) -> Any:
        """Returns `value` with each required member of its schema."""
        return self._fill(schema, value)

    def _fill(self, schema: Json, value: Any) -> Any:
        if value is None:
            return None
        schema = self._resolved(schema)
        if isinstance(value, list):
            return [self._fill(schema.get("items", {}), each) for each in value]
        if not isinstance(value, dict):
            return value
        properties, required = self._members(schema)
        filled = {name: self._fill(properties.get(name, {}), each) for name, each in value.items()}
        for name in required:
            if name not in filled:
                filled[name] = self._nothing(properties.get(name, {}))
        return filled

    def _nothing(self, schema: Json) -> Any:
        """Returns the emptiest valid value."""
        if self._is_nullable(schema):
            return None
        schema = self._resolved(schema)
        if "enum" in schema:
            return schema["enum"][0]
        kind = schema.get("type", "object" if "properties" in schema else "string")
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "array":
            return []
        if kind == "object":
            return self._fill(schema, {})
        if kind == "string":
            return _TEXTS.get(schema.get("format", ""), "")
        return _EMPTY[kind]

    def _is_nullable(self, schema: Json) -> bool:
        if "$ref" in schema:
            return self._is_nullable(self._definition(schema))
        kind = schema.get("type")
        if kind == "null" or (isinstance(kind, list) and "null" in kind):
            return True
        return any(self._is_nullable(each) for each in schema.get("anyOf", []))

    def _resolved(self, schema: Json) -> Json:
        """Follows references, and takes the first alternative that is not null."""
        while True:
            if "$ref" in schema:
                schema = self._definition(schema)
            elif "properties" not in schema and ("anyOf" in schema or "oneOf" in schema):
                alternatives = schema.get("anyOf") or schema["oneOf"]
                schema = next(each for each in alternatives if each.get("type") != "null")
            else:
                return schema

    def _members(self, schema: Json) -> tuple[Json, list[str]]:
        """Returns the members of an object and the names of the required ones."""
        properties = dict(schema.get("properties", {}))
        required = list(schema.get("required", []))
        for part in schema.get("allOf", []):
            inner, names = self._members(self._resolved(part))
            properties |= inner
            required += names
        return properties, required

    def _definition(self, schema: Json) -> Json:
        return dict(self._definitions[schema["$ref"].rpartition("/")[2]])
