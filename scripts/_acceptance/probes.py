"""Creates pipelines, queues and a rule for the questions, and removes all of them at the end."""

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from .place import Place

STORY_NUMBER = 990_000
"""The pull request of the story. The pipelines of the questions are named like clones of those that
follow, because the role of the template trusts only such names. branchline does not touch them,
because they lack its tags.
"""
KEY = "acceptance/source.zip"

Json = dict[str, Any]


def refusal(call: Callable[[], Any]) -> tuple[str, str] | None:
    """Makes a call, and returns the code and the message of its refusal, or None."""
    try:
        call()
    except ClientError as error:
        answer = error.response.get("Error", {})
        return str(answer.get("Code", "")), str(answer.get("Message", ""))
    return None


class Probes:
    """What the questions created."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._codepipeline = place.client("codepipeline")
        self._sqs = place.client("sqs")
        self._count = 0
        self._undo: list[tuple[str, Callable[[], Any]]] = []
        template = self._codepipeline.get_pipeline(name=place.template)["pipeline"]
        self.role: str = template["roleArn"]
        self.bucket: str = template["artifactStore"]["location"]
        self.events = ""
        """The queue that gets the events of the pipelines of the questions."""

    def prepare(self) -> None:
        """Stores a source for the pipelines, and listens to their events."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("README", "A source for scripts/acceptance.\n")
        s3 = self.place.client("s3")
        self._later(f"s3://{self.bucket}/{KEY}", lambda: _empty(s3, self.bucket))
        s3.put_object(Bucket=self.bucket, Key=KEY, Body=packed.getvalue())
        self._listen()

    def name(self) -> str:
        """Returns the name of a pipeline that does not exist, and removes it at the end."""
        self._count += 1
        name = self.place.clone_name(STORY_NUMBER + self._count)
        self._later(f"pipeline {name}", lambda: self._codepipeline.delete_pipeline(name=name))
        return name

    def declaration(self, name: str, **changes: Any) -> Json:
        """Returns a pipeline that waits for an approval, so that it keeps running."""
        source = {
            "name": "Source",
            "actionTypeId": _type("Source", "S3"),
            "configuration": {
                "S3Bucket": self.bucket,
                "S3ObjectKey": KEY,
                "PollForSourceChanges": "false",
            },
            "outputArtifacts": [{"name": "Source"}],
        }
        approval = {"name": "Wait", "actionTypeId": _type("Approval", "Manual")}
        return {
            "name": name,
            "roleArn": self.role,
            "artifactStore": {"type": "S3", "location": self.bucket},
            "pipelineType": "V2",
            "stages": [
                {"name": "Source", "actions": [source]},
                {"name": "Approval", "actions": [approval]},
            ],
            **changes,
        }

    def create(self, tags: list[Json] | None = None, **changes: Any) -> str:
        """Creates a pipeline and returns its name."""
        name = self.name()
        declaration = self.declaration(name, **changes)
        declaration = {key: value for key, value in declaration.items() if value is not None}
        self._codepipeline.create_pipeline(pipeline=declaration, tags=tags or [])
        return name

    def running(self) -> tuple[str, str]:
        """Creates a pipeline, and returns its name and that of its execution, which runs."""
        name = self.create()
        self.place.wait("an execution", lambda: self.place.executions(name))
        self.place.let_run(name, "", begin=True)
        number = self.place.executions(name)[0]["pipelineExecutionId"]
        self.place.wait("its state", lambda: self.status(name, number) == "InProgress")
        return name, number

    def status(self, pipeline: str, number: str) -> str:
        """Returns the status of an execution."""
        for each in self.place.executions(pipeline):
            if each["pipelineExecutionId"] == number:
                return str(each["status"])
        return "not listed"

    def has_ended(self, pipeline: str, number: str) -> bool:
        """Returns whether an execution has ended."""
        return self.status(pipeline, number) not in ("InProgress", "Stopping")

    def source_result(self, pipeline: str, number: str) -> tuple[str, str] | None:
        """Returns the commit and the status of an execution's source action that has ended."""
        listed = self._codepipeline.list_action_executions(
            pipelineName=pipeline, filter={"pipelineExecutionId": number}
        )
        for each in listed["actionExecutionDetails"]:
            kind = each.get("input", {}).get("actionTypeId", {}).get("category")
            if kind == "Source" and each["status"] != "InProgress":
                result = each.get("output", {}).get("executionResult", {})
                return str(result.get("externalExecutionId") or ""), str(each["status"])
        return None

    def queue(self, suffix: str, **attributes: str) -> str:
        """Creates a queue and returns its address."""
        made = self._sqs.create_queue(
            QueueName=f"{self.place.name}-{suffix}", Attributes=attributes
        )
        url = str(made["QueueUrl"])
        self._later(f"queue {url}", lambda: self._sqs.delete_queue(QueueUrl=url))
        return url

    def arn(self, queue: str) -> str:
        """Returns the ARN of a queue."""
        found = self._sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        return str(found["Attributes"]["QueueArn"])

    def received(self) -> Iterator[Json]:
        """Yields the events that have arrived, in the order of their arrival."""
        while True:
            answer = self._sqs.receive_message(
                QueueUrl=self.events, MaxNumberOfMessages=10, WaitTimeSeconds=0
            )
            messages = answer.get("Messages", [])
            if not messages:
                return
            for message in messages:
                handle = message["ReceiptHandle"]
                self._sqs.delete_message(QueueUrl=self.events, ReceiptHandle=handle)
                yield json.loads(message["Body"])

    def close(self) -> list[str]:
        """Removes everything, the newest first, and returns what could not be removed."""
        left = []
        while self._undo:
            what, undo = self._undo.pop()
            try:
                undo()
            except ClientError as error:
                left.append(f"{what}: {error}")
        return left

    def _later(self, what: str, undo: Callable[[], Any]) -> None:
        self._undo.append((what, undo))

    def _listen(self) -> None:
        events = self.place.client("events")
        rule = f"{self.place.name}-events"
        self.events = self.queue("events")
        beginning = self.place.clone_name(STORY_NUMBER)[:-3]
        pattern = {"source": ["aws.codepipeline"], "detail": {"pipeline": [{"prefix": beginning}]}}
        self._later(f"rule {rule}", lambda: events.delete_rule(Name=rule))
        arn = events.put_rule(Name=rule, EventPattern=json.dumps(pattern))["RuleArn"]
        queue = self.arn(self.events)
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue,
            "Condition": {"ArnEquals": {"aws:SourceArn": arn}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._sqs.set_queue_attributes(QueueUrl=self.events, Attributes={"Policy": policy})
        self._later("target", lambda: events.remove_targets(Rule=rule, Ids=["queue"]))
        events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": queue}])


def milliseconds(since: float) -> str:
    """Returns the time since a value of `time.monotonic`, as text."""
    return f"{(time.monotonic() - since) * 1000:.0f} ms"


def _type(category: str, provider: str) -> dict[str, str]:
    return {"category": category, "owner": "AWS", "provider": provider, "version": "1"}


def _empty(s3: Any, bucket: str) -> None:
    """Deletes every version of the source."""
    listed = s3.list_object_versions(Bucket=bucket, Prefix=KEY)
    for each in [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]:
        s3.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])
