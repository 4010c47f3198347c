"""Tests how GitHub's OpenAPI description is cut."""

import json
import unittest
from typing import Any

import support

from _common import paths
from _fixtures import github_api

assert support  # it makes the scripts' packages importable


class Cutting(unittest.TestCase):
    """Structure is kept, and prose is not."""

    def test_prose_is_dropped_and_names_are_kept(self) -> None:
        """A property may be called `description`."""
        schema = {
            "type": "object",
            "description": "prose",
            "properties": {"description": {"type": "string", "example": "prose"}},
            "x-github": {},
        }
        found = self.cut(schema)["schema"]
        kept = {"type": "object", "properties": {"description": {"type": "string"}}}
        self.assertEqual(found, kept)

    def test_nullable_becomes_a_type_or_an_alternative(self) -> None:
        """JSON Schema has no `nullable`."""
        schema = {
            "properties": {
                "text": {"type": "string", "nullable": True},
                "word": {"type": "string", "enum": ["a"], "nullable": True},
                "either": {"oneOf": [{"type": "string"}], "nullable": True},
                "other": {"$ref": "#/components/schemas/other"},
            }
        }
        found = self.cut(schema)
        self.assertEqual(
            found["schema"]["properties"],
            {
                "text": {"type": ["string", "null"]},
                "word": {"type": ["string", "null"], "enum": ["a", None]},
                "either": {"anyOf": [{"oneOf": [{"type": "string"}]}, {"type": "null"}]},
                "other": {"$ref": "#/$defs/other"},
            },
        )
        self.assertEqual(found["$defs"]["other"], {"type": ["object", "null"]})

    def test_the_fixture_is_small_and_has_no_prose(self) -> None:
        """Nothing refers to what is not in it."""
        text = paths.GITHUB_API.read_text()
        self.assertLess(len(text), 300_000)
        fixture = json.loads(text)
        self.assertEqual(set(fixture["operations"]), set(github_api.OPERATIONS))
        self.assertEqual(set(fixture["webhooks"]), set(github_api.WEBHOOKS))
        for name in references(fixture):
            self.assertIn(name, fixture["$defs"])
        self.assertNotIn('"nullable":', text)
        self.assertNotIn('"summary":"', text)

    def cut(self, schema: Any) -> Any:
        """Returns one schema of a description, and the schemas to which it refers."""
        components = {"schemas": {"other": {"type": "object", "nullable": True}}}
        cutter = github_api.Cutter({"components": components, "paths": {}, "x-webhooks": {}})
        return {"schema": cutter.schema(schema), "$defs": cutter.definitions}


def references(node: Any) -> set[str]:
    """Returns the names of the schemas to which a node refers."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            return {node["$ref"].removeprefix("#/$defs/")}
        return set().union(*map(references, node.values()))
    return set().union(*map(references, node)) if isinstance(node, list) else set()


if __name__ == "__main__":
    unittest.main()
