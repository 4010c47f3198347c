"""Tests that the emulator refuses the requests that AWS refuses, with AWS's errors."""

import copy
import unittest
from collections.abc import Callable
from typing import Any

import support
from botocore.model import Shape
from botocore.session import get_session

from _sandbox import account
from _sandbox.request_rules import codepipeline, dynamodb, sqs
from _sandbox.request_rules.refusal import Refusal, from_violations
from _sandbox.request_rules.violations import find

assert support  # it makes the scripts' packages importable

Json = dict[str, Any]
ROLE = "arn:aws:iam::123456789012:role/api-pipeline"


def shape(service: str, operation: str) -> Shape:
    """Returns the shape of an operation's parameters."""
    found = get_session().get_service_model(service).operation_model(operation).input_shape
    assert found is not None
    return found


def refusal(service: str, operation: str, request: object, protocol: str = "json") -> Refusal:
    """Returns the answer to a request that the service model forbids."""
    return from_violations(service, protocol, list(find(shape(service, operation), request)))


class ServiceModels(unittest.TestCase):
    """Violations of the service models, and the wording of AWS."""

    def test_a_valid_request_has_no_violations(self) -> None:
        """The sandbox's template pipeline, whose shapes are as deep as any."""
        request = {"pipeline": account.template(ROLE)}
        self.assertEqual(list(find(shape("codepipeline", "CreatePipeline"), request)), [])

    def test_every_violation_is_named(self) -> None:
        """All at once, each with the path that AWS writes."""
        pipeline = account.template(ROLE)
        pipeline["roleArn"] = "role"
        pipeline["name"] = "a b"
        pipeline["pipelineType"] = "V3"
        action = pipeline["stages"][1]["actions"][0]
        del action["actionTypeId"]["provider"]
        action["runOrder"] = 1000
        pipeline["stages"][1]["name"] = ""
        found = refusal("codepipeline", "CreatePipeline", {"pipeline": pipeline})
        self.assertEqual(found.code, "ValidationException")
        self.assertIn("7 validation errors detected: ", found.message)
        action_type = "pipeline.stages.2.member.actions.1.member.actionTypeId"
        for place, constraint in (
            ("'a b' at 'pipeline.name'", r"regular expression pattern: [A-Za-z0-9.@\-_]+"),
            ("'V3' at 'pipeline.pipelineType'", "Member must satisfy enum value set: [V1, V2]"),
            (f"null at '{action_type}.provider'", "Member must not be null"),
            (
                "'1000' at 'pipeline.stages.2.member.actions.1.member.runOrder'",
                "Member must have value less than or equal to 999",
            ),
            (
                "'' at 'pipeline.stages.2.member.name'",
                "Member must have length greater than or equal to 1",
            ),
            ("'role' at 'pipeline.roleArn'", "Member must satisfy regular expression pattern"),
        ):
            text = f"Value {place} failed to satisfy constraint: "
            self.assertIn(text, found.message)
            self.assertIn(constraint, found.message)

    def test_types_and_unknown_members(self) -> None:
        """AWS cannot read the first ones, and ignores the last one."""
        for request in (
            {"name": 5},
            {"name": ["x"]},
            {"name": "x", "variables": {}},
            {"name": "x", "variables": [None]},
            {"name": "x", "branch": "main"},
            [],
        ):
            with self.subTest(request):
                found = refusal("codepipeline", "StartPipelineExecution", request)
                self.assertEqual(found.code, "SerializationException")

    def test_lists_maps_and_numbers_have_bounds(self) -> None:
        """DynamoDB's and EventBridge's, as examples of other services."""
        found = refusal("dynamodb", "TransactWriteItems", {"TransactItems": []})
        self.assertIn("at 'transactItems' failed to satisfy constraint", found.message)
        self.assertIn("length greater than or equal to 1", found.message)
        found = refusal("dynamodb", "Query", {"TableName": "t", "Limit": 0})
        self.assertIn("value greater than or equal to 1", found.message)
        found = refusal("dynamodb", "GetItem", {"TableName": "t", "Key": {"x" * 65_536: {}}})
        self.assertIn("length less than or equal to 65535", found.message)
        found = refusal("events", "PutRule", {"Name": "a b"})
        self.assertEqual(found.code, "ValidationException")

    def test_a_service_with_forms_has_another_code(self) -> None:
        """CloudFormation and IAM."""
        found = refusal("cloudformation", "DescribeStacks", {"StackName": ""}, "query")
        self.assertEqual(found.code, "ValidationError")

    def test_patterns_of_java(self) -> None:
        """Python has no name for Unicode's letters."""
        tag = {"Key": "größe 1", "Value": "x"}
        request = {"RoleName": "x", "Tags": [tag]}
        self.assertEqual(list(find(shape("iam", "TagRole"), request)), [])
        tag["Key"] = "a<b"
        self.assertEqual(len(list(find(shape("iam", "TagRole"), request))), 1)

    def test_secrets_are_not_shown(self) -> None:
        """AWS's own messages leave them out."""
        request = {"token": "", "serverType": "GITHUB", "authType": "OAUTH"}
        found = refusal("codebuild", "ImportSourceCredentials", request)
        self.assertIn("Value at 'token' failed", found.message)

    def test_sqs_has_its_own_errors(self) -> None:
        """They tell one problem at a time."""
        found = refusal("sqs", "SendMessage", {"QueueUrl": "x"})
        self.assertEqual(found.code, "MissingParameter")
        self.assertEqual(found.message, "The request must contain the parameter MessageBody.")
        request = {"QueueUrl": "x", "AttributeNames": ["Depth"]}
        found = refusal("sqs", "GetQueueAttributes", request)
        self.assertEqual(found.code, "InvalidAttributeName")


