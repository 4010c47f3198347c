"""Reads the schema of the current AWS provider, without the provider.

The npm package with the CDK bindings is generated from the schema. Its JavaScript contains the
arguments of each resource, their types, whether they are required or computed, and how blocks nest.
It does not contain the permitted values (enums, ARNs, ranges).
"""

import re
import tarfile
from typing import Any

from . import deprecations
from .paths import BINDINGS, GITHUB_BINDINGS, SCHEMAS

Block = dict[str, Any]

# Terraform types by their names in the bindings. Whether a list is a set is marked separately.
_TYPES: dict[str, Any] = {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}
for _kind in ("string", "number", "boolean", "any"):
    _TYPES[_kind + "List"] = ["list", _TYPES[_kind]]
    _TYPES[_kind + "Map"] = ["map", _TYPES[_kind]]
_TYPES["stringListList"] = ["list", ["list", "string"]]

_GETTERS = {
    "getStringAttribute": "string",
    "getNumberAttribute": "number",
    "getBooleanAttribute": "bool",
    "getListAttribute": ["list", "string"],
    "getNumberListAttribute": ["list", "number"],
    "getStringMapAttribute": ["map", "string"],
}

# The statement of a WAF rule contains statements, so the bindings have no type for it. This is the
# part that infra/ uses: a text is the type of an argument, and a map is a block. scripts/e2e checks
# the same lines of infra/ with the complete schema of an older provider.
_STATEMENTS: dict[str, Any] = {
    "rate_based_statement": {
        "limit": "number",
        "aggregate_key_type": "string",
        "evaluation_window_sec": "number",
        "scope_down_statement": {"not_statement": {"statement": {"ip_set_reference_statement": {"arn": "string"}}}},
    },
}

_ARGUMENT = re.compile(
    r"^\s+(?P<name>\w+): \{\n\s+value: (?P<value>.*),\n\s+isBlock: (?P<block>true|false),\n"
    r'\s+type: "(?P<type>\w+)",\n\s+storageClassType: "(?P<storage>\w+)",',
    re.MULTILINE,
)
_FLAGS = re.compile(
    r"^    // (?P<name>\w+) - computed: (?P<computed>\w+), optional: \w+, required: (?P<required>\w+)\n"
    r"(?:    _\w+.*\n)?    get \w+\(\) \{\n\s+return (?P<getter>.*);",
    re.MULTILINE,
)
_FUNCTION = re.compile(r"^function (\w+)ToHclTerraform\(struct\) \{(.*?)^\}", re.MULTILINE | re.DOTALL)
_CLASS = re.compile(r"^(?:export )?class (\w+) extends [\w.]+ \{(.*?)^\}", re.MULTILINE | re.DOTALL)


def load(kinds: set[str], provider: str = "aws") -> dict[str, Block]:
    """Returns the schema blocks of types such as `aws_sqs_queue` and `data.aws_region`.

    Ephemeral types begin with `ephemeral.`; the configuration of the provider itself is `provider`.
    """
    _unpack({_file(kind, provider) for kind in kinds}, provider)
    found = {}
    for kind in sorted(kinds):
        file = SCHEMAS / provider / _file(kind, provider)
        if not file.exists():
            raise LookupError(f"the provider {provider} has no {kind}")
        found[kind] = _Source(file.read_text(encoding="utf-8")).block
        if kind.startswith("aws_"):
            _mark_deprecated(kind, found[kind])
    return found


def _mark_deprecated(kind: str, block: Block) -> None:
    """Gives each deprecated argument of a resource the provider's message."""
    for path, message in deprecations.of(kind, _block_paths(block, ())).items():
        inner = block
        for name in path[:-1]:
            inner = inner["block_types"][name]["block"]
        if path[-1] in inner["attributes"]:
            inner["attributes"][path[-1]]["deprecated"] = message


