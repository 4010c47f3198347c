"""Lets executions go as the events say that are put in the name of CodePipeline.

Nothing runs in the sandbox. A caller that plays an execution puts its events, and the rest of
CodePipeline follows: the state of the execution, of its stages and of its actions. AWS lets nobody
but itself put such events. A stop and an update put theirs here.

moto adds a member to events that EventBridge's do not have.
"""

import json
from collections.abc import Callable
from typing import Any

from moto.codepipeline.models import (
    CodePipelineBackend,
    PipelineExecution,
    codepipeline_backends,
)
from moto.codepipeline.responses import CodePipelineResponse
from moto.core.exceptions import JsonRESTError
from moto.core.utils import unix_time
from moto.events.models import EventsBackend, Rule, events_backends

from ..pipeline_run import PIPELINE, SOURCE
from . import history
from .pipelines import LOCK

Json = dict[str, Any]


def install() -> None:
    """Replaces the operations for the rest of the process."""
    EventsBackend.put_events = _followed(EventsBackend.put_events)
    Rule.send_to_targets = _unchanged(Rule.send_to_targets)
    CodePipelineResponse.stop_pipeline_execution = _stop
    CodePipelineBackend.update_pipeline = _canceling(CodePipelineBackend.update_pipeline)


def _followed(put: Callable[..., Any]) -> Callable[..., Any]:
    def run(self: EventsBackend, events: list[Json]) -> Any:
        backend = codepipeline_backends[self.account_id][self.region_name]
        # Who hears of a state in an event and asks CodePipeline must not hear the state before it.
        with LOCK:
            answer = put(self, events)
            for event, entry in zip(events, answer, strict=True):
                if "EventId" in entry and event["Source"] == SOURCE:
                    time = float(event.get("Time") or unix_time())
                    history.follow(backend, json.loads(event["Detail"]), time)
        return answer

    return run


def _unchanged(send: Callable[..., None]) -> Callable[..., None]:
    """Sends events as they are. A rule that transforms them would need one more package."""

    def run(self: Rule, event: Json, *_args: Any, **_kwargs: Any) -> None:
        event.pop("ingestion-time", None)
        send(self, event, transform_input=False)

    return run


def _stop(self: CodePipelineResponse) -> str:
    """Stops an execution at once, as if nothing had been running."""
    number, backend = self._get_param("pipelineExecutionId"), self.codepipeline_backend
    with LOCK:
        execution = history.executions_of(self).get(number)
        if execution is None or execution.status != "InProgress":
            message = f"The execution {number} cannot be stopped, because it does not run"
            raise JsonRESTError("PipelineExecutionNotStoppableException", message)
        _announce(backend, execution, "STOPPING", "STOPPED")
    return json.dumps({"pipelineExecutionId": number})


def _canceling(update: Callable[..., Any]) -> Callable[..., Any]:
    """Cancels what runs when its pipeline is changed."""

    def run(self: CodePipelineBackend, pipeline: Json) -> Any:
        with LOCK:
            changed = update(self, pipeline)
            for execution in self.pipelines[pipeline["name"]].executions.values():
                if execution.status == "InProgress":
                    _announce(self, execution, "CANCELED")
        return changed

    return run


def _announce(backend: CodePipelineBackend, execution: PipelineExecution, *states: str) -> None:
    """Puts events about an execution."""
    name = execution.pipeline_name
    attempt = max(history.course_of(execution).rank[0], 1.0)
    for state in states:
        detail = {
            "pipeline": name,
            "execution-id": execution.pipeline_execution_id,
            "start-time": f"{execution.start_time.isoformat(timespec='milliseconds')}Z",
            "state": state,
            "version": float(execution.pipeline_version),
            "pipeline-execution-attempt": float(attempt),
        }
        arn = f"arn:aws:codepipeline:{backend.region_name}:{backend.account_id}:{name}"
        entry = {"Source": SOURCE, "DetailType": PIPELINE, "Detail": json.dumps(detail)}
        events = events_backends[backend.account_id][backend.region_name]
        events.put_events([{**entry, "Resources": [arn]}])
