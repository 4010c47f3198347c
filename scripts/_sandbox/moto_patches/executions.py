"""Starts executions as CodePipeline does: one with each pipeline, and one for each client token.

moto starts none for a new pipeline, ignores the token and the commit, and lists no second page.
Executions still end at once, because nothing here runs, unless their pipeline deploys or deletes
stacks: these go on until they are played.
"""

import json
from collections.abc import Callable
from typing import Any

from moto.codepipeline.models import CodePipelineBackend, PipelineExecution
from moto.codepipeline.responses import CodePipelineResponse
from moto.core.exceptions import JsonRESTError

from ..request_rules import codepipeline
from ..request_rules.refusal import Refusal
from .pipelines import LOCK

PAGE = 100
"""The default number of executions in an answer of ListPipelineExecutions, and the largest."""

Json = dict[str, Any]


def install() -> None:
    """Replaces the operations for the rest of the process."""
    CodePipelineBackend.create_pipeline = _with_an_execution(CodePipelineBackend.create_pipeline)
    CodePipelineResponse.start_pipeline_execution = _start
    CodePipelineResponse.list_pipeline_executions = _list
    PipelineExecution.to_summary_dict = _with_its_cause(PipelineExecution.to_summary_dict)


def _with_an_execution(create: Callable[..., Any]) -> Callable[..., Any]:
    def run(self: CodePipelineBackend, pipeline: Json, tags: Any) -> Any:
        made = create(self, pipeline, tags)
        _begin(self, pipeline["name"], {}, "CreatePipeline")
        return made

    return run


def _start(self: CodePipelineResponse) -> str:
    names = ("name", "variables", "sourceRevisions", "clientRequestToken")
    request = {name: self._get_param(name) for name in names}
    name, token = request["name"], request["clientRequestToken"]
    backend = self.codepipeline_backend
    with LOCK:
        declaration, _ = backend.get_pipeline(name)
        try:
            codepipeline.check_execution(declaration, request)
        except Refusal as refusal:
            raise JsonRESTError(refusal.code, refusal.message) from None
        earlier = backend.pipelines[name].executions.values()
        same = (one for one in earlier if token and one.token == token)
        execution = next(same, None)
        if execution is None:
            execution = _begin(backend, name, request, "StartPipelineExecution")
    return json.dumps({"pipelineExecutionId": execution.pipeline_execution_id})


def _begin(
    backend: CodePipelineBackend, name: str, request: Json, trigger: str
) -> PipelineExecution:
    started = backend.start_pipeline_execution(name, request.get("variables"))
    execution = backend.get_pipeline_execution(name, started)
    execution.token = request.get("clientRequestToken")
    execution.source_revisions = request.get("sourceRevisions") or []
    execution.trigger = trigger
    if _has_a_stack(backend.get_pipeline(name)[0]):
        execution.status = "InProgress"
    return execution


def _has_a_stack(declaration: Json) -> bool:
    """Returns whether a pipeline deploys or deletes stacks, which happens when it is played."""
    actions = [action for stage in declaration["stages"] for action in stage["actions"]]
    return any(action["actionTypeId"]["provider"] == "CloudFormation" for action in actions)


def _list(self: CodePipelineResponse) -> str:
    size = self._get_int_param("maxResults", PAGE)
    start = self._get_int_param("nextToken", 0)
    listed = self.codepipeline_backend.list_pipeline_executions(
        self._get_param("pipelineName"), None
    )
    answer: Json = {"pipelineExecutionSummaries": listed[start : start + size]}
    if start + size < len(listed):
        answer["nextToken"] = str(start + size)
    return json.dumps(answer)


def _with_its_cause(summarize: Callable[[Any], Json]) -> Callable[[Any], Json]:
    def run(self: PipelineExecution) -> Json:
        revisions = [
            {"actionName": one["actionName"], "revisionId": one["revisionValue"]}
            for one in self.source_revisions
        ]
        cause = {"triggerType": self.trigger, "triggerDetail": ""}
        return {**summarize(self), "sourceRevisions": revisions, "trigger": cause}

    return run
