"""The steps that the demo's story does not have."""

import functools
import uuid
from collections.abc import Callable
from typing import Any

from _common import terminal
from _sandbox import aws, github
from _sandbox.account import MAX_MESSAGE_BYTES
from _sandbox.demo import steps as demo
from _sandbox.github import Webhook
from _sandbox.world import Item

from . import applied, hook
from .story import Story


def refused(story: Story) -> None:
    """The API answers an invalid webhook with 4xx and sends nothing to a queue."""
    good = story.webhook("pull_request.opened")
    secret = story.account.secret

    def signed(body: bytes) -> Webhook:
        return github.webhook(body, "pull_request", secret)

    plain = Webhook(good.body, {**good.headers, "Content-Type": "text/plain"})
    form = github.webhook(good.body, "pull_request", secret, form=True)
    cases: list[tuple[str, Webhook, int]] = [
        ("malformed JSON", signed(good.body[:-2]), 400),
        ("JSON that is not an object", signed(b"[1]"), 400),
        ("an empty object", signed(b"{}"), 400),
        ("an empty body", signed(b""), 400),
        ("no signature", hook.without(good, "X-Hub-Signature-256"), 400),
        ("no signature, as a form", hook.without(form, "X-Hub-Signature-256"), 400),
        *(
            (f"a signature of {what}", _with_signature(good, signature), 400)
            for what, signature in _malformed(good.headers["X-Hub-Signature-256"]).items()
        ),
        ("no event", hook.without(good, "X-GitHub-Event"), 400),
        ("no delivery id", hook.without(good, "X-GitHub-Delivery"), 400),
        ("another content type", plain, 415),
        ("more than 1 MiB", story.about("pull_request.opened", 7, padding=MAX_MESSAGE_BYTES), 400),
    ]
    for what, webhook, status in cases:
        answer = hook.post(story.url, webhook)
        story.check_answer(f"{what}: {status}", answer, status, "rejected")
    answer = hook.post(story.url, Webhook(b"", {}), "GET")
    story.check_answer("GET: 403", answer, 403, "rejected")
    _check_empty(story)


def strangers(story: Story) -> None:
    """A genuine webhook to a wrong URL or from another address gets a 403 and reaches no queue."""
    good = story.webhook("pull_request.opened")
    base, _, path = story.url.rpartition("/")
    wrong = {
        "no path": "",
        "no token": "webhook",
        "an empty token": "webhook-",
        "another token": f"webhook-{uuid.uuid4()}",
        "a token without its last digit": path[:-1],
        "a token with one more digit": f"{path}0",
        "a token in upper case": path.upper(),
        "a longer path": f"{path}/x",
    }
    for what, target in wrong.items():
        answer = hook.post(f"{base}/{target}", good)
        story.check_answer(f"{what}: 403", answer, 403, "rejected")
    answer = hook.post(story.url, good, source=hook.STRANGER)
    story.check_answer("the right URL, from another address: 403", answer, 403, "rejected")
    leaks = path in answer.body
    story.check("the answer does not repeat the URL", not leaks, "it does")
    _check_empty(story)


def rotated(story: Story, made: applied.Applied, remove: Callable[[], str]) -> None:
    """Both URLs work until one is removed, and the removed one gets a 403 from then on."""
    old, new = (made.webhook_url(name) for name in applied.URLS)
    opened = story.about("pull_request.opened", 10)
    for what, url in (("old", old), ("new", new)):
        answer = hook.post(url, opened)
        story.check_answer(f"the {what} URL: {answer.status}", answer, 202, "queued")
    terminal.done(remove())
    before = story.depths()
    answer = hook.post(old, opened)
    story.check_answer("the old URL: 403", answer, 403, "rejected")
    # The stage still has the old URL: see the deployment in infra/ingress.tf.
    denied = "this URL takes no requests any more" in answer.body
    story.check("the resource policy refuses it", denied, f"the answer is {answer.body}")
    story.check("it sends nothing to a queue", story.depths() == before, "it does")
    story.check_answer("the new URL: 202", hook.post(new, opened), 202, "queued")


def _check_empty(story: Story) -> None:
    depths = story.depths()
    empty = all(depth == (0, 0) for depth in depths)
    story.check("every queue is empty", empty, f"the queues hold {depths}")


def _with_signature(webhook: Webhook, signature: str) -> Webhook:
    return Webhook(webhook.body, {**webhook.headers, "X-Hub-Signature-256": signature})


def _malformed(genuine: str) -> dict[str, str]:
    """Returns signatures that are not `sha256=` and 64 hexadecimal digits."""
    return {
        "nothing": "",
        "63 digits": genuine[:-1],
        "65 digits": f"{genuine}0",
        "SHA-1": f"sha1={genuine[-40:]}",
        "another alphabet": f"sha256={'z' * 64}",
        "two": f"{genuine},{genuine}",
    }


def account_is_right(story: Story) -> None:
    """`branchline check` finds no problem in the applied module."""
    findings = story.branchline.json("check", "--output", "json")
    bad = _bad(findings)
    what = f"branchline check: {len(findings)} findings, all good"
    story.check(what, bool(findings) and not bad, f"it finds {bad}")


