"""Questions about executions: the first one, tokens, stopping, and what an update does to them."""

import time
from typing import Any

from ..asking import Answer, Asking, Questions
from ..probes import STORY_NUMBER, milliseconds, refusal

QUESTIONS = Questions()
ask = QUESTIONS.add

TOKEN = "11111111-2222-4333-8444-555555555555"
LATER_SECONDS = 180
"""Longer than a claim."""


@ask(
    "first-execution",
    "Does CreatePipeline start an execution, and when is it listed?",
    assumed="exactly one, with the trigger CreatePipeline; branchline starts none itself",
    where="docs/decisions/0014-branchline-starts-executions.md",
)
def first_execution(asking: Asking) -> Answer:
    name = asking.probes.create()
    created = time.monotonic()
    listed = asking.place.watch(lambda: asking.place.executions(name))
    if not listed:
        return Answer.of("none is listed", holds=False)
    shown = milliseconds(created)
    triggers = [each.get("trigger", {}).get("triggerType") for each in listed]
    text = f"{len(listed)} after {shown}, with the trigger {triggers[0]}"
    return Answer.of(text, holds=triggers == ["CreatePipeline"])


@ask(
    "first-commit",
    "Which commit does the first execution of a clone build?",
    assumed="the head of the branch at that time, as no call can name another one",
    where="docs/decisions/0014-branchline-starts-executions.md",
)
def first_commit(asking: Asking) -> Answer:
    return _built(asking, -1, asking.place.commits)


@ask(
    "second-commit",
    "Which commit does an execution build that was started for a commit?",
    assumed="that commit, whatever the branch's head is by then",
    where="docs/decisions/0014-branchline-starts-executions.md",
)
def second_commit(asking: Asking) -> Answer:
    return _built(asking, 0, asking.place.commits[1:])


def _built(asking: Asking, index: int, expected: tuple[str, ...]) -> Answer:
    """Returns the commit that an execution of the clone has fetched."""
    place, clone = asking.place, asking.place.clone_name(STORY_NUMBER)
    if not place.builds:
        return Answer.unasked("the source action cannot fetch a commit here")
    number = place.executions(clone)[index]["pipelineExecutionId"]
    found = place.watch(lambda: asking.probes.source_result(clone, number))
    if not found:
        return Answer.unasked("the source action of the execution does not end")
    commit, status = found
    return Answer.of(f"{commit[:12]} ({status})", holds=commit in expected)


@ask(
    "fork-commit",
    "Does the connection to the base repository fetch the commit of a fork?",
    assumed="unknown, so `forks = true` is refused",
    where="docs/CONFIGURATION.md",
)
def fork_commit(asking: Asking) -> Answer:
    place, client = asking.place, asking.place.client("codepipeline")
    if not place.fork_commit or not place.builds:
        return Answer.unasked("no commit of a fork was given (--fork-commit)")
    clone = place.clone_name(STORY_NUMBER)
    source = client.get_pipeline(name=clone)["pipeline"]["stages"][0]["actions"][0]["name"]
    revision = {
        "actionName": source,
        "revisionType": "COMMIT_ID",
        "revisionValue": place.fork_commit,
    }
    started = client.start_pipeline_execution(name=clone, sourceRevisions=[revision])
    place.let_run(clone, place.fork_commit)
    number = started["pipelineExecutionId"]
    found = place.watch(lambda: asking.probes.source_result(clone, number))
    if not found:
        return Answer.noted("the source action does not end")
    return Answer.noted(f"the source action has {found[1]}, with {found[0][:12] or 'no commit'}")


