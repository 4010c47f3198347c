"""The story, step by step. Each step sends, waits for what must come, and looks for what must not."""

import json
from collections.abc import Callable
from typing import Any

from .. import github, paths, terminal
from ..world import Item, source_of
from .story import Story

CLONE = "api-pr-7"
"""What `{repo}-pr-{number}` makes of the fixtures' pull request."""


def opened(story: Story) -> None:
    """A pull request gets a pipeline of its own."""
    story.send(story.webhook("pull_request.opened"), "pull request acme/api#7 was opened, from feature/search")
    story.wait(f"the pipeline {CLONE} exists", lambda: story.world.clones() == [CLONE])
    story.wait("its mapping is active", lambda: _is(story, "active"))
    clone = story.world.pipeline(CLONE)
    template = story.world.pipeline(story.account.template)
    source, tags = source_of(clone), story.world.tags(clone["metadata"]["pipelineArn"])
    triggers = clone["pipeline"].get("triggers", [])
    terminal.facts(
        [
            ("source", f"{source['FullRepositoryId']} at {source['BranchName']}"),
            ("DetectChanges", source.get("DetectChanges", "(not set)")),
            ("stages", ", ".join(stage["name"] for stage in clone["pipeline"]["stages"])),
            ("triggers", f"{len(triggers)}, the template has {len(template['pipeline']['triggers'])}"),
            *sorted(tags.items()),
        ]
    )
    story.check("it builds the pull request's branch", source["BranchName"] == "feature/search", str(source))
    story.check("whether pushes start it is said, not left to a default", "DetectChanges" in source, str(source))
    story.check("the template's triggers are gone", not triggers, str(triggers))
    kept = clone["pipeline"]["stages"][1:] == template["pipeline"]["stages"][1:]
    story.check("its other stages are the template's", kept, str(clone["pipeline"]["stages"][1:]))
    story.check("its tags say whose it is", tags.get("branchline:managed-by") == story.account.table, str(tags))


def pushed(story: Story) -> None:
    """A push starts the pushed commit, and makes nothing."""
    created = story.world.pipeline(CLONE)["metadata"]["created"]
    webhook = story.webhook("pull_request.synchronize")
    head = json.loads(webhook.body)["after"]
    story.send(webhook, "a commit was pushed to acme/api#7")
    moved = story.wait("the mapping has the new commit", lambda: _mapping_at(story, head))
    terminal.facts([("head", moved["head_sha"]), ("generation", moved["generation"])])
    story.drain()
    clones = story.world.clones()
    story.check("there is still one pipeline", clones == [CLONE], f"there are {clones}")
    same = story.world.pipeline(CLONE)["metadata"]["created"] == created
    story.check("and it is the same one", same, "it was made again")
    built = moved.get("built_sha")
    story.check("an execution of that commit was started", built == head, f"the mapping says {built}")
    executions = story.world.executions(CLONE)
    story.check("and no second one", len(executions) == 1, f"there are {executions}")


def forged(story: Story) -> None:
    """What is not from GitHub is set aside, unread."""
    body = (paths.FIXTURES / "pull_request.closed.json").read_bytes()
    webhook = github.webhook(body, "pull_request", "a guess at the secret")
    story.send(webhook, "somebody pretends that acme/api#7 was closed")
    letter = _only_letter(story, story.account.quarantine, "the forgery is in the quarantine queue")
    _show(letter)
    story.drain()
    kept = letter["Body"].encode() == body and _attributes(letter).items() >= _sent(webhook).items()
    story.check("with its body and GitHub's headers as they came", kept, f"it has {_attributes(letter)}")
    story.check("the pipeline is untouched", story.world.clones() == [CLONE], f"there are {story.world.clones()}")


def unreadable(story: Story) -> None:
    """What GitHub would not send cannot be retried into sense: it is buried at once, with its reason."""
    body = b'{"action": "opened", "pull_request": "seven"}'
    webhook = github.webhook(body, "pull_request", story.account.secret)
    story.send(webhook, "a signed body that is no pull request of GitHub's")
    letter = _only_letter(story, story.account.dead_letters, "it is in the dead-letter queue")
    _show(letter)
    names = {f"branchline-{name}" for name in ("reason", "room", "detail", "attempts")}
    story.check("with the reason", names <= _attributes(letter).keys(), f"it has {_attributes(letter)}")
    kept = letter["Body"].encode() == body and _attributes(letter).items() >= _sent(webhook).items()
    story.check("and with its body and GitHub's headers as they came", kept, f"it has {_attributes(letter)}")


