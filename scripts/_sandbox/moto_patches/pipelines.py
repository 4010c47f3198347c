"""Lets moto's CodePipeline refuse what depends on the pipelines that exist, with AWS's errors.

moto takes no lock: two requests can create the same pipeline, and a listing fails if another
request creates one meanwhile. It also shows the tokens of version 1 sources.
"""

import copy
import json
import threading
from collections.abc import Callable
from typing import Any

from moto.codepipeline.models import CodePipelineBackend
from moto.codepipeline.responses import CodePipelineResponse
from moto.core.exceptions import JsonRESTError

LOCK = threading.RLock()
"""Held by each request to CodePipeline while it reads or changes pipelines."""

_OPERATIONS = (
    "create_pipeline",
    "delete_pipeline",
    "get_pipeline",
    "list_pipeline_executions",
    "list_pipelines",
    "list_tags_for_resource",
    "start_pipeline_execution",
    "tag_resource",
    "untag_resource",
    "update_pipeline",
)


def install() -> None:
    """Replaces the operations for the rest of the process."""
    backend = CodePipelineBackend
    backend.create_pipeline = _with_a_free_name(backend.create_pipeline)
    backend.update_pipeline = _of_an_existing_pipeline(backend.update_pipeline)
    for name in _OPERATIONS:
        setattr(backend, name, _in_turn(getattr(backend, name)))
    CodePipelineResponse.get_pipeline = _get


def _with_a_free_name(create: Callable[..., Any]) -> Callable[..., Any]:
    def run(self: CodePipelineBackend, pipeline: dict[str, Any], tags: Any) -> Any:
        name = pipeline["name"]
        if name in self.pipelines:
            message = f"A pipeline with the name '{name}' already exists in account"
            raise JsonRESTError("PipelineNameInUseException", f"{message} '{self.account_id}'")
        return create(self, pipeline, tags)

    return run


def _of_an_existing_pipeline(update: Callable[..., Any]) -> Callable[..., Any]:
    def run(self: CodePipelineBackend, pipeline: dict[str, Any]) -> Any:
        self.get_pipeline(pipeline["name"])
        return update(self, pipeline)

    return run


def _in_turn(operation: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        with LOCK:
            return operation(*args, **kwargs)

    return run


def _get(self: CodePipelineResponse) -> str:
    """Masks the tokens, as GetPipeline does."""
    pipeline, metadata = self.codepipeline_backend.get_pipeline(self._get_param("name"))
    shown = copy.deepcopy(pipeline)
    for stage in shown["stages"]:
        for action in stage["actions"]:
            if "OAuthToken" in action["configuration"]:
                action["configuration"]["OAuthToken"] = "****"
    return json.dumps({"pipeline": shown, "metadata": metadata})
