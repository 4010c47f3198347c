"""Plays an execution: puts its events on EventBridge, in order or not."""

import argparse
import random
from collections.abc import Iterator
from datetime import UTC

from _common.isolation import REGION
from _common.problem import Problem

from . import aws
from .account import Account
from .github_control import GitHub
from .pipeline_run import End, Event, Run
from .world import World, source_of

BATCH = 10
"""The most events of one PutEvents."""

_ENDS = {
    "fail": End.FAILED,
    "stop": End.STOPPED,
    "cancel": End.CANCELED,
    "supersede": End.SUPERSEDED,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what `scripts/sandbox run` accepts."""
    parser.add_argument("--commit", metavar="SHA", help="the built commit (default: the branch's)")
    parser.add_argument("--execution", metavar="ID", help="default: the newest that is listed")
    ends = parser.add_mutually_exclusive_group()
    for name, end in _ENDS.items():
        ends.add_argument(f"--{name}", metavar="STAGE[/ACTION]", help=f"end there: {end.value}")
    parser.add_argument("--message", help="why the action failed")
    parser.add_argument("--retry", metavar="STAGE", help="begin there, as after a retry")
    parser.add_argument("--attempt", type=int, help="its number (default: 2 after a retry)")
    parser.add_argument("--events", type=int, metavar="N", help="put the first N events only")
    parser.add_argument("--shuffle", type=int, metavar="SEED", help="put them out of order")
    parser.add_argument("--duplicate", action="store_true", help="put each one twice")


def play(account: Account, arguments: argparse.Namespace) -> Iterator[str]:
    """Plays the execution that a command line names, and yields a line for each event."""
    events = list(_run(account, arguments).events())[: arguments.events]
    if arguments.duplicate:
        events = [event for event in events for _ in range(2)]
    if arguments.shuffle is not None:
        random.Random(arguments.shuffle).shuffle(events)
    yield from put(account, events)


def put(account: Account, events: list[Event]) -> Iterator[str]:
    """Puts events on EventBridge, and yields a line for each."""
    client = aws.client("events", account.endpoint)
    for start in range(0, len(events), BATCH):
        batch = events[start : start + BATCH]
        answer = client.put_events(Entries=[event.entry() for event in batch])
        if answer["FailedEntryCount"]:
            raise Problem(f"EventBridge refused events: {answer['Entries']}")
        for event in batch:
            detail = event.detail
            names = [detail[name] for name in ("pipeline", "stage", "action") if name in detail]
            yield f"{'/'.join(names)} {detail['state']}"


def _run(account: Account, arguments: argparse.Namespace) -> Run:
    world = World(account)
    pipeline = world.pipeline(arguments.pipeline)
    listed = world.executions(arguments.pipeline)
    chosen = [each for each in listed if arguments.execution in (None, each["pipelineExecutionId"])]
    if not chosen:
        raise Problem(f"{arguments.pipeline} has no such execution")
    ends = [(end, getattr(arguments, name)) for name, end in _ENDS.items()]
    end, where = next(((end, at) for end, at in ends if at), (End.SUCCEEDED, None))
    more = {"message": arguments.message} if arguments.message else {}
    try:
        return Run(
            pipeline,
            chosen[0]["pipelineExecutionId"],
            REGION,
            arguments.commit or _commit(account, pipeline, chosen[0]),
            end,
            where,
            attempt=arguments.attempt or (2 if arguments.retry else 1),
            retried=arguments.retry,
            trigger=chosen[0]["trigger"]["triggerType"],
            began=chosen[0]["startTime"].astimezone(UTC),
            **more,
        )
    except ValueError as error:
        raise Problem(str(error), 2) from None


def _commit(account: Account, pipeline: dict, execution: dict) -> str:
    """Returns the commit for which an execution was started, or the one of the branch."""
    revisions = execution.get("sourceRevisions") or []
    if revisions:
        return str(revisions[0]["revisionId"])
    source = source_of(pipeline)
    branches = GitHub(account.github).branches(source["FullRepositoryId"])
    branch = source["BranchName"]
    if branch not in branches:
        raise Problem(
            f"{source['FullRepositoryId']} has no branch {branch} on GitHub: add --commit"
        )
    return branches[branch]
