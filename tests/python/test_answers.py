"""Tests the answers of the running emulator to single requests, as an SDK reads them."""

import json
import tempfile
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import support
from botocore.config import Config
from botocore.exceptions import ClientError

from _common.isolation import REGION, isolate
from _sandbox import account, aws, emulator, world

assert support  # it makes the scripts' packages importable


class Answers(unittest.TestCase):
    """Refusals have the codes of AWS, and requests are read as AWS reads them."""

    endpoint: str
    made: account.Account

    @classmethod
    def setUpClass(cls) -> None:
        isolate()
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        moto = cls.enterClassContext(emulator.running(Path(folder) / "moto.log"))
        cls.endpoint = moto.endpoint
        cls.made = account.make(moto.endpoint)

    def client(self, service: str) -> Any:
        """Returns a client that sends what it is given."""
        config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
        return boto3.client(service, REGION, endpoint_url=self.endpoint, config=config)

    def assert_code(self, code: str, call: Callable[..., object], **parameters: Any) -> None:
        """Checks that a call is refused with HTTP status 400 and a code."""
        with self.assertRaises(ClientError) as caught:
            call(**parameters)
        answer = caught.exception.response
        self.assertEqual(answer["Error"]["Code"], code)
        self.assertEqual(answer["ResponseMetadata"]["HTTPStatusCode"], 400)
        self.assertTrue(answer["Error"]["Message"])
        # JsonRESTError of moto has the second type.
        kinds = "^application/x-amz-json-1|^application/json$|^(text|application)/xml"
        self.assertRegex(answer["ResponseMetadata"]["HTTPHeaders"]["content-type"], kinds)

    def test_each_service_answers_in_its_protocol(self) -> None:
        """JSON, JSON with SQS's old codes, and XML."""
        table = self.client("dynamodb")
        self.assert_code("ValidationException", table.get_item, TableName=self.made.table)
        self.assert_code(
            "SerializationException", table.get_item, TableName="x", Key={}, ConsistentRead="x"
        )
        queue = self.client("sqs")
        url = self.made.webhooks
        self.assert_code("MissingParameter", queue.send_message, QueueUrl=url)
        self.assert_code(
            "InvalidParameterValue", queue.receive_message, QueueUrl=url, MaxNumberOfMessages=11
        )
        pipelines = self.client("codepipeline")
        self.assert_code("ValidationException", pipelines.get_pipeline, name="a b")
        self.assert_code("ValidationError", self.client("iam").get_role, RoleName="a b")

    def test_pipelines_that_exist_or_not(self) -> None:
        """moto has other errors for these, and stores a pipeline whose tags it refuses."""
        pipelines = self.client("codepipeline")
        role = pipelines.get_pipeline(name=self.made.template)["pipeline"]["roleArn"]
        taken = account.template(role)
        self.assert_code("PipelineNameInUseException", pipelines.create_pipeline, pipeline=taken)
        absent = taken | {"name": "absent"}
        self.assert_code("PipelineNotFoundException", pipelines.update_pipeline, pipeline=absent)
        tags = [{"key": "aws:x", "value": "y"}]
        self.assert_code(
            "InvalidTagsException", pipelines.create_pipeline, pipeline=absent, tags=tags
        )
        self.assert_code("PipelineNotFoundException", pipelines.get_pipeline, name="absent")
        self.assert_code(
            "ValidationException",
            pipelines.start_pipeline_execution,
            name=self.made.template,
            variables=[{"name": "a", "value": "1"}],
        )

    def test_executions(self) -> None:
        """One comes with the pipeline, and one with each token; they are listed in pages."""
        pipelines = aws.client("codepipeline", self.endpoint)
        name = self.made.template
        revision = {
            "actionName": "Source",
            "revisionType": "COMMIT_ID",
            "revisionValue": "a" * 40,
        }
        started = [
            pipelines.start_pipeline_execution(
                name=name, sourceRevisions=[revision], clientRequestToken=token
            )["pipelineExecutionId"]
            for token in ("one", "one", "two")
        ]
        self.assertEqual(started[0], started[1])
        pages = pipelines.get_paginator("list_pipeline_executions").paginate(
            pipelineName=name, PaginationConfig={"PageSize": 2}
        )
        listed = [page["pipelineExecutionSummaries"] for page in pages]
        self.assertEqual([len(page) for page in listed], [2, 1])
        newest, _, first = [one for page in listed for one in page]
        self.assertEqual(newest["pipelineExecutionId"], started[2])
        self.assertEqual(newest["sourceRevisions"][0]["revisionId"], "a" * 40)
        self.assertEqual(first["trigger"]["triggerType"], "CreatePipeline")

    def test_a_token_is_masked(self) -> None:
        """GetPipeline shows no token of a version 1 source."""
        pipelines = aws.client("codepipeline", self.endpoint)
        role = pipelines.get_pipeline(name=self.made.template)["pipeline"]["roleArn"]
        secret = account.template(role) | {"name": "secret", "triggers": []}
        secret["stages"][0]["actions"][0]["configuration"]["OAuthToken"] = "token"
        pipelines.create_pipeline(pipeline=secret)
        found = pipelines.get_pipeline(name="secret")["pipeline"]
        self.assertEqual(world.source_of({"pipeline": found})["OAuthToken"], "****")
        pipelines.delete_pipeline(name="secret")

    def test_tagged_pipelines_are_listed_in_pages(self) -> None:
        """GetResources has the pipelines with a tag, and no other; a wrong request is refused."""
        pipelines = aws.client("codepipeline", self.endpoint)
        role = pipelines.get_pipeline(name=self.made.template)["pipeline"]["roleArn"]
        for name, value in (("one", "ours"), ("two", "ours"), ("three", "theirs")):
            pipeline = account.template(role) | {"name": name}
            pipelines.create_pipeline(pipeline=pipeline, tags=[{"key": "owner", "value": value}])
        tags = self.client("resourcegroupstaggingapi")
        wanted = {
            "ResourceTypeFilters": ["codepipeline"],
            "TagFilters": [{"Key": "owner", "Values": ["ours"]}],
        }
        pages = tags.get_paginator("get_resources").paginate(**wanted, ResourcesPerPage=1)
        found = [page["ResourceTagMappingList"] for page in pages]
        self.assertEqual([len(page) for page in found], [1, 1])
        arns = {resource["ResourceARN"].rpartition(":")[2] for page in found for resource in page}
        self.assertEqual(arns, {"one", "two"})
        self.assertEqual(found[0][0]["Tags"], [{"Key": "owner", "Value": "ours"}])
        wanted["TagFilters"] = [{"Key": "k" * 129}]
        self.assert_code("ValidationException", tags.get_resources, **wanted)
        for name in ("one", "two", "three"):
            pipelines.delete_pipeline(name=name)

    def test_a_moved_message_names_its_source(self) -> None:
        """The daemon tells by it what SQS itself dead-lettered."""
        queue = aws.client("sqs", self.endpoint)
        dead = queue.create_queue(QueueName="dead")["QueueUrl"]
        arns = [
            queue.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
            for url in (dead, queue.create_queue(QueueName="source")["QueueUrl"])
        ]
        policy = {"deadLetterTargetArn": arns[0]["QueueArn"], "maxReceiveCount": 1}
        source = queue.get_queue_url(QueueName="source")["QueueUrl"]
        attributes = {"RedrivePolicy": json.dumps(policy)}
        queue.set_queue_attributes(QueueUrl=source, Attributes=attributes)
        queue.send_message(QueueUrl=source, MessageBody="moved")
        queue.send_message(QueueUrl=dead, MessageBody="sent")
        for _ in range(2):
            queue.receive_message(QueueUrl=source, VisibilityTimeout=0)
        received = queue.receive_message(
            QueueUrl=dead, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
        )
        name = "DeadLetterQueueSourceArn"
        sources = {one["Body"]: one["Attributes"].get(name) for one in received["Messages"]}
        self.assertEqual(sources, {"moved": arns[1]["QueueArn"], "sent": None})

    def test_an_invalid_message_of_a_batch_fails_alone(self) -> None:
        """The others are sent."""
        queue = aws.client("sqs", self.endpoint)
        url = self.made.quarantine
        for bodies in ({"good": "x", "bad": "\ufffe"}, {"bad": "\ufffe"}):
            entries = [{"Id": name, "MessageBody": body} for name, body in bodies.items()]
            answer = queue.send_message_batch(QueueUrl=url, Entries=entries)
            self.assertEqual([one["Id"] for one in answer["Failed"]], ["bad"])
            self.assertEqual(answer["Failed"][0]["Code"], "InvalidMessageContents")
            sent = [one["Id"] for one in answer.get("Successful", [])]
            self.assertEqual(sent, [name for name in bodies if name == "good"])

    def test_text_in_a_body_is_not_a_request(self) -> None:
        """moto reads a JSON body as a form, too."""
        queue = aws.client("sqs", self.endpoint)
        url = self.made.internal
        body = "a&Action=DeleteQueue&QueueUrl=x&b"
        queue.send_message(QueueUrl=url, MessageBody=body)
        [message] = queue.receive_message(QueueUrl=url)["Messages"]
        self.assertEqual(message["Body"], body)
        pipelines = aws.client("codepipeline", self.endpoint)
        pipeline = pipelines.get_pipeline(name=self.made.template)["pipeline"]
        build = pipeline["stages"][1]["actions"][0]["configuration"]
        build["ProjectName"] = "a&pipeline=x&Action=DeletePipeline&b"
        pipelines.update_pipeline(pipeline=pipeline)
        found = pipelines.get_pipeline(name=self.made.template)["pipeline"]
        self.assertEqual(found["stages"], pipeline["stages"])


if __name__ == "__main__":
    unittest.main()
