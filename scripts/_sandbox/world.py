"""Reads what exists in the emulator, never what was called."""

from typing import Any

from _common.problem import Problem

from . import aws, preview
from .account import Account, audit_table

Item = dict[str, str]
"""A row of the table as text. Numbers are text as well, because nothing here calculates."""


class World:
    """The queues, pipelines and table of the account, read anew by each method."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._sqs = aws.client("sqs", account.endpoint)
        self._codepipeline = aws.client("codepipeline", account.endpoint)
        self._dynamodb = aws.client("dynamodb", account.endpoint)
        self._cloudformation = aws.client("cloudformation", account.endpoint)

    def depth(self, queue_url: str) -> tuple[int, int]:
        """Returns the number of waiting messages, with delayed ones, and of messages in flight."""
        waiting = "ApproximateNumberOfMessages"
        delayed = "ApproximateNumberOfMessagesDelayed"
        in_flight = "ApproximateNumberOfMessagesNotVisible"
        answer = self._sqs.get_queue_attributes(
            QueueUrl=queue_url, AttributeNames=[waiting, delayed, in_flight]
        )
        found = answer["Attributes"]
        return int(found[waiting]) + int(found[delayed]), int(found[in_flight])

    def is_drained(self) -> bool:
        """Returns whether the daemon has processed every message of its two queues.

        It reads twice: moto counts one state after the other, and misses a message that goes from
        waiting to in flight in between.
        """
        queues = (self._account.webhooks, self._account.internal)
        return all(self.depth(url) == (0, 0) for _ in range(2) for url in queues)

    def messages(self, queue_url: str) -> list[dict[str, Any]]:
        """Returns the first ten messages of a queue. A visibility of 0 leaves them visible."""
        received = self._sqs.receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        return list(received.get("Messages", []))

    def clones(self) -> list[str]:
        """Returns the names of all pipelines except the templates."""
        templates = (self._account.template, preview.TEMPLATE, preview.TEARDOWN)
        return [name for name in self._pipeline_names() if name not in templates]

    def templates(self) -> list[str]:
        """Returns the names of the templates that exist."""
        templates = (self._account.template, preview.TEMPLATE, preview.TEARDOWN)
        return [name for name in self._pipeline_names() if name in templates]

    def _pipeline_names(self) -> list[str]:
        return [each["name"] for each in self._codepipeline.list_pipelines()["pipelines"]]

    def pipeline(self, name: str) -> dict[str, Any]:
        """Returns the answer of GetPipeline for an existing pipeline."""
        return dict(self._codepipeline.get_pipeline(name=name))

    def executions(self, name: str) -> list[dict[str, Any]]:
        """Returns the executions of a pipeline, the newest first."""
        listed = self._codepipeline.list_pipeline_executions(pipelineName=name)
        return list(listed["pipelineExecutionSummaries"])

    def stacks(self) -> dict[str, dict[str, str]]:
        """Returns the outputs of every stack by the name of the stack."""
        return {
            stack["StackName"]: {
                output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])
            }
            for stack in self._cloudformation.describe_stacks()["Stacks"]
        }

    def protect(self, stack: str, *, protected: bool) -> None:
        """Protects a stack from its deletion, or ends that."""
        there = self.stacks()
        if stack not in there:
            names = ", ".join(sorted(there)) or "none"
            raise Problem(f"there is no stack {stack}; the stacks of the sandbox: {names}")
        self._cloudformation.update_termination_protection(
            StackName=stack, EnableTerminationProtection=protected
        )

    def tags(self, arn: str) -> dict[str, str]:
        """Returns the tags of a pipeline."""
        listed = self._codepipeline.list_tags_for_resource(resourceArn=arn)["tags"]
        return {tag["key"]: tag["value"] for tag in listed}

    def mapping(self, pk: str, sk: str) -> Item | None:
        """Returns one row, read consistently."""
        found = self._dynamodb.get_item(
            TableName=self._account.table,
            Key={"pk": {"S": pk}, "sk": {"S": sk}},
            ConsistentRead=True,
        )
        return _text(found["Item"]) if "Item" in found else None

    def mappings(self) -> list[Item]:
        """Returns the mapping of every subject."""
        rows = self._items(self._account.table)
        return [item for item in rows if item["sk"].startswith(("PR#", "BRANCH#"))]

    def history(self) -> list[Item]:
        """Returns the audit entry of every change, by subject and in their order."""
        entries = self._items(audit_table(self._account.table))
        return [item for item in entries if item["sk"].startswith("CHANGE#")]

    def _items(self, table: str) -> list[Item]:
        """Returns a whole table by a scan, which the daemon never does."""
        pages = self._dynamodb.get_paginator("scan").paginate(TableName=table)
        items = [_text(item) for page in pages for item in page["Items"]]
        return sorted(items, key=lambda item: (item["pk"], item["sk"]))


def source_of(pipeline: dict[str, Any]) -> dict[str, str]:
    """Returns the configuration of the source action of a pipeline."""
    return dict(pipeline["pipeline"]["stages"][0]["actions"][0]["configuration"])


def _text(item: dict[str, dict[str, Any]], prefix: str = "") -> Item:
    """Returns an item with texts for values. `desired.reason` is an attribute in a map."""
    texts: Item = {}
    for name, typed in item.items():
        kind, value = next(iter(typed.items()))
        if kind == "M":
            texts |= _text(value, f"{prefix}{name}.")
        else:
            texts[prefix + name] = str(value)
    return texts
