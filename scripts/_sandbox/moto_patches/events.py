"""Lets executions go as the events say that are put in the name of CodePipeline.

Nothing runs in the sandbox. A caller that plays an execution puts its events, and the rest of
CodePipeline follows: the state of the execution, of its stages and of its actions. AWS lets nobody
but itself put such events. moto adds a member to events that EventBridge's do not have.
"""

import json
from collections.abc import Callable
from typing import Any

from moto.codepipeline.models import codepipeline_backends
from moto.core.utils import unix_time
from moto.events.models import EventsBackend, Rule

from . import history

SOURCE = "aws.codepipeline"

Json = dict[str, Any]


def install() -> None:
    """Replaces the operations for the rest of the process."""
    EventsBackend.put_events = _followed(EventsBackend.put_events)
    Rule.send_to_targets = _unchanged(Rule.send_to_targets)


def _followed(put: Callable[..., Any]) -> Callable[..., Any]:
    def run(self: EventsBackend, events: list[Json]) -> Any:
        answer = put(self, events)
        backend = codepipeline_backends[self.account_id][self.region_name]
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
