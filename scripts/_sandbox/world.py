"""Looking into the emulator: what there is, never what was called. Used by the demo and by `sandbox status`."""

from typing import Any

from . import aws
from .account import Account

Item = dict[str, str]
"""A row of the table, as text: numbers too, since nothing here calculates."""


class World:
    """The account's queues, pipelines and table, as they are at the moment of each question."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._sqs = aws.client("sqs", account.endpoint)
        self._codepipeline = aws.client("codepipeline", account.endpoint)
        self._dynamodb = aws.client("dynamodb", account.endpoint)

    def depth(self, queue_url: str) -> tuple[int, int]:
        """Messages that wait (delayed ones too), and messages in work."""
        waiting, delayed, working = (
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesDelayed",
            "ApproximateNumberOfMessagesNotVisible",
        )
        found = self._sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=[waiting, delayed, working])[
            "Attributes"
        ]
        return int(found[waiting]) + int(found[delayed]), int(found[working])

    def is_drained(self) -> bool:
        """Whether every webhook has been acknowledged or buried.

        Asked twice: moto counts one state after the other, and misses a message that goes from waiting to in work
        in between.
        """
        return all(self.depth(self._account.webhooks) == (0, 0) for _ in range(2))

    def letters(self, queue_url: str) -> list[dict[str, Any]]:
        """The messages of a queue. A visibility of 0 leaves them where they are."""
        received = self._sqs.receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        return list(received.get("Messages", []))

    def clones(self) -> list[str]:
        """The names of all pipelines but the template."""
        listed = self._codepipeline.list_pipelines()["pipelines"]
        return [pipeline["name"] for pipeline in listed if pipeline["name"] != self._account.template]

    def pipeline(self, name: str) -> dict[str, Any]:
        """A pipeline that exists, as GetPipeline has it."""
        return dict(self._codepipeline.get_pipeline(name=name))

    def executions(self, name: str) -> list[dict[str, Any]]:
        """A pipeline's executions. The emulator starts none by itself when a pipeline is made, as AWS does."""
        listed = self._codepipeline.list_pipeline_executions(pipelineName=name)
        return list(listed["pipelineExecutionSummaries"])

    def tags(self, arn: str) -> dict[str, str]:
        """A pipeline's tags."""
        listed = self._codepipeline.list_tags_for_resource(resourceArn=arn)["tags"]
        return {tag["key"]: tag["value"] for tag in listed}

    def mapping(self, pk: str, sk: str) -> Item | None:
        """One row, read consistently."""
        found = self._dynamodb.get_item(
            TableName=self._account.table, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True
        )
        return _text(found["Item"]) if "Item" in found else None

    def mappings(self) -> list[Item]:
        """Every subject's mapping."""
        return [item for item in self._items() if item["sk"].startswith(("PR#", "BRANCH#"))]

    def history(self) -> list[Item]:
        """Every audit entry, in the order of the events."""
        return [item for item in self._items() if item["sk"].startswith("AUDIT#")]

    def _items(self) -> list[Item]:
        """The whole table. The daemon never scans; to look at a sandbox it is the simplest way."""
        pages = self._dynamodb.get_paginator("scan").paginate(TableName=self._account.table)
        items = [_text(item) for page in pages for item in page["Items"]]
        return sorted(items, key=lambda item: (item["pk"], item["sk"]))


def source_of(pipeline: dict[str, Any]) -> dict[str, str]:
    """The configuration of a pipeline's source action."""
    return dict(pipeline["pipeline"]["stages"][0]["actions"][0]["configuration"])


def _text(item: dict[str, dict[str, Any]]) -> Item:
    return {name: str(next(iter(value.values()))) for name, value in item.items()}
