"""The rules of CodePipeline that its service model leaves out.

They come from the User Guide ("Pipeline structure reference", "Action structure reference",
"Quotas"), and match those of the tests' fake, `tests/it/world/codepipeline_rules.rs`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from .refusal import Refusal

MIN_STAGES = 2
MAX_STAGES = 50
MAX_VARIABLES = 50
MAX_TAGS = 50
MAX_KEY = 128
MAX_VALUE = 256

Json = dict[str, Any]

# `[\p{L}\p{Z}\p{N}_.:/=+\-@]*`, as everywhere in AWS.
_TAG_TEXT = re.compile(r"[\w \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000.:/=+\-@]*")


def check(operation: str, request: Json) -> None:
    """Raises the Refusal of CodePipeline, if it refuses the request."""
    if operation in ("CreatePipeline", "UpdatePipeline"):
        _check_pipeline(request["pipeline"])
    if operation in ("CreatePipeline", "TagResource"):
        _check_tags(request.get("tags") or [])


def check_execution(pipeline: Json, request: Json) -> None:
    """Raises the Refusal of StartPipelineExecution for an existing pipeline."""
    variables = request.get("variables") or []
    revisions = request.get("sourceRevisions") or []
    if pipeline.get("pipelineType", "V1") != "V2" and (variables or revisions):
        raise Refusal(
            "ValidationException",
            "Variables and source revisions are supported in pipelines of type V2 only",
        )
    declared = {variable["name"] for variable in pipeline.get("variables") or []}
    for variable in variables:
        if variable["name"] not in declared:
            name = variable["name"]
            raise Refusal("ValidationException", f"The pipeline does not declare variable {name}")
    sources = {action["name"] for action in pipeline["stages"][0]["actions"]}
    for revision in revisions:
        if revision["actionName"] not in sources:
            name = revision["actionName"]
            raise Refusal("ValidationException", f"The pipeline has no source action {name}")


def _check_pipeline(pipeline: Json) -> None:
    stages = pipeline["stages"]
    if len([name for name in ("artifactStore", "artifactStores") if pipeline.get(name)]) != 1:
        raise _structure("A pipeline must have either artifactStore or artifactStores")
    if not MIN_STAGES <= len(stages) <= MAX_STAGES:
        raise _structure(
            f"Pipeline has {len(stages)} stage(s). There should be a minimum of {MIN_STAGES} and a "
            f"maximum of {MAX_STAGES} stages in a pipeline"
        )
    twice = _repeated(stage["name"] for stage in stages)
    if twice is not None:
        raise _structure(f"Stage names must be unique within a pipeline: {twice}")
    for number, stage in enumerate(stages):
        _check_stage(stage, is_first=number == 0)
    _check_artifacts(stages)
    _check_type(pipeline)


def _check_stage(stage: Json, *, is_first: bool) -> None:
    name = stage["name"]
    if not stage["actions"]:
        message = f"Stage {name} must have at least one action"
        raise Refusal("InvalidStageDeclarationException", message)
    twice = _repeated(action["name"] for action in stage["actions"])
    if twice is not None:
        raise _action(f"Action names must be unique within a stage: {twice} in stage {name}")
    for action in stage["actions"]:
        if (action["actionTypeId"]["category"] == "Source") != is_first:
            raise _structure(
                f"Action {action['name']} in stage {name}: the first stage contains source actions "
                "only, and no other stage contains one"
            )


def _check_artifacts(stages: Sequence[Json]) -> None:
    """Checks that an artifact has one producer, which runs before each consumer."""
    produced: set[str] = set()
    for stage in stages:
        actions = sorted(stage["actions"], key=lambda action: int(action.get("runOrder") or 1))
        for action in actions:
            for name in _artifacts(action, "inputArtifacts"):
                if name not in produced:
                    raise _action(
                        f"Action {action['name']} in stage {stage['name']} declares input artifact "
                        f"{name}, which is not the output artifact of an earlier action"
                    )
            for name in _artifacts(action, "outputArtifacts"):
                if name in produced:
                    raise _action(f"Output artifact {name} is declared more than once")
                produced.add(name)


def _artifacts(action: Json, key: str) -> Iterator[str]:
    for artifact in action.get(key) or []:
        yield artifact["name"]


def _check_type(pipeline: Json) -> None:
    variables = pipeline.get("variables") or []
    mode = pipeline.get("executionMode") or "SUPERSEDED"
    uses_v2 = bool(variables or pipeline.get("triggers")) or mode != "SUPERSEDED"
    if uses_v2 and pipeline.get("pipelineType", "V1") != "V2":
        raise _structure("Variables, triggers and execution modes need a pipeline of type V2")
    if len(variables) > MAX_VARIABLES:
        raise _structure(f"A pipeline must not have more than {MAX_VARIABLES} variables")
    twice = _repeated(variable["name"] for variable in variables)
    if twice is not None:
        raise _structure(f"Variable names must be unique within a pipeline: {twice}")
    sources = {action["name"] for action in pipeline["stages"][0]["actions"]}
    for trigger in pipeline.get("triggers") or []:
        name = trigger["gitConfiguration"]["sourceActionName"]
        if name not in sources:
            raise _structure(f"A trigger names source action {name}, which does not exist")


def _check_tags(tags: Sequence[Json]) -> None:
    if len(tags) > MAX_TAGS:
        raise Refusal("TooManyTagsException", f"More than {MAX_TAGS} tags")
    twice = _repeated(tag["key"] for tag in tags)
    if twice is not None:
        raise Refusal("InvalidTagsException", f"Tag keys must be unique: {twice}")
    for tag in tags:
        key, value = tag["key"], tag["value"]
        is_text = _TAG_TEXT.fullmatch(key) and _TAG_TEXT.fullmatch(value)
        if not is_text or not 1 <= len(key) <= MAX_KEY or len(value) > MAX_VALUE:
            message = f"Tag {key} has a key or value that is too long or has invalid characters"
            raise Refusal("InvalidTagsException", message)
        if key.lower().startswith("aws:"):
            message = "Not allowed to modify system tags. System tags start with 'aws:'."
            raise Refusal("InvalidTagsException", message)


def _repeated(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _structure(message: str) -> Refusal:
    return Refusal("InvalidStructureException", message)


def _action(message: str) -> Refusal:
    return Refusal("InvalidActionDeclarationException", message)
