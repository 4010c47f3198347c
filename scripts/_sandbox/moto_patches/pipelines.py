"""Lets moto's CodePipeline refuse what depends on the pipelines that exist, with AWS's errors."""

from collections.abc import Callable
from typing import Any

from moto.codepipeline.models import CodePipelineBackend
from moto.core.exceptions import JsonRESTError


def install() -> None:
    """Replaces the operations for the rest of the process."""
    backend = CodePipelineBackend
    backend.create_pipeline = _with_a_free_name(backend.create_pipeline)
    backend.update_pipeline = _of_an_existing_pipeline(backend.update_pipeline)


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