def closed(story: Story) -> None:
    """A closed pull request has no pipeline."""
    story.send(story.webhook("pull_request.closed"), "acme/api#7 was closed")
    _wait_until_gone(story)


def late(story: Story) -> None:
    """Old news make no zombies; real news bring the pipeline back."""
    before = _mapping(story)
    story.send(story.sent[0], "the old `opened` again, as GitHub's Redeliver button does it")
    story.send(story.webhook("pull_request.opened"), "the old `opened` under a new id, as if it had been delayed")
    story.drain()
    story.check("there is no pipeline", not story.world.clones(), f"there are {story.world.clones()}")
    after = _mapping(story)
    story.check("the mapping is as it was", after == before, f"it was {before} and is {after}")

    story.send(story.webhook("pull_request.reopened"), "acme/api#7 was reopened")
    story.wait(f"the pipeline {CLONE} is back", lambda: story.world.clones() == [CLONE])
    story.wait("its mapping is active", lambda: _is(story, "active"))
    story.send(story.webhook("pull_request.closed.merged"), "acme/api#7 was merged")
    _wait_until_gone(story)


def history(story: Story) -> None:
    """What a person finds afterwards."""
    story.drain()
    columns = ["subject", "branch", "pipeline", "state", "generation", "head", "updated at"]
    names = ["sk", "branch", "pipeline", "state", "generation", "head_sha", "updated_at"]
    mappings = story.world.mappings()
    terminal.table(columns, [[_cell(item, name) for name in names] for item in mappings])
    print()
    entries = story.world.history()
    terminal.table(
        ["event time", "delivery", "actor", "outcome", "from", "to"],
        [
            [*_when_and_which(entry), *(_cell(entry, name) for name in ("actor", "outcome", "from", "to"))]
            for entry in entries
        ],
    )
    story.check("one mapping, kept after its pipeline", len(mappings) == 1, f"there are {len(mappings)}")
    turns = [entry["to"] for entry in entries if entry.get("to") != entry.get("from")]
    told = ["active", "gone", "active", "gone"]
    story.check("its history has each turn once", turns == told, f"it has {turns}")
    depths = [story.world.depth(url) for url in (story.account.dead_letters, story.account.quarantine)]
    story.check("no other message was set aside", depths == [(1, 0), (1, 0)], f"the queues hold {depths}")


ALL: list[tuple[str, Callable[[Story], None]]] = [
    ("A pull request is opened", opened),
    ("A commit is pushed to it", pushed),
    ("Somebody forges a webhook", forged),
    ("A body is not GitHub's", unreadable),
    ("The pull request is closed", closed),
    ("Old news arrive late, then it is reopened and merged", late),
    ("What is on record", history),
]


def _mapping(story: Story) -> Item | None:
    return story.world.mapping("REPO#730001", "PR#0000000007")


def _mapping_at(story: Story, head: str) -> Item | None:
    mapping = _mapping(story)
    settled = mapping and mapping.get("state") == "active" and mapping.get("head_sha") == head
    return mapping if settled else None


def _is(story: Story, state: str) -> bool:
    mapping = _mapping(story)
    return mapping is not None and mapping.get("state") == state


def _wait_until_gone(story: Story) -> None:
    story.wait(f"the pipeline {CLONE} is gone", lambda: not story.world.clones())
    story.wait("its mapping stays, as gone", lambda: _is(story, "gone"))


def _only_letter(story: Story, queue_url: str, told: str) -> dict[str, Any]:
    letters = story.wait(told, lambda: story.world.letters(queue_url))
    story.check("and it is the only one there", len(letters) == 1, f"there are {len(letters)}")
    return letters[0]


def _attributes(letter: dict[str, Any]) -> dict[str, str]:
    return {name: value["StringValue"] for name, value in letter.get("MessageAttributes", {}).items()}


def _sent(webhook: github.Webhook) -> dict[str, str]:
    names = ("X-GitHub-Event", "X-GitHub-Delivery", "X-Hub-Signature-256", "Content-Type")
    return {name: webhook.headers[name] for name in names}


def _show(letter: dict[str, Any]) -> None:
    terminal.facts(sorted(_attributes(letter).items()))


def _cell(item: Item, name: str) -> str:
    value = item.get(name, "") or "-"
    return value[:12] if name == "head_sha" else value


def _when_and_which(entry: Item) -> list[str]:
    """Both are in the sort key: AUDIT#<subject>#<event time>#<delivery id>."""
    _, when, delivery = entry["sk"].rsplit("#", 2)
    return [when, delivery[:8]]
