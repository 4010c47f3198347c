"""Plays the main story: a pull request is opened, pushed to and closed; strangers get nothing."""

import copy
import json
import time
from typing import Any

from botocore.exceptions import ClientError

from _common import paths, terminal
from _common.problem import Problem
from _sandbox import github

from .place import Place
from .probes import STORY_NUMBER

REPOSITORY_ID = 990_000_001
"""The number of the repository in the webhooks. branchline believes it, as they are signed."""


class Story:
    """One pull request from opened to closed."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.clone = place.clone_name(STORY_NUMBER)
        self.first_execution = ""
        self.second_execution = ""
        self._started = int(time.time())

    def play(self) -> None:
        """Plays everything. What does not hold is a Problem."""
        self.opened()
        self.pushed()
        self.forged()
        self.unreadable()

    def opened(self) -> None:
        """The pull request gets a pipeline, which starts with it."""
        place = self.place
        self._send("pull_request.opened", place.commits[0], 0)
        place.wait("the pipeline of the pull request", self._has_clone)
        place.wait("the state 'active' of its mapping", lambda: self._state() == "active")
        listed = place.wait("its first execution", lambda: place.executions(self.clone))
        self.first_execution = listed[-1]["pipelineExecutionId"]
        terminal.done(f"an opened pull request has the pipeline {self.clone}, which runs")
        place.let_run(self.clone, place.commits[0])

    def pushed(self) -> None:
        """A push starts one execution of the pushed commit."""
        place, commit = self.place, self.place.commits[1]
        self._send("pull_request.synchronize", commit, 60, before=place.commits[0])
        place.wait("a mapping with the pushed commit", lambda: self._built() == commit)
        newest = place.executions(self.clone)[0]
        self.second_execution = newest["pipelineExecutionId"]
        if self.second_execution == self.first_execution:
            raise Problem("the push has started no execution")
        terminal.done("a push starts an execution of the pushed commit")
        place.let_run(self.clone, commit)

    def forged(self) -> None:
        """A message with a wrong signature goes to the quarantine queue."""
        webhook = github.webhook(
            self._body("pull_request.closed", "", 120), "pull_request", "wrong"
        )
        self.place.post(webhook)
        self._take("quarantine", webhook)
        if not self._has_clone():
            raise Problem("a forged webhook has deleted the pipeline")
        terminal.done("a forged webhook goes to the quarantine queue and changes nothing")

    def unreadable(self) -> None:
        """A signed body that is not a payload is dead-lettered with a reason."""
        body = b'{"action": "opened", "pull_request": "seven"}'
        webhook = github.webhook(body, "pull_request", self.place.secret)
        self.place.post(webhook)
        found = self._take("dead-letters", webhook)
        reason = found["MessageAttributes"].get("branchline-reason", {}).get("StringValue")
        if not reason:
            raise Problem(f"a dead letter has no reason: {found['MessageAttributes']}")
        terminal.done(f"an unreadable body is dead-lettered, with the reason {reason}")

    def closed(self) -> None:
        """The pipeline is deleted. The mapping is kept."""
        self._send("pull_request.closed", self.place.commits[1], 180)
        self.place.wait("the end of the pipeline", lambda: not self._has_clone())
        self.place.wait("the state 'gone' of its mapping", lambda: self._state() == "gone")
        terminal.done("a closed pull request has no pipeline, and its mapping is kept")

    def clean(self) -> list[str]:
        """Deletes the pipeline if the story has failed before its end. Returns what is left."""
        try:
            self.place.client("codepipeline").delete_pipeline(name=self.clone)
        except ClientError as error:
            return [f"pipeline {self.clone}: {error}"]
        return []

    def _send(self, fixture: str, head: str, seconds: int, *, before: str = "") -> None:
        body = self._body(fixture, head, seconds, before=before)
        self.place.post(github.webhook(body, "pull_request", self.place.secret))

    def _body(self, fixture: str, head: str, seconds: int, *, before: str = "") -> bytes:
        """Returns a fixture about the pull request of the story, `seconds` after its beginning."""
        payload = json.loads((paths.FIXTURES / f"{fixture}.json").read_bytes())
        pull = payload["pull_request"]
        payload["number"] = pull["number"] = STORY_NUMBER
        pull["updated_at"] = _time(self._started + seconds)
        pull["head"] |= {"ref": self.place.branch, "sha": head or pull["head"]["sha"]}
        pull["base"] |= {"ref": self.place.base}
        if before:
            payload |= {"before": before, "after": head}
        for repository in (payload["repository"], pull["head"]["repo"], pull["base"]["repo"]):
            _rename(repository, self.place.repository)
        return json.dumps(payload, ensure_ascii=False).encode()

    def _take(self, queue: str, webhook: github.Webhook) -> dict[str, Any]:
        """Receives a message by its delivery, checks its body, and deletes it."""
        sqs, url = self.place.client("sqs"), self.place.queues[queue]

        def arrived() -> dict[str, Any] | None:
            answer = sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
            )
            for message in answer.get("Messages", []):
                attributes = message.get("MessageAttributes", {})
                delivery = attributes.get("X-GitHub-Delivery", {}).get("StringValue")
                if delivery == webhook.delivery:
                    return dict(message)
            return None

        message = self.place.wait(f"a message in the queue {queue}", arrived)
        if message["Body"].encode() != webhook.body:
            raise Problem(f"the body of the message in {queue} is not the one that was sent")
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return copy.deepcopy(message)

    def _has_clone(self) -> bool:
        return self.clone in self.place.pipeline_names()

    def _row(self) -> dict[str, Any]:
        return self.place.mapping(STORY_NUMBER, REPOSITORY_ID)

    def _state(self) -> str:
        return str(self._row().get("state", {}).get("S", ""))

    def _built(self) -> str:
        observed = self._row().get("observed", {}).get("M", {})
        return str(observed.get("built", {}).get("S", ""))


def _rename(repository: dict[str, Any], full_name: str) -> None:
    owner, _, name = full_name.partition("/")
    repository |= {"id": REPOSITORY_ID, "full_name": full_name, "name": name}
    repository["owner"]["login"] = owner


def _time(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
