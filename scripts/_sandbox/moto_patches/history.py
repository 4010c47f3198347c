"""The course of executions: the states of executions, stages and actions, and what changes them.

moto has none of it. The operations are ListActionExecutions, GetPipelineState and
RetryStageExecution.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from moto.codepipeline.models import CodePipelineBackend, PipelineExecution
from moto.codepipeline.responses import CodePipelineResponse
from moto.core.exceptions import JsonRESTError
from moto.core.utils import utcfromtimestamp

from . import stacks
from .pipelines import LOCK

PAGE = 100

Json = dict[str, Any]

_STATES = {
    "STARTED": "InProgress",
    "RESUMED": "InProgress",
    "STOPPING": "Stopping",
    "STOPPED": "Stopped",
    "FAILED": "Failed",
    "SUCCEEDED": "Succeeded",
    "CANCELED": "Cancelled",
    "SUPERSEDED": "Superseded",
    "ABANDONED": "Abandoned",
}
_RANKS = {"STARTED": 0, "RESUMED": 1, "STOPPING": 2}
_FINAL = 3
Rank = tuple[float, int]


@dataclass
class Course:
    """What the events of an execution have said. Late and repeated ones change nothing."""

    rank: Rank = (0, 0)
    stages: dict[str, tuple[Rank, str]] = field(default_factory=dict)
    actions: dict[str, tuple[Rank, Json]] = field(default_factory=dict)


def install() -> None:
    """Adds the operations for the rest of the process."""
    CodePipelineResponse.list_action_executions = _list_actions
    CodePipelineResponse.get_pipeline_state = _state
    CodePipelineResponse.retry_stage_execution = _retry


def follow(backend: CodePipelineBackend, detail: Json, time: float) -> None:
    """Changes an execution as an event says. Events of unknown executions change nothing."""
    with LOCK:
        pipeline = backend.pipelines.get(detail["pipeline"])
        execution = pipeline and pipeline.executions.get(detail["execution-id"])
        if not execution:
            return
        course, state = course_of(execution), _STATES[detail["state"]]
        execution.last_update_time = utcfromtimestamp(time)
        rank = detail["pipeline-execution-attempt"], _RANKS.get(detail["state"], _FINAL)
        if "action" in detail:
            key = detail["action-execution-id"]
            if rank > course.actions.get(key, ((0, 0), {}))[0]:
                shown = _shown(detail, state, time)
                course.actions[key] = rank, shown
                action = _declared(backend, detail)
                # An execution that failed cannot deploy anything when it is played once more.
                is_over = course.rank >= (rank[0], _FINAL) and execution.status != "Succeeded"
                if state == "Succeeded" and action is not None and not is_over:
                    outputs = stacks.follow(backend.account_id, backend.region_name, action)
                    shown["output"]["outputVariables"] = outputs
        elif "stage" in detail:
            if rank > course.stages.get(detail["stage"], ((0, 0), ""))[0]:
                course.stages[detail["stage"]] = rank, state
        elif rank > course.rank:
            course.rank, execution.status = rank, state


def _declared(backend: CodePipelineBackend, detail: Json) -> Json | None:
    """Returns the action of an event as the pipeline has it today."""
    declaration, _ = backend.get_pipeline(detail["pipeline"])
    stages = [stage for stage in declaration["stages"] if stage["name"] == detail["stage"]]
    actions = [action for stage in stages for action in stage["actions"]]
    return next((each for each in actions if each["name"] == detail["action"]), None)


def course_of(execution: PipelineExecution) -> Course:
    """Returns the course of an execution."""
    if not hasattr(execution, "course"):
        execution.course = Course()
    return execution.course


def _shown(detail: Json, state: str, time: float) -> Json:
    """Returns an action as ListActionExecutions lists it."""
    result = detail.get("execution-result", {})
    shown = {
        "externalExecutionId": result.get("external-execution-id"),
        "externalExecutionSummary": result.get("external-execution-summary"),
        "externalExecutionUrl": result.get("external-execution-url"),
    }
    if "error-code" in result:
        message = result["external-execution-summary"]
        shown["errorDetails"] = {"code": result["error-code"], "message": message}
    return {
        "pipelineExecutionId": detail["execution-id"],
        "actionExecutionId": detail["action-execution-id"],
        "pipelineVersion": int(detail["version"]),
        "stageName": detail["stage"],
        "actionName": detail["action"],
        "startTime": time,
        "lastUpdateTime": time,
        "status": state,
        "input": {"actionTypeId": detail["type"], "region": detail.get("region")},
        "output": {"executionResult": shown},
    }


def _list_actions(self: CodePipelineResponse) -> str:
    """Lists the newest first."""
    wanted = (self._get_param("filter") or {}).get("pipelineExecutionId")
    size, start = self._get_int_param("maxResults", PAGE), self._get_int_param("nextToken", 0)
    with LOCK:
        executions = executions_of(self)
        if wanted is not None and wanted not in executions:
            raise JsonRESTError("PipelineExecutionNotFoundException", f"no execution {wanted}")
        chosen = [executions[wanted]] if wanted is not None else executions.values()
        listed = [each for one in chosen for _, each in course_of(one).actions.values()][::-1]
    answer: Json = {"actionExecutionDetails": listed[start : start + size]}
    if start + size < len(listed):
        answer["nextToken"] = str(start + size)
    return json.dumps(answer)


def _state(self: CodePipelineResponse) -> str:
    with LOCK:
        name = self._get_param("name")
        declaration, metadata = self.codepipeline_backend.get_pipeline(name)
        executions = list(self.codepipeline_backend.pipelines[name].executions.values())
        stages = [_stage_state(stage["name"], executions) for stage in declaration["stages"]]
    answer = {
        "pipelineName": name,
        "pipelineVersion": declaration["version"],
        "stageStates": stages,
        "created": metadata["created"],
        "updated": metadata["updated"],
    }
    return json.dumps(answer)


def _stage_state(name: str, executions: list[PipelineExecution]) -> Json:
    """Returns a stage with its newest execution. One in which nothing ran has none."""
    for execution in reversed(executions):
        course = course_of(execution)
        if name in course.stages:
            latest = {
                "pipelineExecutionId": execution.pipeline_execution_id,
                "status": course.stages[name][1],
            }
            actions = {
                shown["actionName"]: _action_state(shown)
                for _, shown in course.actions.values()
                if shown["stageName"] == name
            }
            return {
                "stageName": name,
                "latestExecution": latest,
                "actionStates": list(actions.values()),
            }
    return {"stageName": name, "actionStates": []}


def _action_state(shown: Json) -> Json:
    result = shown["output"]["executionResult"]
    latest = {
        "actionExecutionId": shown["actionExecutionId"],
        "status": shown["status"],
        "summary": result["externalExecutionSummary"],
        "externalExecutionId": result["externalExecutionId"],
        "externalExecutionUrl": result["externalExecutionUrl"],
        "errorDetails": result.get("errorDetails"),
    }
    kept = {name: value for name, value in latest.items() if value is not None}
    return {"actionName": shown["actionName"], "latestExecution": kept}


def _retry(self: CodePipelineResponse) -> str:
    """Retries a stage that failed in the newest execution. Its events are put by someone else."""
    number, stage = self._get_param("pipelineExecutionId"), self._get_param("stageName")
    with LOCK:
        executions = executions_of(self)
        declaration, _ = self.codepipeline_backend.get_pipeline(self._get_param("pipelineName"))
        if stage not in [each["name"] for each in declaration["stages"]]:
            raise JsonRESTError("StageNotFoundException", f"The pipeline has no stage {stage}")
        if number != next(reversed(executions), None):
            message = f"{number} is not the latest execution of the pipeline"
            raise JsonRESTError("NotLatestPipelineExecutionException", message)
        course = course_of(executions[number])
        if course.stages.get(stage, ((), ""))[1] != "Failed":
            message = f"The stage {stage} cannot be retried, because it did not fail"
            raise JsonRESTError("StageNotRetryableException", message)
        attempt = course.rank[0] + 1
        course.rank = attempt, _RANKS["STARTED"]
        course.stages[stage] = course.rank, "InProgress"
        executions[number].status = "InProgress"
    return json.dumps({"pipelineExecutionId": number})


def executions_of(self: CodePipelineResponse) -> dict[str, PipelineExecution]:
    """Returns the executions of the pipeline of a request by their ids, the oldest first."""
    name = self._get_param("pipelineName")
    self.codepipeline_backend.get_pipeline(name)
    return dict(self.codepipeline_backend.pipelines[name].executions)
