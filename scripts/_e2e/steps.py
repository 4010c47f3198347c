"""What is checked beyond the demo's story. As there: send, wait for what must come, look for what must not."""

from collections.abc import Callable
from typing import Any

from _sandbox import aws, github
from _sandbox.account import MAX_MESSAGE_BYTES
from _sandbox.demo import steps as demo
from _sandbox.github import Webhook
from _sandbox.world import Item

from . import applied, hook
from .story import Story


def refused(story: Story) -> None:
    """What is no webhook of GitHub's is a 4xx, which GitHub shows, and reaches no queue."""
    good = story.webhook("pull_request.opened")
    secret = story.account.secret

    def signed(body: bytes) -> Webhook:
        return github.webhook(body, "pull_request", secret)

    plain = Webhook(good.body, {**good.headers, "Content-Type": "text/plain"})
    form = github.webhook(good.body, "pull_request", secret, form=True)
    cases: list[tuple[str, Webhook, int]] = [
        ("malformed JSON", signed(good.body[:-2]), 400),
        ("JSON that is no object", signed(b"[1]"), 400),
        ("an empty object", signed(b"{}"), 400),
        ("an empty body", signed(b""), 400),
        ("no signature", hook.without(good, "X-Hub-Signature-256"), 400),
        ("no signature, as a form", hook.without(form, "X-Hub-Signature-256"), 400),
        ("no event", hook.without(good, "X-GitHub-Event"), 400),
        ("no delivery id", hook.without(good, "X-GitHub-Delivery"), 400),
        ("another content type", plain, 415),
        ("more than 1 MiB", story.about("pull_request.opened", 7, padding=MAX_MESSAGE_BYTES), 400),
    ]
    for told, webhook, status in cases:
        story.answered(f"{told}: {status}", hook.post(story.url, webhook), status, "rejected")
    story.answered("GET: 403", hook.post(story.url, Webhook(b"", {}), "GET"), 403, "rejected")
    depths = story.depths()
    story.check("nothing is in any queue", depths == [(0, 0)] * 3, f"they hold {depths}")


def account_is_right(story: Story) -> None:
    """The daemon's own check finds nothing missing in what was applied."""
    findings = story.branchline.says("check", "--json")
    bad = _bad(findings)
    story.check(f"branchline check: {len(findings)} findings, all good", bool(findings) and not bad, f"it finds {bad}")


def other_spellings(story: Story) -> None:
    """Forms, and header names in lower case, are as good; a repeated delivery changes nothing."""
    opened = hook.in_lower_case(story.about("pull_request.opened", 8, form=True))
    story.send(opened, "pull request acme/api#8 was opened: as a form, header names in lower case")
    story.wait("its pipeline exists", lambda: _has(story, "api-pr-8"))
    story.wait("its mapping is active", lambda: _state(story, 8) == "active")
    story.drain()
    before = _everything(story, "api-pr-8")
    story.send(opened, "the same delivery once more")
    story.drain()
    changed = [name for name, value in _everything(story, "api-pr-8").items() if value != before[name]]
    story.check("nothing has changed", not changed, f"these have: {', '.join(changed)}")

    large = story.about("pull_request.opened", 9, padding=1_000_000)
    story.send(large, "pull request acme/api#9 was opened, with a long description")
    story.wait("its pipeline exists", lambda: _has(story, "api-pr-9"))
    for number in (8, 9):
        closing = story.about("pull_request.closed", number, form=True)
        story.send(closing, f"pull request acme/api#{number} was closed, as a form")
        story.wait("its mapping is gone", lambda number=number: _state(story, number) == "gone")  # type: ignore[misc]
    story.check("and so are the pipelines", story.world.clones() == [], f"there are {story.world.clones()}")


def template_lost(story: Story) -> None:
    """A webhook whose template is missing is buried with the reason, and replayed when the template is back."""
    codepipeline = aws.client("codepipeline", story.emulators.moto)
    template = story.world.pipeline(applied.WEB_TEMPLATE)["pipeline"]
    codepipeline.delete_pipeline(name=applied.WEB_TEMPLATE)
    opened = story.about("pull_request.opened", 7, repository="acme/web")
    story.send(opened, "acme/web#7 was opened, and its template is deleted")
    # The other one is the demo's.
    story.wait("it is a dead letter", lambda: story.world.depth(story.account.dead_letters) == (2, 0))
    listed = story.branchline.says("dlq", "list", "--output", "json", "--reason", "template-missing", status=1)
    found = [(letter["reason"], letter["subject"], letter["event"]) for letter in listed]
    wanted = [("template-missing", "acme/web#7", "pull_request")]
    story.check("branchline dlq list says why", found == wanted, f"it says {listed}")
    bad = _bad(story.branchline.says("check", "--json", status=1))
    story.check("branchline check finds that and nothing else", bad == ["template web-template"], f"it finds {bad}")

    codepipeline.create_pipeline(pipeline=template)
    story.branchline.says("dlq", "replay", "--reason", "template-missing", "--yes")
    story.wait("replayed, it makes the pipeline", lambda: _has(story, "web-pr-7"))


def listed(story: Story) -> None:
    """What the operators' commands say at the end is what the emulators hold."""
    story.drain()
    rows = story.branchline.says("mappings", "list", "--output", "json", "--state", "active,gone")
    told = sorted((row["subject"], row["state"]) for row in rows)
    wanted = [("acme/api#7", "gone"), ("acme/api#8", "gone"), ("acme/api#9", "gone"), ("acme/web#7", "active")]
    story.check("branchline mappings list: three are gone, one is active", told == wanted, f"it says {rows}")
    story.check("and one pipeline is there", story.world.clones() == ["web-pr-7"], f"there are {story.world.clones()}")
    for queue, reason in (("dead-letters", "body-not-githubs"), ("quarantine", "signature-mismatch")):
        letters = story.branchline.says("dlq", "list", "--output", "json", "--queue", queue, status=1)
        reasons = [letter["reason"] for letter in letters]
        story.check(f"branchline dlq list --queue {queue}: {reason}", reasons == [reason], f"it says {letters}")
    depths = story.depths()
    story.check("no message is anywhere else", depths == [(0, 0), (1, 0), (1, 0)], f"the queues hold {depths}")
    flaws = story.branchline.says("audit", "--output", "json")
    story.check("branchline audit finds nothing", flaws == [], f"it finds {flaws}")


def _bad(findings: list[dict[str, Any]]) -> list[str]:
    # What was not looked at, for want of an IAM that judges, is neither.
    return [finding["what"] for finding in findings if finding["ok"] is False]


def _everything(story: Story, clone: str) -> dict[str, Any]:
    found = story.world.pipeline(clone)
    return {
        "pipelines": story.world.clones(),
        "the pipeline": (found["pipeline"], found["metadata"]),
        "its executions": story.world.executions(clone),
        "mappings": story.world.mappings(),
        "history": story.world.history(),
        "queues": story.depths(),
    }


def _has(story: Story, clone: str) -> bool:
    return clone in story.world.clones()


def _state(story: Story, number: int) -> str | None:
    mapping: Item | None = story.world.mapping("REPO#730001", f"PR#{number:010}")
    return mapping.get("state") if mapping else None


ALL: list[tuple[str, Callable[..., None]]] = [
    ("The account is as the daemon needs it", account_is_right),
    *demo.ALL,
    ("Forms, lower case, a repeated delivery, a long one", other_spellings),
    ("A template is lost", template_lost),
    ("What operators see", listed),
]
