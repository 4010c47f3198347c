"""What a step may do: send a webhook, wait until something is so, and check that something is so."""

import time
from collections.abc import Callable
from typing import TypeVar

from .. import gateway, github, paths, terminal
from ..account import Account
from ..github import Webhook
from ..problem import Problem
from ..world import World
from .daemon import Daemon

DEADLINE_SECONDS = 15
"""Hundreds of times what a webhook takes here: only a fault, or a machine that stands still, reaches it."""

POLL_SECONDS = 0.05

Found = TypeVar("Found")


class Story:
    """The account, what is in it, the daemon, and the webhooks that were sent."""

    def __init__(self, account: Account, world: World, daemon: Daemon) -> None:
        self.account = account
        self.world = world
        self.daemon = daemon
        self.sent: list[Webhook] = []

    def webhook(self, fixture: str) -> Webhook:
        """One of the fixtures, signed as GitHub would, under a new delivery id."""
        path = paths.FIXTURES / f"{fixture}.json"
        body = path.read_bytes()
        return github.webhook(body, github.guess_event(path, body), self.account.secret)

    def send(self, webhook: Webhook, what: str) -> None:
        """Puts it into the queue, by way of the gateway's template."""
        reply = gateway.deliver(webhook, self.account.webhooks)
        if reply.error is not None:
            raise Problem(f"the queue refused {what}: {reply.error}")
        self.sent.append(webhook)
        terminal.say(f"-> {what} (delivery {webhook.delivery[:8]}, {len(webhook.body)} bytes)")

    def wait(self, told: str, probe: Callable[[], Found | bool | None]) -> Found:
        """Looks until the probe finds something, and says so."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            found = probe()
            if found:
                terminal.done(told)
                return found  # type: ignore[return-value]
            self.daemon.check_alive()
            if time.monotonic() > deadline:
                raise Problem(f"waited {DEADLINE_SECONDS} s for this: {told}")
            time.sleep(POLL_SECONDS)

    def drain(self) -> None:
        """Waits until every message has left the queue, so that what has not happened will not happen."""
        self.wait("every message was acknowledged or buried", self.world.is_drained)

    def check(self, told: str, holds: bool, otherwise: str) -> None:
        """Something that must be so now, without waiting."""
        if not holds:
            raise Problem(f"this should be so: {told}; but {otherwise}")
        terminal.done(told)
