"""Lists the deprecated arguments of the AWS provider, which the CDK bindings do not have.

The Python package of Pulumi is generated from the same schema, and marks each deprecated argument
with the provider's message.
"""

import re
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path

from _common import parts
from _common.problem import Problem

from .paths import DEPRECATIONS

PACKAGE = "pulumi-aws==7.51.1"
WHEEL = "pulumi_aws-7.51.1-py3-none-any.whl"
SHA256 = "bffc7fb6ce352e9019302498571799a771f7a84234b19ff8b1710a6250b31024"

# The types whose names do not tell their files.
_FILES = {
    "aws_api_gateway_gateway_response": "apigateway/response",
    "aws_codepipeline": "codepipeline/pipeline",
}

_CLASS = re.compile(r"^class (\w+)\b.*?:\n(.*?)(?=^class |\Z)", re.MULTILINE | re.DOTALL)
_DEPRECATED = re.compile(r'@_utilities\.deprecated\("""(.*?)"""\)\n +def (\w+)\(', re.DOTALL)

# The message of each deprecated argument by its path: ("global_secondary_index", "hash_key").
Deprecated = dict[tuple[str, ...], str]


def _fill(folder: Path) -> None:
    # Downloaded, not installed: installed, it takes 120 MB and brings its framework.
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command = [*pip, "--only-binary", ":all:", "--dest", str(folder), PACKAGE]
    if subprocess.run(command, check=False).returncode:
        raise Problem("pip download failed: see its messages above")
    parts.check_sum(folder / WHEEL, SHA256)


PART = parts.Part(DEPRECATIONS, (Path(__file__),), _fill)


def of(kind: str, blocks: dict[str, tuple[str, ...]]) -> Deprecated:
    """Returns the deprecated arguments of a resource type.

    `blocks` has the paths of its blocks, by their names in camel case: `GlobalSecondaryIndex`.
    """
    file = _file(kind)
    resource = "".join(word.title() for word in file.rpartition("/")[2].split("_"))
    found = _in_class(file, resource, ())
    for name, path in blocks.items():
        found |= _in_class(f"{file.partition('/')[0]}/_inputs", f"{resource}{name}Args", path)
    return found


def _in_class(file: str, name: str, path: tuple[str, ...]) -> Deprecated:
    body = _classes(file).get(name, "")
    return {(*path, argument): message for message, argument in _DEPRECATED.findall(body)}


@cache
def _classes(file: str) -> dict[str, str]:
    with zipfile.ZipFile(DEPRECATIONS / WHEEL) as wheel:
        try:
            text = wheel.read(f"pulumi_aws/{file}.py").decode()
        except KeyError:
            return {}
    return dict(_CLASS.findall(text))


@cache
def _files() -> list[tuple[str, str]]:
    with zipfile.ZipFile(DEPRECATIONS / WHEEL) as wheel:
        found = [re.fullmatch(r"pulumi_aws/(\w+)/(\w+)\.py", name) for name in wheel.namelist()]
    return [(match[1], match[2]) for match in found if match]


def _file(kind: str) -> str:
    """Returns the file of a type, such as `dynamodb/table`: the one with the longest name."""
    if kind in _FILES:
        return _FILES[kind]
    words = kind.removeprefix("aws_")
    fitting = [(folder, name) for folder, name in _files() if f"_{words}".endswith(f"_{name}")]
    of_service = [each for each in fitting if words.replace("_", "").startswith(each[0])]
    if not (of_service or fitting):
        raise LookupError(f"{PACKAGE} has no file for {kind}: add it to deprecations.py")
    return "/".join(max(of_service or fitting, key=lambda each: (len(each[1]), len(each[0]))))
