"""The account that is asked: its clients, its names, and how long to wait in it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from _common.problem import Problem
from _sandbox.github import Webhook

Found = TypeVar("Found")


@dataclass
class Place:
    """An account in which branchline runs."""

    title: str
    name: str
    """The beginning of the names of everything that the questions create."""
    client: Callable[[str], Any]
    """Returns the boto3 client of a service."""
    template: str
    queues: dict[str, str]
    """The addresses of `webhooks`, `dead-letters` and `quarantine`."""
    table: str
    repository: str
    base: str
    branch: str
    commits: tuple[str, str]
    """The head of the pull request when it is opened, and after the push."""
    secret: str
    post: Callable[[Webhook], None]
    """Sends a webhook as GitHub does."""
    let_run: Callable[..., None]
    """Lets the newest execution of a pipeline build a commit, or with `begin=True` only begin. In a
    real account, it does so by itself."""
    builds: bool = True
    """Whether the source action of a clone can fetch a commit."""
    fork_commit: str = ""
    """A commit of a fork that is the head of a pull request."""
    wait_seconds: float = 15
    pause_seconds: float = 0.05
    check_alive: Callable[[], None] = field(default=lambda: None)

    def wait(self, what: str, probe: Callable[[], Found | None], seconds: float = 0) -> Found:
        """Repeats the probe until it returns something true, and returns that."""
        found = self.watch(probe, seconds)
        if found is None:
            raise Problem(f"waited {seconds or self.wait_seconds:.0f} s for this: {what}")
        return found

    def watch(self, probe: Callable[[], Found | None], seconds: float = 0) -> Found | None:
        """Repeats the probe like `wait`, and returns None if nothing comes."""
        deadline = time.monotonic() + (seconds or self.wait_seconds)
        while True:
            found = probe()
            if found:
                return found
            self.check_alive()
            if time.monotonic() > deadline:
                return None
            time.sleep(self.pause_seconds)

    def pipeline_names(self) -> list[str]:
        """Returns the names of all pipelines."""
        pages = self.client("codepipeline").get_paginator("list_pipelines").paginate()
        return [each["name"] for page in pages for each in page["pipelines"]]

    def executions(self, pipeline: str) -> list[dict[str, Any]]:
        """Returns the executions of a pipeline, the newest first."""
        listed = self.client("codepipeline").list_pipeline_executions(pipelineName=pipeline)
        return list(listed["pipelineExecutionSummaries"])

    def clone_name(self, number: int) -> str:
        """Returns the name of the pipeline of a pull request, by the default of a rule."""
        return f"{self.repository.partition('/')[2]}-pr-{number}"

    def mapping(self, number: int, repository_id: int) -> dict[str, Any]:
        """Returns the row of a pull request with the typed values of DynamoDB, or nothing."""
        key = {"pk": {"S": f"REPO#{repository_id}"}, "sk": {"S": f"PR#{number:010}"}}
        found = self.client("dynamodb").get_item(TableName=self.table, Key=key, ConsistentRead=True)
        return dict(found.get("Item", {}))