def other_spellings(story: Story) -> None:
    """Forms and lower-case header names work as well, and a repeated delivery changes nothing."""
    opened = hook.in_lower_case(story.about("pull_request.opened", 8, form=True))
    what = "pull request acme/api#8 was opened: as a form, header names in lower case"
    story.send(opened, what)
    story.wait("its pipeline exists", lambda: _has(story, "api-pr-8"))
    story.wait("its mapping is active", lambda: _state(story, 8) == "active")
    story.drain()
    before = _everything(story, "api-pr-8")
    story.send(opened, "the same delivery once more")
    story.drain()
    after = _everything(story, "api-pr-8")
    changed = [name for name, value in after.items() if value != before[name]]
    story.check("nothing has changed", not changed, f"these have: {', '.join(changed)}")

    large = story.about("pull_request.opened", 9, padding=1_000_000)
    story.send(large, "pull request acme/api#9 was opened, with a long description")
    story.wait("its pipeline exists", lambda: _has(story, "api-pr-9"))
    for number in (8, 9):
        closing = story.about("pull_request.closed", number, form=True)
        story.send(closing, f"pull request acme/api#{number} was closed, as a form")
        story.wait("its mapping has the state gone", functools.partial(_is_gone, story, number))
    clones = story.world.clones()
    story.check("both pipelines are gone", clones == [], f"there are {clones}")


def template_lost(story: Story) -> None:
    """A webhook without its template is dead-lettered, and replayed once the template is back."""
    codepipeline = aws.client("codepipeline", story.emulators.moto)
    template = story.world.pipeline(applied.WEB_TEMPLATE)["pipeline"]
    codepipeline.delete_pipeline(name=applied.WEB_TEMPLATE)
    opened = story.about("pull_request.opened", 7, repository="acme/web")
    story.send(opened, "acme/web#7 was opened, and its template is deleted")
    dead_letters = story.account.dead_letters
    # One dead letter is left from the demo's steps.
    story.wait("it is dead-lettered", lambda: story.world.depth(dead_letters) == (2, 0))
    reason = ("--reason", "template-missing")
    listed = story.branchline.json("dlq", "list", "--output", "json", *reason, status=1)
    found = [(row["reason"], row["subject"], row["event"]) for row in listed]
    expected = [("template-missing", "acme/web#7", "pull_request")]
    story.check("branchline dlq list shows the reason", found == expected, f"it shows {listed}")
    bad = _bad(story.branchline.json("check", "--output", "json", status=1))
    what = "branchline check finds the missing template and nothing else"
    story.check(what, bad == ["template web-template"], f"it finds {bad}")

    codepipeline.create_pipeline(pipeline=template)
    story.branchline.json("dlq", "replay", *reason, "--yes")
    story.wait("the replay creates the pipeline", lambda: _has(story, "web-pr-7"))


def listed(story: Story) -> None:
    """The operators' commands show what the emulators hold."""
    story.drain()
    states = ("--state", "active,gone")
    rows = story.branchline.json("mappings", "list", "--output", "json", *states)
    found = sorted((row["subject"], row["state"]) for row in rows)
    gone = [(f"acme/api#{number}", "gone") for number in (7, 8, 9)]
    what = "branchline mappings list: three are gone, one is active"
    story.check(what, found == [*gone, ("acme/web#7", "active")], f"it shows {rows}")
    clones = story.world.clones()
    story.check("there is one pipeline", clones == ["web-pr-7"], f"there are {clones}")
    for queue, reason in (
        ("dead-letters", "invalid-payload"),
        ("quarantine", "signature-mismatch"),
    ):
        options = ("--output", "json", "--queue", queue)
        rows = story.branchline.json("dlq", "list", *options, status=1)
        what = f"branchline dlq list --queue {queue}: {reason}"
        story.check(what, [row["reason"] for row in rows] == [reason], f"it shows {rows}")
    depths = dict(zip(story.account.queues(), story.depths(), strict=True))
    holding = {name: depth for name, depth in depths.items() if depth != (0, 0)}
    expected = {"dead letters": (1, 0), "quarantine": (1, 0)}
    story.check("no other message is in a queue", holding == expected, f"the queues hold {depths}")
    findings = story.branchline.json("audit", "--output", "json")
    story.check("branchline audit finds nothing", findings == [], f"it finds {findings}")
    findings = story.branchline.json("audit", "--trail", "--output", "json")
    story.check("branchline audit --trail finds nothing", findings == [], f"it finds {findings}")


def _bad(findings: list[dict[str, Any]]) -> list[str]:
    # `ok` is null for what was not checked, because no emulator here evaluates IAM policies.
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


def _is_gone(story: Story, number: int) -> bool:
    return _state(story, number) == "gone"


def _state(story: Story, number: int) -> str | None:
    mapping: Item | None = story.world.mapping("REPO#730001", f"PR#{number:010}")
    return mapping.get("state") if mapping else None


ALL: list[tuple[str, Callable[..., None]]] = [
    ("The account is as the daemon needs it", account_is_right),
    *(named for named in demo.ALL if named[1] not in demo.ON_THE_PAGE),
    ("Forms, lower case, a repeated delivery, a large body", other_spellings),
    ("A template is deleted", template_lost),
    ("The operators' commands", listed),
]