def _block_paths(block: Block, above: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Returns the paths of all blocks within a block, by their names in camel case."""
    found = {}
    for name, nested in block["block_types"].items():
        path = (*above, name)
        found["".join(word.title() for part in path for word in part.split("_"))] = path
        found |= _block_paths(nested["block"], path)
    return found


def _file(kind: str, provider: str) -> str:
    folder = kind.removeprefix(f"{provider}_").replace(".", "-").replace("_", "-")
    return f"package/lib/{folder}/index.js"


def _unpack(wanted: set[str], provider: str) -> None:
    """Unpacks the wanted files, once.

    The whole package is ten times the size of its archive.
    """
    missing = {name for name in wanted if not (SCHEMAS / provider / name).exists()}
    if not missing:
        return
    with tarfile.open({"aws": BINDINGS, "github": GITHUB_BINDINGS}[provider]) as archive:
        for member in archive:
            if member.name in missing and member.isfile():
                archive.extract(member, SCHEMAS / provider, filter="data")


class _Source:
    """Parses the JavaScript of one resource."""

    def __init__(self, text: str) -> None:
        self._functions = dict(_FUNCTION.findall(text))
        self._classes = dict(_CLASS.findall(text))
        top = next(body for body in self._classes.values() if "synthesizeHclAttributes()" in body)
        self.block = self._block(top[top.index("synthesizeHclAttributes()") :], top)

    def _block(self, arguments: str, accessors: str) -> Block:
        flags = {found["name"]: found for found in _FLAGS.finditer(accessors)}
        block: Block = {"attributes": {}, "block_types": {}}
        for found in _ARGUMENT.finditer(arguments):
            flag = flags.get(found["name"])
            required = flag is not None and flag["required"] == "true"
            computed = flag is not None and flag["computed"] == "true"
            self._argument(block, found, required, computed)
        for name, flag in flags.items():
            known = name in block["attributes"] or name in block["block_types"]
            if flag["computed"] == "true" and not known:
                block["attributes"][name] = _attribute(_computed_type(flag["getter"]), False, False, True)
        return block

    def _argument(self, block: Block, found: re.Match[str], required: bool, computed: bool) -> None:
        name, many = found["name"], "MapperHcl(" in found["value"]
        if (name, found["storage"]) == ("statement", "any"):
            block["block_types"][name] = _written(_STATEMENTS)
            return
        nested = re.search(r"(\w+)ToHclTerraform", found["value"])
        if found["block"] == "false" or nested is None or nested[1] not in self._functions:
            kind = _TYPES.get(found["storage"], "dynamic")
            if found["type"] == "set" and isinstance(kind, list):
                kind = ["set", kind[1]]
            block["attributes"][name] = _attribute(kind, required, not required, computed)
            block["attributes"][name]["write_only"] = "markWriteOnlyAttribute(" in found["value"]
            return
        accessors = self._classes.get(nested[1][0].upper() + nested[1][1:] + "OutputReference", "")
        inner = self._block(self._functions[nested[1]], accessors)
        if computed or found["type"] == "map" or (found["type"] == "struct" and name != "timeouts"):
            # Terraform accepts these both as a block and as an attribute that contains objects.
            kind = _as_attribute(found["type"], inner)
            block["attributes"][name] = _attribute(kind, required, not required, computed)
            return
        single = found["type"] == "struct"
        block["block_types"][name] = {
            "nesting_mode": "single" if single else found["type"],
            "min_items": 1 if required and not single else 0,
            "max_items": 0 if many or single else 1,
            "block": inner,
        }


def _written(fields: dict[str, Any]) -> dict[str, Any]:
    """Returns a block type that was written by hand."""
    inner: Block = {"attributes": {}, "block_types": {}}
    for name, found in fields.items():
        if isinstance(found, str):
            inner["attributes"][name] = _attribute(found, False, True, False)
        else:
            inner["block_types"][name] = _written(found)
    return {"nesting_mode": "list", "min_items": 0, "max_items": 1, "block": inner}


def _as_attribute(kind: str, inner: Block) -> Any:
    if kind not in ("list", "set"):
        return "dynamic"
    return [kind, ["object", {name: found["type"] for name, found in inner["attributes"].items()}]]


def _attribute(kind: Any, required: bool, optional: bool, computed: bool) -> dict[str, Any]:
    return {"type": kind, "required": required, "optional": optional, "computed": computed, "write_only": False}


def _computed_type(getter: str) -> Any:
    found = re.search(r"(get\w+Attribute)\(", getter)
    kind = _GETTERS.get(found[1], "dynamic") if found else "dynamic"
    if isinstance(kind, list) and kind[0] == "list" and "tolist" in getter:
        return ["set", kind[1]]
    return kind
