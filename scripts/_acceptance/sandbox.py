"""The place on this machine: emulators, and the daemon as a child process."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from _common import paths, terminal
from _common.isolation import REGION, isolate
from _common.problem import Problem
from _sandbox import account, aws, emulator, gateway, playing
from _sandbox.demo import daemon
from _sandbox.github import Webhook
from _sandbox.github_control import GitHub
from _sandbox.pipeline_run import Run

from .place import Place
from .questions import github as github_questions

FOLDER = paths.SANDBOX / "acceptance"
COMMITS = ("1f0c3a52d7b94e6881a05d2c93e47fb60a8d1c11", "2e9d4b63c8a05f7992b16e3da4f580c71b9e2d22")
FORK_COMMIT = "f0" * 20
BUCKET = "acme-artifacts"
TOKEN = "github_pat_acceptance"


@contextmanager
def opened(binary: Path) -> Iterator[Place]:
    """Starts everything, and stops it with the block."""
    isolate()
    FOLDER.mkdir(parents=True, exist_ok=True)
    configuration = FOLDER / "branchline.toml"
    with emulator.both_running(FOLDER / "moto.log", FOLDER / "github.log") as (moto, fake):
        made = account.make(moto.endpoint, fake)
        account.write_configuration(made, configuration, codepipeline_rate=1000)
        create_artifacts(made)
        _fill_github(made.github)
        with daemon.run(binary, configuration, made, FOLDER / "branchline.log") as running:
            terminal.done(f"an emulated AWS at {made.endpoint}, with branchline")
            yield place(made, running.check_alive)


def create_artifacts(made: account.Account) -> None:
    """Creates the artifact store of the template, which a template in a real account has."""
    s3 = aws.client("s3", made.endpoint)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": made.region})


def place(made: account.Account, check_alive: Callable[[], None]) -> Place:
    """Returns the sandbox as a place."""

    def client(service: str) -> Any:
        # The questions also ask for what botocore refuses by itself.
        config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
        return boto3.client(service, region_name=REGION, endpoint_url=made.endpoint, config=config)

    def post(webhook: Webhook) -> None:
        reply = gateway.deliver(webhook, made.webhooks)
        if reply.error is not None:
            raise Problem(f"the queue refused a webhook: {reply.error}")

    def let_run(pipeline: str, commit: str, *, begin: bool = False) -> None:
        codepipeline = client("codepipeline")
        listed = codepipeline.list_pipeline_executions(pipelineName=pipeline)
        newest = listed["pipelineExecutionSummaries"][0]
        run = Run(
            dict(codepipeline.get_pipeline(name=pipeline)),
            newest["pipelineExecutionId"],
            REGION,
            commit or "0" * 40,
            trigger=newest["trigger"]["triggerType"],
            began=newest["startTime"].astimezone(UTC),
        )
        events = list(run.events())
        for _ in playing.put(made, events[:1] if begin else events):
            pass

    return Place(
        title="the sandbox",
        name="branchline-acceptance",
        client=client,
        template=made.template,
        queues={
            "webhooks": made.webhooks,
            "dead-letters": made.dead_letters,
            "quarantine": made.quarantine,
        },
        table=made.table,
        repository=account.REPOSITORY,
        base="main",
        branch="feature/search",
        commits=COMMITS,
        secret=made.secret,
        post=post,
        let_run=let_run,
        fork_commit=FORK_COMMIT,
        check_alive=check_alive,
    )


def _fill_github(base: str) -> None:
    """Gives the fake GitHub the commits of the story, and a token."""
    control = GitHub(base).control
    repository = account.REPOSITORY
    for number, commit in enumerate((*COMMITS, FORK_COMMIT)):
        control("PUT", "branches", repository=repository, name=f"acceptance-{number}", sha=commit)
    permissions = {"metadata": "read", "statuses": "write"}
    control("PUT", "tokens", token=TOKEN, permissions=permissions)
    os.environ |= {github_questions.TOKEN: TOKEN, github_questions.API: base}
