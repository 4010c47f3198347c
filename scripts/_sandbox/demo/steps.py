"""The steps of the story. Each sends a webhook and checks its effects."""

import json
from collections.abc import Callable
from typing import Any

from _common import paths, terminal

from .. import github
from ..world import Item, source_of
from .story import Story

PULL_REQUEST = "acme/api#7"
"""The pull request of the fixtures."""

CLONE = "api-pr-7"
"""The result of `{repo}-pr-{number}` for it."""

REASON = "2 of 140 tests failed"


def opened(story: Story) -> None:
    """A pull request gets its own pipeline."""
    what = "pull request acme/api#7 was opened, from feature/search"
    story.happen(story.webhook("pull_request.opened"), what)
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
            (
                "triggers",
                f"{len(triggers)}; the template has {len(template['pipeline']['triggers'])}",
            ),
            *sorted(tags.items()),
        ]
    )
    branch = source["BranchName"]
    story.check("it builds the branch of the pull request", branch == "feature/search", str(source))
    story.check("DetectChanges has an explicit value", "DetectChanges" in source, str(source))
    story.check("it has none of the template's triggers", not triggers, str(triggers))
    kept = clone["pipeline"]["stages"][1:] == template["pipeline"]["stages"][1:]
    story.check("the other stages are the template's", kept, str(clone["pipeline"]["stages"][1:]))
    owner = tags.get("branchline:managed-by")
    story.check("its tags name the owner", owner == story.account.table, str(tags))
    story.show_page(PULL_REQUEST, "GitHub shows that the commit is being built", "(in_progress)")


def succeeded(story: Story) -> None:
    """An execution that succeeds makes the commit green."""
    story.play(CLONE, _sent_head(story))
    story.show_page(PULL_REQUEST, "GitHub shows the success", "(success)", "checks have passed")


def pushed(story: Story) -> None:
    """A push starts an execution of the pushed commit, and creates no pipeline."""
    created = story.world.pipeline(CLONE)["metadata"]["created"]
    webhook = story.webhook("pull_request.synchronize")
    head = json.loads(webhook.body)["after"]
    story.happen(webhook, "a commit was pushed to acme/api#7")
    moved = story.wait("the mapping has the new commit", lambda: _mapping_at(story, head))
    terminal.facts([("head", moved["head_sha"]), ("generation", moved["generation"])])
    story.drain()
    clones = story.world.clones()
    story.check("there is still one pipeline", clones == [CLONE], f"there are {clones}")
    same = story.world.pipeline(CLONE)["metadata"]["created"] == created
    story.check("it is the same pipeline", same, "it was created again")
    built = moved.get("observed.built")
    what = "an execution of that commit was started"
    story.check(what, built == head, f"the mapping has {built}")
    executions = story.world.executions(CLONE)
    what = "it is the second execution, after the one with which the pipeline began"
    story.check(what, len(executions) == 2, f"there are {executions}")


def failed(story: Story) -> None:
    """An execution that fails makes the commit red, with the reason."""
    story.play(CLONE, _sent_head(story), fails="Build/Build", why=REASON)
    story.show_page(PULL_REQUEST, "GitHub shows the failure and why", "(failure)", REASON)


def rerun(story: Story) -> None:
    """The button Re-run retries the failed stage, and the commit becomes green."""
    if story.github is None:
        return
    head = _sent_head(story)
    for event, body in story.github.rerun(PULL_REQUEST):
        story.send(github.webhook(body, event, story.account.secret), "a person clicked on Re-run")
    story.drain()
    executions = story.world.executions(CLONE)
    story.check("no execution was started", len(executions) == 2, f"there are {executions}")
    status = executions[0]["status"]
    what = "the failed stage of the newest one runs again"
    story.check(what, status == "InProgress", f"it is {status}")
    story.show_page(PULL_REQUEST, "GitHub shows that the commit runs again", "(in_progress)")
    story.play(CLONE, head, retried="Build")
    story.show_page(PULL_REQUEST, "GitHub shows the success", "(success)", "checks have passed")


def draft(story: Story) -> None:
    """A pull request that is not built says why, so that a required check does not wait forever."""
    payload = json.loads(story.webhook("pull_request.opened").body)
    payload["number"] = payload["pull_request"]["number"] = 8
    head = {"ref": "feature/draft", "sha": "8d" * 20}
    payload["pull_request"] |= {"id": 8, "title": "Not ready yet", "draft": True}
    payload["pull_request"]["head"] |= head
    body = json.dumps(payload).encode()
    webhook = github.webhook(body, "pull_request", story.account.secret)
    story.happen(webhook, "pull request acme/api#8 was opened as a draft")
    story.show_page("acme/api#8", "GitHub shows why it is not built", "Not built: it is a draft")
    clones = story.world.clones()
    story.check("it has no pipeline", clones == [CLONE], f"there are {clones}")


def forged(story: Story) -> None:
    """A message with a wrong signature goes to the quarantine queue without being parsed."""
    body = (paths.FIXTURES / "pull_request.closed.json").read_bytes()
    webhook = github.webhook(body, "pull_request", "a wrong secret")
    story.send(webhook, "a forged webhook: acme/api#7 was closed")
    what = "the forged webhook is in the quarantine queue"
    message = _only_message(story, story.account.quarantine, what)
    _show(message)
    story.drain()
    _check_unchanged(story, message, webhook)
    clones = story.world.clones()
    story.check("the pipeline is unchanged", clones == [CLONE], f"there are {clones}")


