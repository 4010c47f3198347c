"""What a step can do: send a webhook, wait for a condition, and check a condition."""

import time
from collections.abc import Callable
from typing import TypeVar

from _common import paths, terminal
from _common.problem import Problem

from .. import gateway, github, playing
from ..account import Account
from ..github import Webhook
from ..github_control import GitHub
from ..pipeline_run import End, Run
from ..world import World
from .daemon import Daemon

DEADLINE_SECONDS = 15
"""Hundreds of times what a webhook takes here. Only a fault or a stalled machine reaches it."""

POLL_SECONDS = 0.05

Found = TypeVar("Found")


class Story:
    """The account, its content, the daemon, and the webhooks that were sent."""

    def __init__(self, account: Account, world: World, daemon: Daemon) -> None:
        self.account = account
        self.world = world
        self.daemon = daemon
        self.sent: list[Webhook] = []
        # scripts/e2e plays the same steps in an account without a GitHub.
        self.github = GitHub(account.github) if account.github else None

    def webhook(self, fixture: str) -> Webhook:
        """Returns a fixture, signed as GitHub does, with a new delivery id."""
        path = paths.FIXTURES / f"{fixture}.json"
        body = path.read_bytes()
        return github.webhook(body, github.guess_event(path, body), self.account.secret)

    def play(
        self,
        pipeline: str,
        commit: str,
        *,
        fails: str | None = None,
        why: str = "",
        retried: str | None = None,
    ) -> None:
        """Plays the newest execution of a pipeline: EventBridge gets its events."""
        newest = self.world.executions(pipeline)[0]["pipelineExecutionId"]
        end = End.FAILED if fails else End.SUCCEEDED
        found = self.world.pipeline(pipeline)
        attempt = 2 if retried else 1
        run = Run(found, newest, self.account.region, commit, end, fails, why, attempt, retried)
        for _ in playing.put(self.account, list(run.events())):
            pass
        terminal.say(f"-> execution {newest[:8]} of {pipeline} runs: {end.value}")

    def show_page(self, pull_request: str, what: str, *texts: str) -> None:
        """Waits until the page of a pull request has all texts, and prints it."""
        if (shown := self.github) is None:
            return

        def page() -> str | None:
            found = shown.page(pull_request)
            return found if all(text in found for text in texts) else None

        for line in self.wait(what, page).splitlines():
            print(f"      {terminal.paint('|', 'dim')} {line}".rstrip())

    def happen(self, webhook: Webhook, what: str) -> None:
        """Lets happen on GitHub what a webhook describes, and sends the webhook."""
        if self.github is not None:
            self.github.apply(webhook.event, webhook.body)
        self.send(webhook, what)

    def send(self, webhook: Webhook, what: str) -> None:
        """Sends a webhook to the queue, through the mapping template."""
        reply = gateway.deliver(webhook, self.account.webhooks)
        if reply.error is not None:
            raise Problem(f"the queue refused {what}: {reply.error}")
        self.sent.append(webhook)
        size = f"{len(webhook.body)} bytes"
        terminal.say(f"-> {what} (delivery {webhook.delivery[:8]}, {size})")

    def wait(self, what: str, probe: Callable[[], Found | bool | None]) -> Found:
        """Repeats the probe until it returns something, and prints `what`."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            found = probe()
            if found:
                terminal.done(what)
                return found  # type: ignore[return-value]
            self.daemon.check_alive()
            if time.monotonic() > deadline:
                raise Problem(f"waited {DEADLINE_SECONDS} s for this: {what}")
            time.sleep(POLL_SECONDS)

    def drain(self) -> None:
        """Waits until the queue is empty, so that a check for what must not happen is final."""
        self.wait("every message was processed", self.world.is_drained)

    def check(self, what: str, holds: bool, otherwise: str) -> None:
        """Checks, without waiting, that `what` holds. `otherwise` describes the other case."""
        if not holds:
            raise Problem(f"expected: {what}; but {otherwise}")
        terminal.done(what)
