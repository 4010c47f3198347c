"""Plays the story of the demo with the applied module: webhooks over HTTP, queues in LocalStack."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from _common import paths, terminal
from _common.problem import Problem
from _sandbox import aws, github
from _sandbox.account import REPOSITORY, Account
from _sandbox.demo import story
from _sandbox.github import Webhook
from _sandbox.world import World

from . import hook
from .applied import WEB_TEMPLATE, Applied, Emulators

Found = TypeVar("Found")
COMMAND_SECONDS = 30


class SplitWorld(World):
    """A World with its queues in LocalStack and with a second template."""

    def __init__(self, account: Account, emulators: Emulators) -> None:
        super().__init__(account)
        self._sqs = aws.client("sqs", emulators.localstack)

    def clones(self) -> list[str]:
        """Returns the names of all pipelines except the templates."""
        return [name for name in super().clones() if name != WEB_TEMPLATE]


class Branchline:
    """The binary, with the environment of the container."""

    def __init__(self, binary: Path, environment: dict[str, str]) -> None:
        self.binary = binary
        self.environment = environment

    def json(self, *arguments: str, status: int = 0) -> list[dict[str, Any]]:
        """Returns the JSON lines of an operator's command, which must end with this status."""
        command = [str(self.binary), *arguments]
        shown = f"branchline {' '.join(arguments)}"
        try:
            done = subprocess.run(
                command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=COMMAND_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Problem(f"{shown} did not end within {COMMAND_SECONDS} s") from None
        if done.returncode != status:
            ended = f"{shown} ended with {done.returncode} instead of {status}"
            raise Problem(f"{ended}:\n{done.stdout}{done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines()]


class Story(story.Story):
    """What a step can do. It also counts the checks."""

    def __init__(self, made: Applied, branchline: Branchline) -> None:
        account = made.account()
        world = SplitWorld(account, made.emulators)
        # The daemon starts after the first step, which does not wait for it.
        super().__init__(account, world, None)  # type: ignore[arg-type]
        self.url = made.webhook_url()
        self.emulators = made.emulators
        self.branchline = branchline
        self.checks = 0

    def send(self, webhook: Webhook, what: str) -> None:
        """Posts it to the API as GitHub does."""
        answer = hook.post(self.url, webhook)
        self.sent.append(webhook)
        terminal.say(f"-> {what} ({len(webhook.body)} bytes)")
        self.check_answer(f"{answer.status}, {answer.result}", answer, 202, "queued")

    def check_answer(self, what: str, answer: hook.Answer, status: int, result: str) -> None:
        """Checks the answer that GitHub shows, which any origin may read."""
        origin = answer.headers.get("access-control-allow-origin")
        found = (answer.status, answer.result, origin)
        expected = (status, result, "*")
        self.check(what, found == expected, f"the answer was {found} instead of {expected}")

    def wait(self, what: str, probe: Callable[[], Found | bool | None]) -> Found:
        """Waits like the demo's story, and counts a check."""
        self.checks += 1
        return super().wait(what, probe)

    def check(self, what: str, holds: bool, otherwise: str) -> None:
        """Checks like the demo's story, and counts the check."""
        self.checks += 1
        super().check(what, holds, otherwise)

    def depths(self) -> list[tuple[int, int]]:
        """Returns the depth of each queue, in the order of `Account.queues`."""
        return [self.world.depth(url) for url in self.account.queues().values()]

    def about(
        self,
        fixture: str,
        number: int,
        *,
        repository: str = REPOSITORY,
        padding: int = 0,
        form: bool = False,
    ) -> Webhook:
        """Returns a fixture for another pull request, and with more bytes if asked."""
        text = (paths.FIXTURES / f"{fixture}.json").read_text(encoding="utf-8")
        if repository != REPOSITORY:
            text = text.replace(REPOSITORY, repository).replace("730001", "730002")
        payload = json.loads(text)
        payload["repository"]["name"] = repository.partition("/")[2]
        payload["number"] = payload["pull_request"]["number"] = number
        payload["pull_request"]["body"] = "+" * padding
        body = json.dumps(payload, ensure_ascii=False).encode()
        return github.webhook(body, "pull_request", self.account.secret, form=form)