class Rules(unittest.TestCase):
    """The rules that the models leave out."""

    def assert_refused(self, check: Callable[[], None], code: str, text: str) -> None:
        """Checks that a request is refused with a code and a text."""
        with self.assertRaises(Refusal) as caught:
            check()
        self.assertEqual(caught.exception.code, code)
        self.assertIn(text, caught.exception.message)

    def test_messages(self) -> None:
        """Bodies, attributes and numbers of SQS."""
        good: Json = {"QueueUrl": "x", "MessageBody": "x"}
        sqs.check("SendMessage", good | {"MessageAttributes": _attributes(10)})
        body = "x" * (sqs.MAX_MESSAGE_BYTES - len("aString" + "v"))
        sqs.check("SendMessage", good | {"MessageBody": body, "MessageAttributes": _text(a="v")})
        for change, code, text in (
            ({"MessageBody": ""}, "MissingParameter", "MessageBody"),
            ({"MessageBody": "\ufffe"}, "InvalidMessageContents", "characters"),
            ({"MessageBody": "é" * 600_000}, "InvalidParameterValue", "1048576 bytes"),
            (
                {"MessageBody": body + "x", "MessageAttributes": _text(a="v")},
                "InvalidParameterValue",
                "1048576 bytes",
            ),
            ({"MessageAttributes": _attributes(11)}, "InvalidParameterValue", "[11]"),
            ({"MessageAttributes": _text(a="")}, "InvalidParameterValue", "non-empty"),
            ({"MessageAttributes": _text(a="\x00")}, "InvalidParameterValue", "characters"),
            ({"MessageAttributes": _text(**{"aws.x": "1"})}, "InvalidParameterValue", "name"),
            ({"MessageAttributes": _text(**{"a..x": "1"})}, "InvalidParameterValue", "name"),
            ({"MessageAttributes": {"a": {"DataType": "Text"}}}, "InvalidParameterValue", "type"),
            ({"DelaySeconds": 901}, "InvalidParameterValue", "between 0 and 900"),
            ({"MessageGroupId": ""}, "InvalidParameterValue", "MessageGroupId"),
            ({"MessageGroupId": "a b"}, "InvalidParameterValue", "MessageGroupId"),
        ):
            with self.subTest(str(change)[:80]):
                self.assert_refused(lambda c=change: sqs.check("SendMessage", good | c), code, text)

    def test_receiving(self) -> None:
        """The ranges of ReceiveMessage and ChangeMessageVisibility."""
        for name, least, most in (
            ("MaxNumberOfMessages", 1, 10),
            ("WaitTimeSeconds", 0, 20),
            ("VisibilityTimeout", 0, 43_200),
        ):
            for value in (least, most):
                sqs.check("ReceiveMessage", {name: value})
            for value in (least - 1, most + 1):
                request = {name: value}
                text = f"Must be between {least} and {most}"
                self.assert_refused(
                    lambda r=request: sqs.check("ReceiveMessage", r), "InvalidParameterValue", text
                )

    def test_batches(self) -> None:
        """Their entries have distinct ids, and fit together into one message."""
        half = {"MessageBody": "x" * (sqs.MAX_MESSAGE_BYTES // 2 + 1)}
        for entries, code in (
            ([], "EmptyBatchRequest"),
            ([{"Id": str(number)} for number in range(11)], "TooManyEntriesInBatchRequest"),
            ([{"Id": "a"}, {"Id": "a"}], "BatchEntryIdsNotDistinct"),
            ([{"Id": "a.b"}], "InvalidBatchEntryId"),
            ([{"Id": "a", **half}, {"Id": "b", **half}], "BatchRequestTooLong"),
        ):
            self.assert_refused(
                lambda e=entries: sqs.check("SendMessageBatch", {"Entries": e}),
                f"AWS.SimpleQueueService.{code}",
                "",
            )

    def test_values_of_items(self) -> None:
        """Each has one type; numbers have limits; sets are neither empty nor repeat a value."""
        deep: Json = {"S": "x"}
        for _ in range(40):
            deep = {"M": {"a": deep}}
        for value, text in (
            ({}, "is empty"),
            ({"S": "x", "N": "1"}, "more than one"),
            ({"N": ""}, "numeric value"),
            ({"N": "one"}, "number"),
            ({"N": "NaN"}, "number"),
            ({"N": "1e126"}, "overflow"),
            ({"N": "1e-131"}, "underflow"),
            ({"N": "1" * 39}, "38 significant digits"),
            ({"SS": []}, "may not be empty"),
            ({"NS": ["1", "1.0"]}, "duplicates"),
            ({"NULL": False}, "value of true"),
            ({"L": [{"M": {"a": {"N": "x"}}}]}, "number"),
            (deep, "Nesting"),
        ):
            with self.subTest(str(value)[:80]):
                put = {"Put": {"TableName": "t", "Item": {"pk": {"S": "x"}, "a": value}}}
                request = {"TransactItems": [put]}
                self.assert_refused(
                    lambda r=request: dynamodb.check("TransactWriteItems", r),
                    "ValidationException",
                    text,
                )
        numbers = {str(n): {"N": n} for n in ("0", "-1.50", "1e125", "1" * 38, "0.1")}
        dynamodb.check("PutItem", {"TableName": "t", "Item": numbers})

    def test_placeholders_of_expressions(self) -> None:
        """Each is used, and each one that is used is there."""
        names = {"ExpressionAttributeNames": {"#a": "a"}}
        values = {"ExpressionAttributeValues": {":v": {"S": "x"}}}
        dynamodb.check("Query", {"KeyConditionExpression": "#a = :v", **names, **values})
        for request, text in (
            (names, "can only be specified"),
            ({"FilterExpression": "#a = :v", "ExpressionAttributeNames": {}}, "must not be empty"),
            ({"FilterExpression": "a = :v", **names, **values}, "unused in expressions: keys: {#a"),
            ({"FilterExpression": "#a = b", **names, **values}, "unused in expressions: keys: {:v"),
            ({"FilterExpression": "#a = :w", **names}, "not defined; attribute value: :w"),
            ({"FilterExpression": "#b = :v", **values}, "not defined; attribute name: #b"),
            ({"FilterExpression": "a", "ExpressionAttributeNames": {"a": "a"}}, "invalid key"),
        ):
            with self.subTest(str(request)):
                self.assert_refused(
                    lambda r=request: dynamodb.check("Query", r), "ValidationException", text
                )

    def test_pipelines(self) -> None:
        """Stages, actions, artifacts and what only V2 has."""
        codepipeline.check("CreatePipeline", {"pipeline": account.template(ROLE)})
        structure, action = "InvalidStructureException", "InvalidActionDeclarationException"
        for change, code, text in (
            (lambda p: p["stages"].pop(), structure, "1 stage(s)"),
            (lambda p: p["stages"].append(p["stages"][1]), structure, "unique"),
            (lambda p: p["stages"].reverse(), structure, "source actions only"),
            (lambda p: p.pop("artifactStore"), structure, "artifactStore"),
            (lambda p: p.update(pipelineType="V1"), structure, "V2"),
            (lambda p: _build(p).pop("outputArtifacts", None), None, ""),
            (lambda p: _build(p).update(inputArtifacts=[{"name": "x"}]), action, "earlier action"),
            (
                lambda p: _build(p).update(outputArtifacts=[{"name": "SourceOutput"}]),
                action,
                "more than once",
            ),
            (
                lambda p: p["stages"][1].update(actions=[]),
                "InvalidStageDeclarationException",
                "at least one",
            ),
            (
                lambda p: p["stages"][1]["actions"].append(_build(p)),
                action,
                "unique within a stage",
            ),
            (
                lambda p: p["stages"][0]["actions"][0].update(name="Other"),
                structure,
                "source action Source",
            ),
            (lambda p: p.update(variables=[{"name": "a"}] * 2), structure, "unique"),
        ):
            pipeline = copy.deepcopy(account.template(ROLE))
            change(pipeline)
            request = {"pipeline": pipeline}
            with self.subTest(text):
                if code is None:
                    codepipeline.check("CreatePipeline", request)
                    continue
                self.assert_refused(
                    lambda r=request: codepipeline.check("UpdatePipeline", r), code, text
                )

    def test_tags(self) -> None:
        """Letters and digits of every language, and some signs."""
        for key, value in (("größe", "a + b = c"), ("k" * 128, "v" * 256), ("a:b/c@d", "")):
            codepipeline.check("TagResource", {"tags": [{"key": key, "value": value}]})
        for key, value in (("a", "#1"), ("aws:x", "y"), ("a", "b\nc"), ("k" * 129, "")):
            tags = [{"key": key, "value": value}]
            self.assert_refused(
                lambda t=tags: codepipeline.check("TagResource", {"tags": t}),
                "InvalidTagsException",
                "",
            )

    def test_executions(self) -> None:
        """They take the variables that the pipeline declares, and its source actions."""
        pipeline = account.template(ROLE) | {"variables": [{"name": "a"}]}
        revision = {"revisionType": "COMMIT_ID", "revisionValue": "0" * 40}
        good = {
            "variables": [{"name": "a", "value": "1"}],
            "sourceRevisions": [{"actionName": "Source", **revision}],
        }
        codepipeline.check_execution(pipeline, good)
        for kind, request in (
            ("V1", good),
            ("V2", {"variables": [{"name": "b", "value": "1"}]}),
            ("V2", {"sourceRevisions": [{"actionName": "Build", **revision}]}),
        ):
            self.assert_refused(
                lambda k=kind, r=request: codepipeline.check_execution(
                    pipeline | {"pipelineType": k}, r
                ),
                "ValidationException",
                "",
            )


def _attributes(count: int) -> Json:
    return _text(**{f"a{number}": "x" for number in range(count)})


def _text(**values: str) -> Json:
    return {name: {"DataType": "String", "StringValue": value} for name, value in values.items()}


def _build(pipeline: Json) -> Json:
    found: Json = pipeline["stages"][1]["actions"][0]
    return found


if __name__ == "__main__":
    unittest.main()
