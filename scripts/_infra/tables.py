"""Writes infra/INPUTS.md: the requirements, inputs and outputs, in the format of terraform-docs.

The tool itself is in no package registry. infra/.terraform-docs.yml makes it write the same file.
"""

import json
import re
from pathlib import Path

import hcl2

from .paths import INFRA

PAGE = INFRA / "INPUTS.md"

_HEAD = """\
# Inputs and outputs

`scripts/infra-check --write-inputs` writes this page from the files of the module, and a test
compares it. [README.md](README.md#important-variables) says when to set which input.

<!-- BEGIN_TF_DOCS -->
"""
_TAIL = "<!-- END_TF_DOCS -->\n"

_BLOCK = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}\n', re.MULTILINE | re.DOTALL)
_TYPE = re.compile(r"^  type +=\s(.*?)(?=^  \w|^\Z)", re.MULTILINE | re.DOTALL)


def text() -> str:
    """Returns the content of the page."""
    source = "\n".join(file.read_text(encoding="utf-8") for file in sorted(INFRA.glob("*.tf")))
    blocks = sorted(_BLOCK.findall(source))
    inputs = [_input(name, body) for kind, name, body in blocks if kind == "variable"]
    outputs = [_row("output", name, _description(body)) for kind, name, body in blocks if kind == "output"]
    return "".join([_HEAD, _requirements(), _inputs(inputs), _outputs(outputs), _TAIL])


def _requirements() -> str:
    versions = (INFRA / "versions.tf").read_text(encoding="utf-8")
    terraform = re.search(r'required_version = "(.*)"', versions)
    provider = re.search(r'^ +version += "(.*)"', versions, re.MULTILINE)
    assert terraform and provider
    names = {"terraform": terraform[1], "aws": provider[1]}
    rows = [f'| <a name="requirement_{name}"></a> [{name}](#requirement\\_{name}) | {version} |\n' for name, version in names.items()]
    return "".join(["## Requirements\n\n| Name | Version |\n|------|---------|\n", *rows, "\n"])


def _inputs(rows: list[str]) -> str:
    head = "| Name | Description | Type | Default | Required |\n|------|-------------|------|---------|:--------:|\n"
    return "".join(["## Inputs\n\n", head, *rows, "\n"])


def _outputs(rows: list[str]) -> str:
    return "".join(["## Outputs\n\n| Name | Description |\n|------|-------------|\n", *rows])


def _input(name: str, body: str) -> str:
    kind = _TYPE.search(body)
    assert kind, name
    default, required = _default(name, body)
    return _row("input", name, _description(body), _code(kind[1].strip()), default, required)


def _default(name: str, body: str) -> tuple[str, str]:
    """Returns the default as JSON, and whether a value is required."""
    if "\n  default " not in f"\n{body}":
        return "n/a", "yes"
    text = re.sub(r"^  validation \{.*?^  \}\n", "", body, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^  type +=\s.*?(?=^  \w|\Z)", "", text, flags=re.MULTILINE | re.DOTALL)
    (parsed,) = hcl2.loads(f'variable "{name}" {{\n{text}}}\n')["variable"]
    (value,) = parsed[name]["default"]
    return _code(json.dumps(value, indent=2, ensure_ascii=False)), "no"


def _row(kind: str, name: str, *cells: str) -> str:
    escaped = name.replace("_", "\\_")
    anchor = f'<a name="{kind}_{name}"></a> [{escaped}](#{kind}\\_{escaped})'
    return f"| {' | '.join([anchor, *cells])} |\n"


def _description(body: str) -> str:
    found = re.search(r'^  description = "(.*)"$', body, re.MULTILINE)
    assert found, body
    return found[1].replace('\\"', '"').replace("|", "\\|").replace("*", "\\*")


def _code(value: str) -> str:
    if "\n" not in value:
        return f"`{value}`"
    return f"<pre>{value.replace(chr(10), '<br/>')}</pre>"


def write(page: Path = PAGE) -> None:
    """Writes the page."""
    page.write_text(text(), encoding="utf-8")
