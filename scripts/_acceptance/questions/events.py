"""Questions about the events of executions: order, delay, and what they contain."""

import time
from typing import Any

from ..asking import Answer, Asking, Questions
from ..probes import STORY_NUMBER, milliseconds

QUESTIONS = Questions()
ask = QUESTIONS.add

Json = dict[str, Any]

PIPELINE = "CodePipeline Pipeline Execution State Change"
ENDS = ("CANCELED", "FAILED", "STOPPED", "SUCCEEDED", "SUPERSEDED")
SECONDS = 30
"""How long events are awaited after the last one."""


@ask(
    "event-order",
    "Do the events of an execution arrive in their order, and each once?",
    assumed="perhaps not: a report is replaced by one of a higher attempt and rank only",
    where="docs/decisions/0053-a-reported-commit-has-a-record-of-its-own.md",
)
def event_order(asking: Asking) -> Answer:
    seen = _collected(asking)
    if not seen:
        return Answer.unasked("no event arrived")
    ids = [event["id"] for event in seen]
    executions: dict[str, list[str]] = {}
    for event in seen:
        if event["detail-type"] == PIPELINE:
            executions.setdefault(event["detail"]["execution-id"], []).append(event["time"])
    early = sum(times != sorted(times) for times in executions.values())
    text = (
        f"{len(seen)} events of {len(executions)} executions; {early} executions out of order, "
        f"{len(ids) - len(set(ids))} events twice"
    )
    return Answer.noted(text)


@ask(
    "event-delay",
    "How long after CreatePipeline does the first event of the first execution arrive?",
    assumed="nothing: the executions of a commit are found by what their source action fetched",
    where="src/reconcile/commits.rs",
)
def event_delay(asking: Asking) -> Answer:
    place = asking.place
    name = asking.probes.create()
    created = time.monotonic()
    place.let_run(name, "")

    def arrived() -> bool:
        return any(event["detail"]["pipeline"] == name for event in _take(asking))

    if not place.watch(arrived, SECONDS):
        return Answer.of(f"none within {SECONDS} s", holds=False)
    return Answer.noted(f"after {milliseconds(created)}")


@ask(
    "event-numbers",
    "Which type have the version and the attempt in an event?",
    assumed="numbers, which may have a decimal point",
    where="src/domain/intake/pipeline_event/mod.rs",
)
def event_numbers(asking: Asking) -> Answer:
    found = set()
    for event in _collected(asking):
        for key in ("version", "pipeline-execution-attempt"):
            if key in event["detail"]:
                found.add(f"{key}: {event['detail'][key]!r}")
    if not found:
        return Answer.unasked("no event arrived")
    return Answer.of(", ".join(sorted(found)), holds=not any("'" in each for each in found))


@ask(
    "source-commit",
    "Does the event of a source action that succeeded have the commit?",
    assumed="yes, as `external-execution-id` of a connection",
    where="src/domain/intake/pipeline_event/mod.rs",
)
def source_commit(asking: Asking) -> Answer:
    if not asking.place.builds:
        return Answer.unasked("the source action cannot fetch a commit here")
    clone = asking.place.clone_name(STORY_NUMBER)
    for event in _collected(asking):
        detail = event["detail"]
        is_source = detail.get("type", {}).get("category") == "Source"
        if detail["pipeline"] == clone and is_source and detail["state"] == "SUCCEEDED":
            found = detail.get("execution-result", {}).get("external-execution-id", "none")
            return Answer.of(found[:12], holds=found in asking.place.commits)
    return Answer.unasked("no source action of the clone succeeded")


@ask(
    "event-after-deletion",
    "Do events of a pipeline arrive after it was deleted while it ran?",
    assumed="perhaps: an event of a pipeline without a mapping changes nothing",
    where="docs/decisions/0051-pipeline-events-are-proved-by-their-queue.md",
)
def event_after_deletion(asking: Asking) -> Answer:
    place, client = asking.place, asking.place.client("codepipeline")
    name, _ = asking.probes.running()
    _take(asking)
    client.delete_pipeline(name=name)
    states: list[str] = []

    def ended() -> bool:
        states.extend(
            event["detail"]["state"]
            for event in _take(asking)
            if event["detail"]["pipeline"] == name and event["detail-type"] == PIPELINE
        )
        return any(state in ENDS for state in states)

    place.watch(ended, SECONDS if place.pause_seconds >= 1 else 1)
    return Answer.noted(f"the states {', '.join(states)}" if states else "none within the time")


_SEEN: dict[int, list[Json]] = {}
"""What arrived, by the identity of the probes: several questions read the same events."""


def _take(asking: Asking) -> list[Json]:
    """Returns the events that have arrived by now, and remembers them."""
    arrived = list(asking.probes.received())
    _SEEN.setdefault(id(asking.probes), []).extend(arrived)
    return arrived


def _collected(asking: Asking) -> list[Json]:
    """Returns all events up to now. It waits for the first ones."""
    known = _SEEN.setdefault(id(asking.probes), [])
    asking.place.watch(lambda: bool(_take(asking)) or bool(known), SECONDS)
    return list(known)
