"""The demo's story, told to the applied module: webhooks go over HTTP, and queues are not where the rest is."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from _sandbox import aws, github, paths, terminal
from _sandbox.account import REPOSITORY, Account
from _sandbox.demo import story
from _sandbox.github import Webhook
from _sandbox.problem import Problem
from _sandbox.world import World

from . import hook
from .applied import WEB_TEMPLATE, Applied, Emulators

Found = TypeVar("Found")
COMMAND_SECONDS = 30


class SplitWorld(World):
    """A World whose queues are LocalStack's, and which has a second template."""

    def __init__(self, account: Account, emulators: Emulators) -> None:
        super().__init__(account)
        self._sqs = aws.client("sqs", emulators.localstack)

    def clones(self) -> list[str]:
        """The names of all pipelines but the templates."""
        return [name for name in super().clones() if name != WEB_TEMPLATE]


class Branchline:
    """The binary, with the container's environment."""

    def __init__(self, binary: Path, environment: dict[str, str]) -> None:
        self.binary = binary
        self.environment = environment

    def says(self, *arguments: str, status: int = 0) -> list[dict[str, Any]]:
        """The JSON lines of a command for operators, which must end with this status."""
        command = [str(self.binary), *arguments]
        told = f"branchline {' '.join(arguments)}"
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
            raise Problem(f"{told} did not end within {COMMAND_SECONDS} s") from None
        if done.returncode != status:
            raise Problem(f"{told} ended with {done.returncode} and not with {status}:\n{done.stdout}{done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines()]


class Story(story.Story):
    """What a step may do, counting what was checked."""

    def __init__(self, made: Applied, branchline: Branchline) -> None:
        account = made.account()
        # The daemon is started after the first step; nothing is waited for before.
        super().__init__(account, SplitWorld(account, made.emulators), None)  # type: ignore[arg-type]
        self.url = made.webhook_url()
        self.emulators = made.emulators
        self.branchline = branchline
        self.checks = 0

    def send(self, webhook: Webhook, what: str) -> None:
        """Posts it to the API as GitHub does."""
        answer = hook.post(self.url, webhook)
        self.sent.append(webhook)
        terminal.say(f"-> {what} ({len(webhook.body)} bytes)")
        self.answered(f"{answer.status}, {answer.said}", answer, 202, "queued")

    def answered(self, told: str, answer: hook.Answer, status: int, said: str) -> None:
        """The answer is as GitHub should see it, and may be read from anywhere."""
        origin = answer.headers.get("access-control-allow-origin")
        found = (answer.status, answer.said, origin)
        self.check(told, found == (status, said, "*"), f"the answer was {found}, and should be {(status, said, '*')}")

    def wait(self, told: str, probe: Callable[[], Found | bool | None]) -> Found:
        """As the demo's."""
        self.checks += 1
        return super().wait(told, probe)

    def check(self, told: str, holds: bool, otherwise: str) -> None:
        """As the demo's."""
        self.checks += 1
        super().check(told, holds, otherwise)

    def depths(self) -> list[tuple[int, int]]:
        """Of the webhooks', the dead letters' and the quarantine's queue."""
        queues = (self.account.webhooks, self.account.dead_letters, self.account.quarantine)
        return [self.world.depth(url) for url in queues]

    def about(
        self, fixture: str, number: int, *, repository: str = REPOSITORY, padding: int = 0, form: bool = False
    ) -> Webhook:
        """A fixture, as if it were about another pull request, with so many bytes more."""
        text = (paths.FIXTURES / f"{fixture}.json").read_text(encoding="utf-8")
        if repository != REPOSITORY:
            text = text.replace(REPOSITORY, repository).replace("730001", "730002")
        payload = json.loads(text)
        payload["repository"]["name"] = repository.partition("/")[2]
        payload["number"] = payload["pull_request"]["number"] = number
        payload["pull_request"]["body"] = "+" * padding
        body = json.dumps(payload, ensure_ascii=False).encode()
        return github.webhook(body, "pull_request", self.account.secret, form=form)
