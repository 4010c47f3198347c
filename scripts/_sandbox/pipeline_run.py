"""The events of one execution of a pipeline, in the order in which CodePipeline has them.

Their form is that of the User Guide ("Monitoring CodePipeline events"), where versions and attempts
are floats. tests/fixtures/pipeline-events/ has one of each kind, for the tests of the daemon.
"""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

Json = dict[str, Any]

PIPELINE = "CodePipeline Pipeline Execution State Change"
STAGE = "CodePipeline Stage Execution State Change"
ACTION = "CodePipeline Action Execution State Change"
KINDS = (PIPELINE, STAGE, ACTION)
SOURCE = "aws.codepipeline"


class End(Enum):
    """How an execution ends."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    STOPPED = "STOPPED"
    CANCELED = "CANCELED"
    SUPERSEDED = "SUPERSEDED"


@dataclass(frozen=True)
class Event:
    """An event for PutEvents, which adds the account and the Region."""

    kind: str
    time: datetime
    resource: str
    detail: Json

    def entry(self) -> Json:
        """Returns the entry of PutEvents."""
        return {
            "Source": SOURCE,
            "DetailType": self.kind,
            "Time": self.time,
            "Resources": [self.resource],
            "Detail": json.dumps(self.detail),
        }


@dataclass
class Run:
    """One attempt of an execution. Each event happens a second after the one before."""

    pipeline: Json
    """The answer of GetPipeline."""
    execution: str
    region: str
    commit: str
    end: End = End.SUCCEEDED
    where: str | None = None
    """The stage at which it does not go on, or `Stage/Action`. None means the last stage."""
    message: str = "Build terminated with state: FAILED"
    attempt: int = 1
    retried: str | None = None
    """The stage at which a later attempt begins. None means the first."""
    trigger: str = "StartPipelineExecution"
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    began: datetime | None = None
    """When the execution began. None means now."""

    def __post_init__(self) -> None:
        self._declaration = self.pipeline["pipeline"]
        self._stages: list[Json] = self._declaration["stages"]
        self._began = self.began or self.now
        self._resumed = self.now
        self._actions_began: dict[str, datetime] = {}
        names = [stage["name"] for stage in self._stages]
        stage, _, self._action = (self.where or names[-1]).partition("/")
        self._first = self._number(self.retried or names[0])
        self._last = self._number(stage)
        actions = [action["name"] for action in self._stages[self._last]["actions"]]
        if self._action and self._action not in actions:
            text = f"the stage {stage} has the actions {', '.join(actions)}"
            raise ValueError(f"{text}, and not {self._action}")

    def _number(self, stage: str) -> int:
        names = [each["name"] for each in self._stages]
        if stage not in names:
            raise ValueError(f"the pipeline has the stages {', '.join(names)}, and not {stage}")
        return names.index(stage)

    def events(self) -> Iterator[Event]:
        """Yields the events in order."""
        account = self.pipeline["metadata"]["pipelineArn"].split(":")[4]
        caller = f"arn:aws:sts::{account}:assumed-role/branchline/sandbox"
        trigger = {"trigger-type": self.trigger, "trigger-detail": caller}
        is_retry = self.attempt > 1
        more = {} if is_retry else {"execution-trigger": trigger}
        yield self._pipeline("RESUMED" if is_retry else "STARTED", **more)
        for number, stage in enumerate(self._stages[self._first :], self._first):
            begins = "RESUMED" if is_retry and number == self._first else "STARTED"
            if number == self._last and self.end is not End.SUCCEEDED:
                yield from self._last_stage(stage, begins)
                return
            yield self._stage(stage, begins)
            for action in stage["actions"]:
                yield from self._whole_action(stage, action)
            yield self._stage(stage, "SUCCEEDED")
        yield self._pipeline("SUCCEEDED")

    def _whole_action(self, stage: Json, action: Json) -> Iterator[Event]:
        key = str(uuid.uuid4())
        yield self._of_action(stage, action, key, "STARTED")
        result = self._source_result() if _is_source(action) else self._result(key, "Succeeded")
        yield self._of_action(stage, action, key, "SUCCEEDED", **{"execution-result": result})

    def _last_stage(self, stage: Json, begins: str) -> Iterator[Event]:
        """Yields the events of the stage at which the execution ends."""
        if self.end is End.SUPERSEDED:
            # It waits for the stage, and a newer execution goes on instead.
            yield self._pipeline("SUPERSEDED")
            return
        yield self._stage(stage, begins)
        for action in stage["actions"]:
            if action["name"] != (self._action or stage["actions"][-1]["name"]):
                yield from self._whole_action(stage, action)
                continue
            key = str(uuid.uuid4())
            yield self._of_action(stage, action, key, "STARTED")
            yield from self._ending(stage, action, key)
            return

    def _ending(self, stage: Json, action: Json, key: str) -> Iterator[Event]:
        if self.end is End.STOPPED:
            comment = {"stop-execution-comments": "Stopped in the sandbox"}
            yield self._pipeline("STOPPING", **comment)
            yield self._stage(stage, "STOPPING")
            yield self._of_action(stage, action, key, "ABANDONED")
        elif self.end is End.CANCELED:
            yield self._of_action(stage, action, key, "CANCELED")
        else:
            result = {**self._result(key, self.message), "error-code": "JobFailed"}
            yield self._of_action(stage, action, key, "FAILED", **{"execution-result": result})
        yield self._stage(stage, self.end.value)
        yield self._pipeline(self.end.value)

    def _pipeline(self, state: str, **more: Any) -> Event:
        detail = {**self._common(), "start-time": _millis(self._began), "state": state, **more}
        return self._event(PIPELINE, detail)

    def _stage(self, stage: Json, state: str) -> Event:
        detail = {**self._common(), "stage": stage["name"], "state": state}
        if self.attempt > 1:
            detail["stage-last-retry-attempt-time"] = _millis(self._resumed)
        if state != "RESUMED":
            detail["start-time"] = _millis(self._began)
        return self._event(STAGE, detail)

    def _of_action(self, stage: Json, action: Json, key: str, state: str, **more: Any) -> Event:
        detail = {
            **self._common(),
            "stage": stage["name"],
            "action": action["name"],
            "action-execution-id": key,
            "state": state,
            "type": {
                name: action["actionTypeId"][name]
                for name in ("owner", "category", "provider", "version")
            },
            **more,
        }
        if state == "STARTED":
            detail["input-artifacts"] = self._artifacts(action, "inputArtifacts")
        else:
            detail["region"] = self.region
        if state == "SUCCEEDED":
            detail["output-artifacts"] = self._artifacts(action, "outputArtifacts")
        if state != "ABANDONED":
            detail["start-time"] = _millis(self._actions_began.setdefault(key, self.now))
        return self._event(ACTION, detail)

    def _artifacts(self, action: Json, key: str) -> list[Json]:
        bucket, name = "acme-artifacts", self._declaration["name"]
        return [
            {
                "name": each["name"],
                "s3location": {"bucket": bucket, "key": f"{name}/{each['name'][:10]}/sandbox"},
            }
            for each in action.get(key) or []
        ]

    def _source_result(self) -> Json:
        """Returns what a source action has found, as one with a connection reports it."""
        summary = {"ProviderType": "GitHub", "CommitMessage": "A commit of the sandbox"}
        url = f"https://{self.region}.console.aws.amazon.com/codesuite/settings/connections"
        return {
            "external-execution-id": self.commit,
            "external-execution-summary": json.dumps(summary, separators=(",", ":")),
            "external-execution-url": url,
        }

    def _result(self, key: str, summary: str) -> Json:
        build = f"api-build:{key}"
        page = f"https://{self.region}.console.aws.amazon.com/codebuild/home?region={self.region}"
        return {
            "external-execution-id": build,
            "external-execution-summary": summary,
            "external-execution-url": f"{page}#/builds/{build}/view/new",
        }

    def _common(self) -> Json:
        return {
            "pipeline": self._declaration["name"],
            "execution-id": self.execution,
            "version": float(self._declaration["version"]),
            "pipeline-execution-attempt": float(self.attempt),
        }

    def _event(self, kind: str, detail: Json) -> Event:
        self.now += timedelta(seconds=1)
        return Event(kind, self.now, self.pipeline["metadata"]["pipelineArn"], detail)


def _is_source(action: Json) -> bool:
    return action["actionTypeId"]["category"] == "Source"


def _millis(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