@ask(
    "client-token",
    "Does a repeated StartPipelineExecution with the same token return the same execution?",
    assumed="yes, for as long as it takes to take a claim over, which is some minutes",
    where="ARCHITECTURE.md",
)
def client_token(asking: Asking) -> Answer:
    client = asking.place.client("codepipeline")
    name = asking.probes.create()

    def start() -> str:
        answer = client.start_pipeline_execution(name=name, clientRequestToken=TOKEN)
        return str(answer["pipelineExecutionId"])

    first = start()
    found = {"at once": start()}
    if asking.place.pause_seconds >= 1:
        time.sleep(LATER_SECONDS)
        found[f"after {LATER_SECONDS} s"] = start()
    refusal(lambda: _stop(client, name, first))
    asking.place.watch(lambda: asking.probes.has_ended(name, first))
    found["after its end"] = start()
    text = ", ".join(
        f"{when}: {'the same' if number == first else 'another'}" for when, number in found.items()
    )
    return Answer.of(text, holds=set(found.values()) == {first})


@ask(
    "update-while-running",
    "What does UpdatePipeline do to a running execution?",
    assumed="it stops it, and starts none: so branchline updates only together with a start",
    where="docs/decisions/0016-update-only-with-a-start.md",
)
def update_while_running(asking: Asking) -> Answer:
    client = asking.place.client("codepipeline")
    name, number = asking.probes.running()
    declaration = asking.probes.declaration(name)
    declaration["stages"][1]["actions"][0]["name"] = "WaitAgain"
    client.update_pipeline(pipeline=declaration)
    ended = asking.place.watch(lambda: asking.probes.has_ended(name, number))
    status, count = asking.probes.status(name, number), len(asking.place.executions(name))
    text = f"its status becomes {status}, and {count - 1} others start"
    return Answer.of(text, holds=bool(ended) and count == 1)


@ask(
    "stop-an-ended-one",
    "What does StopPipelineExecution answer for an execution that has ended?",
    assumed="PipelineExecutionNotStoppableException, which is not a failure",
    where="src/aws/codepipeline.rs",
)
def stop_an_ended_one(asking: Asking) -> Answer:
    client = asking.place.client("codepipeline")
    name, number = asking.probes.running()
    first = refusal(lambda: _stop(client, name, number))
    asking.place.watch(lambda: asking.probes.has_ended(name, number))
    refused = refusal(lambda: _stop(client, name, number))
    code = refused[0] if refused else "it succeeds"
    text = f"{code} (the stop before: {first[0] if first else 'succeeds'})"
    known = ("PipelineExecutionNotStoppableException", "DuplicatedStopRequestException")
    return Answer.of(text, holds=code in known and first is None)


@ask(
    "delete-while-running",
    "Can a pipeline be deleted while it runs, and what remains?",
    assumed="yes, and its executions are lost: their summary is copied before",
    where="docs/decisions/0020-executions-are-read-before-the-claim.md",
)
def delete_while_running(asking: Asking) -> Answer:
    client = asking.place.client("codepipeline")
    name, _ = asking.probes.running()
    refused = refusal(lambda: client.delete_pipeline(name=name))
    if refused:
        return Answer.of(f"no: {refused[0]}: {refused[1]}", holds=False)
    listed = refusal(lambda: client.list_pipeline_executions(pipelineName=name))
    text = f"listing its executions answers {listed[0]}" if listed else "they are still listed"
    return Answer.of(f"yes, and {text}", holds=True)


@ask(
    "empty-variable",
    "What does StartPipelineExecution answer for a variable with an empty value?",
    assumed="ValidationException",
    where="src/aws/fault.rs",
)
def empty_variable(asking: Asking) -> Answer:
    client = asking.place.client("codepipeline")
    variable = {"name": "HEAD", "defaultValue": "none"}
    name = asking.probes.create(variables=[variable])
    values = [{"name": "HEAD", "value": ""}]
    refused = refusal(lambda: client.start_pipeline_execution(name=name, variables=values))
    code = refused[0] if refused else "it is accepted"
    return Answer.of(code, holds=code in ("ValidationException", "ParamValidationError"))


def _stop(client: Any, name: str, number: str) -> None:
    client.stop_pipeline_execution(pipelineName=name, pipelineExecutionId=number, abandon=True)
