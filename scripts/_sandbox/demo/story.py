"""What a step can do: send a webhook, wait for a condition, and check a condition."""

import time
from collections.abc import Callable
from typing import TypeVar

from _common import paths, terminal
from _common.problem import Problem

from .. import gateway, github
from ..account import Account
from ..github import Webhook
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

    def webhook(self, fixture: str) -> Webhook:
        """Returns a fixture, signed as GitHub does, with a new delivery id."""
        path = paths.FIXTURES / f"{fixture}.json"
        body = path.read_bytes()
        return github.webhook(body, github.guess_event(path, body), self.account.secret)

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