def unreadable(story: Story) -> None:
    """A body that GitHub cannot have sent is dead-lettered at once, with the reason."""
    body = b'{"action": "opened", "pull_request": "seven"}'
    webhook = github.webhook(body, "pull_request", story.account.secret)
    story.send(webhook, "a signed body that is not a valid payload")
    what = "it is in the dead-letter queue"
    message = _only_message(story, story.account.dead_letters, what)
    _show(message)
    names = {f"branchline-{name}" for name in ("reason", "step", "detail", "attempts")}
    found = _attributes(message)
    story.check("it has a reason", names <= found.keys(), f"it has {found}")
    _check_unchanged(story, message, webhook)


def closed(story: Story) -> None:
    """A closed pull request has no pipeline."""
    story.happen(story.webhook("pull_request.closed"), "acme/api#7 was closed")
    _wait_until_gone(story)


def late(story: Story) -> None:
    """An outdated webhook does not recreate the pipeline, and a new one does."""
    before = _mapping(story)
    story.send(story.sent[0], "the old `opened` again, as by the Redeliver button of GitHub")
    delayed = story.webhook("pull_request.opened")
    story.send(delayed, "the old `opened` with a new id, as if it had been delayed")
    story.drain()
    clones = story.world.clones()
    story.check("there is no pipeline", not clones, f"there are {clones}")
    after = _mapping(story)
    story.check("the mapping is unchanged", after == before, f"it was {before} and is {after}")

    story.happen(story.webhook("pull_request.reopened"), "acme/api#7 was reopened")
    story.wait(f"the pipeline {CLONE} is back", lambda: story.world.clones() == [CLONE])
    story.wait("its mapping is active", lambda: _is(story, "active"))
    story.happen(story.webhook("pull_request.closed.merged"), "acme/api#7 was merged")
    _wait_until_gone(story)


def history(story: Story) -> None:
    """The mapping and its history remain."""
    story.drain()
    columns = ["subject", "branch", "pipeline", "state", "generation", "head", "updated at"]
    spec = ["desired.spec.branch", "desired.spec.pipeline"]
    names = ["sk", *spec, "state", "generation", "head_sha", "updated_at"]
    mappings = story.world.mappings()
    terminal.table(columns, [[_cell(item, name) for name in names] for item in mappings])
    print()
    entries = story.world.history()
    others = ("actor", "outcome", "from", "to")
    terminal.table(
        ["event time", "delivery", *others],
        [
            [entry["time"], entry["cause"][:8], *(_cell(entry, name) for name in others)]
            for entry in entries
        ],
    )
    count = len(mappings)
    what = "there is one mapping for each pull request, and no pipeline"
    # The second one is the draft's.
    expected_count = 1 if story.github is None else 2
    story.check(what, count == expected_count and not story.world.clones(), f"there are {count}")
    ours = [entry for entry in entries if entry["pk"].endswith(mappings[0]["sk"])]
    states = [entry["to"] for entry in ours if entry.get("to") != entry.get("from")]
    expected = ["active", "gone", "active", "gone"]
    story.check("the history has each state once", states == expected, f"it has {states}")
    queues = (story.account.dead_letters, story.account.quarantine)
    depths = [story.world.depth(url) for url in queues]
    print()
    if story.github is not None:
        calls = story.github.calls()
        names = sorted(calls, key=lambda name: (-calls[name], name))
        terminal.table(["call to GitHub", "number"], [[name, str(calls[name])] for name in names])
        violations = story.github.violations()
        what = "every request to GitHub was valid by GitHub's own description"
        story.check(what, not violations, f"these were not: {violations}")
    what = "no other message was dead-lettered or quarantined"
    story.check(what, depths == [(1, 0), (1, 0)], f"the queues hold {depths}")


ALL: list[tuple[str, Callable[[Story], None]]] = [
    ("A pull request is opened", opened),
    ("Its execution succeeds", succeeded),
    ("A commit is pushed to it", pushed),
    ("The execution of that commit fails", failed),
    ("A person clicks on Re-run", rerun),
    ("A draft is opened", draft),
    ("A webhook is forged", forged),
    ("A body is not a valid payload", unreadable),
    ("The pull request is closed", closed),
    ("An outdated webhook arrives; the pull request is reopened and merged", late),
    ("The mapping and its history", history),
]

ON_THE_PAGE = (succeeded, failed, rerun, draft)
"""The steps about what GitHub shows. They need a GitHub and executions that can be played."""


def _sent_head(story: Story) -> str:
    """Returns the head of the pull request in the last webhook."""
    return str(json.loads(story.sent[-1].body)["pull_request"]["head"]["sha"])


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
    story.wait("its mapping is kept, with the state gone", lambda: _is(story, "gone"))


def _only_message(story: Story, queue_url: str, what: str) -> dict[str, Any]:
    messages = story.wait(what, lambda: story.world.messages(queue_url))
    count = len(messages)
    story.check("it is the only message there", count == 1, f"there are {count}")
    return messages[0]


def _check_unchanged(story: Story, message: dict[str, Any], webhook: github.Webhook) -> None:
    found = _attributes(message)
    kept = message["Body"].encode() == webhook.body and found.items() >= _sent(webhook).items()
    story.check("its body and the headers from GitHub are unchanged", kept, f"it has {found}")


def _attributes(message: dict[str, Any]) -> dict[str, str]:
    found = message.get("MessageAttributes", {})
    return {name: value["StringValue"] for name, value in found.items()}


def _sent(webhook: github.Webhook) -> dict[str, str]:
    names = ("X-GitHub-Event", "X-GitHub-Delivery", "X-Hub-Signature-256", "Content-Type")
    return {name: webhook.headers[name] for name in names}


def _show(message: dict[str, Any]) -> None:
    terminal.facts(sorted(_attributes(message).items()))


def _cell(item: Item, name: str) -> str:
    value = item.get(name, "") or "-"
    return value[:12] if name == "head_sha" else value
