"""The steps of a pull request that has a stack of its own, from its opening to its end."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from .. import aws, github, preview
from ..account import Account
from ..world import Item, World
from .daemon import Daemon
from .story import Story

NUMBER = 9
PULL_REQUEST = f"acme/api#{NUMBER}"
CLONE = f"api-pr-{NUMBER}"
"""The name of its pipeline, and of its stack."""

ENVIRONMENT = f"preview/pr-{NUMBER}"
"""The name of its environment at GitHub."""

HEAD, BASE = "9d" * 20, "1a" * 20
REASON = f"The bucket of {CLONE} is not empty"

Start = Callable[[], AbstractContextManager[Daemon]]


def play(account: Account, start: Start, configuration: Path) -> None:
    """Plays them with two daemons, one after the other. `start` starts one."""
    preview.create_templates(account)
    preview.write_preview_configuration(account, configuration)
    with start() as first:
        story = Story(account, World(account), first)
        _opened(story)
        _closed(story)
        _failed(story)
        _stopped(story)
    _let_it_be_due(account)
    with start() as second:
        story = Story(account, World(account), second)
        _repeated(story)
        _stopped(story)


def _opened(story: Story) -> None:
    story.happen(_webhook(story, "pull_request.opened"), f"{PULL_REQUEST} was opened")
    story.wait("its mapping is active", lambda: _is(story, "active"))
    story.check("no stack exists yet", not story.world.stacks(), str(story.world.stacks()))
    story.play(CLONE, HEAD)
    stacks = story.world.stacks()
    story.check(f"the stack {CLONE} exists", list(stacks) == [CLONE], f"there are {stacks}")
    shown = (f"{ENVIRONMENT} at {HEAD[:8]} (success)", stacks[CLONE]["Url"])
    story.show_page(PULL_REQUEST, "GitHub links it, and shows its deployment", *shown)


def _closed(story: Story) -> None:
    story.happen(_webhook(story, "pull_request.closed"), f"{PULL_REQUEST} was closed")
    story.wait("its mapping is retiring", lambda: _is(story, "retiring"))
    stages = [stage["name"] for stage in story.world.pipeline(CLONE)["pipeline"]["stages"]]
    what = "its pipeline deletes the stack"
    story.check(what, stages == ["Source", "Teardown-1"], f"it has the stages {stages}")


def _failed(story: Story) -> None:
    story.play(CLONE, BASE, fails="Teardown-1", why=REASON)

    def said() -> bool:
        return REASON in (_mapping(story) or {}).get("last_error", "")

    story.wait("the deletion failed, and the mapping says why", said)
    story.check("its mapping is retiring", _is(story, "retiring"), str(_mapping(story)))
    stacks = story.world.stacks()
    story.check("the stack is as it was", list(stacks) == [CLONE], f"there are {stacks}")


def _repeated(story: Story) -> None:
    """Waits for the execution that the job `teardowns` starts, and lets it succeed."""

    def runs() -> bool:
        return story.world.executions(CLONE)[0]["status"] == "InProgress"

    story.wait("after a minute, which is skipped here, it is deleted again", runs)
    story.play(CLONE, BASE)
    story.check("the stack is gone", not story.world.stacks(), str(story.world.stacks()))
    story.wait("its pipeline is gone", lambda: not story.world.clones())
    story.wait("its mapping is gone", lambda: _is(story, "gone"))
    story.show_page(PULL_REQUEST, "GitHub shows the end", f"{ENVIRONMENT} at {HEAD[:8]} (destroyed)")


def _stopped(story: Story) -> None:
    story.drain()
    status = story.daemon.stop()
    story.check("branchline stops with exit code 0", status == 0, f"it ended with {status}")


def _let_it_be_due(account: Account) -> None:
    """Moves the next deletion into the past, and lets the job that begins it run at once."""
    dynamodb = aws.client("dynamodb", account.endpoint)
    key = {"pk": {"S": "REPO#730001"}, "sk": {"S": f"PR#{NUMBER:010}"}}
    dynamodb.update_item(
        TableName=account.table,
        Key=key,
        UpdateExpression="SET resources.teardown.retry_at = :past",
        ConditionExpression="attribute_exists(resources.teardown.retry_at)",
        ExpressionAttributeValues={":past": {"N": "1"}},
    )
    job = {"pk": {"S": "JOBS"}, "sk": {"S": "JOB#teardowns"}}
    dynamodb.delete_item(TableName=account.table, Key=job)


def _webhook(story: Story, fixture: str) -> github.Webhook:
    """Returns a fixture about this pull request."""
    payload = json.loads(story.webhook(fixture).body)
    pull_request = payload["pull_request"]
    payload["number"] = pull_request["number"] = pull_request["id"] = NUMBER
    pull_request["head"] |= {"ref": "feature/preview", "sha": HEAD}
    body = json.dumps(payload).encode()
    return github.webhook(body, "pull_request", story.account.secret)


def _mapping(story: Story) -> Item | None:
    return story.world.mapping("REPO#730001", f"PR#{NUMBER:010}")


def _is(story: Story, state: str) -> bool:
    return (_mapping(story) or {}).get("state") == state
