"""Tests that the emulator answers as DynamoDB and SQS do, also to several clients at a time."""

import tempfile
import unittest
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import support
from botocore.exceptions import ClientError

from _common.isolation import isolate
from _sandbox import account, aws, emulator
from _sandbox.memory import peak_megabytes
from _sandbox.moto_patches.conflicts import DoneTransactions, InFlight, Role

assert support  # it makes the scripts' packages importable

TABLE = "things"
CLIENTS = 8
Json = dict[str, Any]


class Emulated(unittest.TestCase):
    """A running emulator with one table, whose items have a key of two attributes."""

    moto: emulator.Emulator
    dynamodb: Any

    @classmethod
    def setUpClass(cls) -> None:
        isolate()
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.moto = cls.enterClassContext(emulator.running(Path(folder) / "moto.log"))
        cls.dynamodb = aws.client("dynamodb", cls.moto.endpoint)
        cls.dynamodb.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")
            ],
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
        )

    def error(self, call: Callable[[], object]) -> Json:
        """Returns the answer to a call that must fail."""
        with self.assertRaises(ClientError) as caught:
            call()
        return dict(caught.exception.response)

    def value(self, name: str) -> int | None:
        """Returns the number in an item, or None if there is no item."""
        found = self.dynamodb.get_item(TableName=TABLE, Key=key(name), ConsistentRead=True)
        return int(found["Item"]["n"]["N"]) if "Item" in found else None

    def transact(self, *actions: Json, **more: Any) -> Json:
        """Runs a transaction."""
        return dict(self.dynamodb.transact_write_items(TransactItems=list(actions), **more))


class Transactions(Emulated):
    """TransactWriteItems does all of its actions or none."""

    def test_a_refused_transaction_changes_nothing_and_says_why(self) -> None:
        """The reasons are in the order of the actions; an item is there if it was asked for."""
        self.transact(put("refused", 1))
        answer = self.error(
            lambda: self.transact(
                put("fresh", 1),
                new("refused", 4, ReturnValuesOnConditionCheckFailure="ALL_OLD"),
            )
        )
        self.assertEqual(answer["Error"]["Code"], "TransactionCanceledException")
        self.assertIn("[None, ConditionalCheckFailed]", answer["Error"]["Message"])
        self.assertEqual(
            answer["CancellationReasons"],
            [
                {"Code": "None"},
                {
                    "Code": "ConditionalCheckFailed",
                    "Message": "The conditional request failed",
                    "Item": item("refused", 1),
                },
            ],
        )
        self.assertEqual((self.value("fresh"), self.value("refused")), (None, 1))

    def test_every_kind_of_action(self) -> None:
        """A check writes nothing. Conditions see the items as they were before."""
        self.transact(put("kinds-1", 1), put("kinds-2", 1), put("kinds-3", 1))
        self.transact(
            put("kinds-4", 4),
            update("kinds-1", "ADD n :n"),
            {"Delete": {"TableName": TABLE, "Key": key("kinds-2")}},
            check("kinds-3", "attribute_exists(pk)"),
        )
        values = [self.value(f"kinds-{number}") for number in range(1, 5)]
        self.assertEqual(values, [2, None, 1, 4])

    def test_an_update_that_cannot_be_applied_undoes_the_others(self) -> None:
        """DynamoDB finds it after the conditions, so it is a cancellation reason."""
        self.transact(put("undone-1", 1), put("undone-2", 1))
        answer = self.error(
            lambda: self.transact(
                update("undone-1", "ADD n :n"),
                {"Delete": {"TableName": TABLE, "Key": key("undone-2")}},
                put("undone-3", 1),
                update("undone-4", "SET a.b.c = :n"),
            )
        )
        codes = [reason["Code"] for reason in answer["CancellationReasons"]]
        self.assertEqual(codes, ["None", "None", "None", "ValidationError"])
        values = [self.value(f"undone-{number}") for number in range(1, 5)]
        self.assertEqual(values, [1, 1, None, None])

    def test_an_item_is_named_once(self) -> None:
        """A check and a write of the same item are two actions as well."""
        for second in (put("twice", 2), check("twice", "attribute_not_exists(pk)")):
            answer = self.error(lambda second=second: self.transact(put("twice", 1), second))
            self.assertEqual(answer["Error"]["Code"], "ValidationException")
            self.assertIn("multiple operations on one item", answer["Error"]["Message"])
        self.assertIsNone(self.value("twice"))

    def test_a_repeated_token_does_nothing(self) -> None:
        """A client that lost the answer sends the same request again."""
        for _ in range(2):
            self.transact(update("token", "ADD n :n"), ClientRequestToken="one")
        self.assertEqual(self.value("token"), 1)
        other = update("token", "SET n = :n")
        answer = self.error(lambda: self.transact(other, ClientRequestToken="one"))
        self.assertEqual(answer["Error"]["Code"], "IdempotentParameterMismatchException")

    def test_a_refused_transaction_may_come_again(self) -> None:
        """Its token is not remembered."""
        wanted = update("again", "ADD n :n", ConditionExpression="attribute_exists(pk)")
        self.error(lambda: self.transact(wanted, ClientRequestToken="two"))
        self.transact(put("again", 1))
        self.transact(wanted, ClientRequestToken="two")
        self.assertEqual(self.value("again"), 2)

    def test_a_wrong_key_and_a_missing_table(self) -> None:
        """Both fail before anything is written."""
        short = {"Delete": {"TableName": TABLE, "Key": {"pk": {"S": "x"}}}}
        answer = self.error(lambda: self.transact(put("wrong", 1), short))
        self.assertEqual(answer["Error"]["Code"], "ValidationException")
        absent = {"Delete": {"TableName": "absent", "Key": key("wrong")}}
        answer = self.error(lambda: self.transact(put("wrong", 1), absent))
        self.assertEqual(answer["Error"]["Code"], "ResourceNotFoundException")
        self.assertIsNone(self.value("wrong"))


class Concurrency(Emulated):
    """Several clients at a time neither lose a write nor get an error of the emulator."""

    def test_no_write_is_lost(self) -> None:
        """Each client writes a row of its own and a shared one, beside refused transactions."""
        self.transact(put("shared", 0))
        rounds = 10

        def work(client: int) -> Counter[str]:
            answers: Counter[str] = Counter()
            for number in range(rounds):
                row = put(f"own-{client}-{number}", number)
                answers[self.code(lambda row=row: self.transact(row))] += 1
                both = (update("shared", "ADD n :n"), update(f"sum-{client}", "ADD n :n"))
                answers["both " + self.code(lambda both=both: self.transact(*both))] += 1
                refused = (put(f"never-{client}", 1), new("shared", 1))
                answers[
                    "refused " + self.code(lambda refused=refused: self.transact(*refused))
                ] += 1
            return answers

        with ThreadPoolExecutor(CLIENTS) as pool:
            answers = sum(pool.map(work, range(CLIENTS)), Counter[str]())
        self.assertEqual(answers["done"], CLIENTS * rounds)
        self.assertEqual(self.value("shared"), answers["both done"])
        sums = [self.value(f"sum-{client}") or 0 for client in range(CLIENTS)]
        self.assertEqual(sum(sums), answers["both done"])
        rest = answers["both TransactionConflict"]
        self.assertEqual(answers["both done"] + rest, CLIENTS * rounds)
        rows = [self.value(f"own-{client}-{n}") for client in range(CLIENTS) for n in range(rounds)]
        self.assertNotIn(None, rows)
        nothing = [self.value(f"never-{client}") for client in range(CLIENTS)]
        self.assertEqual(nothing, [None] * CLIENTS)

    def test_no_message_is_lost(self) -> None:
        """Messages are sent while others are received and deleted."""
        sqs = aws.client("sqs", self.moto.endpoint)
        queue = sqs.create_queue(QueueName="busy")["QueueUrl"]
        rounds = 20

        def send(client: int) -> None:
            for number in range(rounds):
                sqs.send_message(QueueUrl=queue, MessageBody=f"{client}-{number}")

        def take(_client: int) -> list[str]:
            bodies = []
            while found := sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=2).get("Messages"):
                [message] = found
                bodies.append(message["Body"])
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            return bodies

        half = CLIENTS // 2
        with ThreadPoolExecutor(CLIENTS) as pool:
            taken = pool.map(take, range(half))
            list(pool.map(send, range(half)))
            bodies = [body for found in taken for body in found]
        sent = [f"{client}-{number}" for client in range(half) for number in range(rounds)]
        self.assertEqual(sorted(bodies), sorted(sent))

    def test_a_name_is_taken_once(self) -> None:
        """Several clients create the same pipelines, while others list them."""
        role = account.make_role(aws.client("iam", self.moto.endpoint))
        pipelines = aws.client("codepipeline", self.moto.endpoint)

        def work(_client: int) -> Counter[str]:
            answers: Counter[str] = Counter()
            for number in range(20):
                made = account.template(role) | {"name": f"pipeline-{number}"}
                answers[self.code(lambda made=made: pipelines.create_pipeline(pipeline=made))] += 1
                pipelines.list_pipelines()
            return answers

        with ThreadPoolExecutor(CLIENTS) as pool:
            answers = sum(pool.map(work, range(CLIENTS)), Counter[str]())
        rest = 20 * (CLIENTS - 1)
        self.assertEqual(answers, {"done": 20, "PipelineNameInUseException": rest})

    def test_the_memory_does_not_grow_with_the_requests(self) -> None:
        """Neither transactions nor messages leave anything behind."""
        rows = [{"PutRequest": {"Item": item(f"row-{number}", 1)}} for number in range(1000)]
        for start in range(0, len(rows), 25):
            self.dynamodb.batch_write_item(RequestItems={TABLE: rows[start : start + 25]})
        sqs = aws.client("sqs", self.moto.endpoint)
        queue = sqs.create_queue(QueueName="large")["QueueUrl"]

        def work(times: int) -> float:
            for number in range(times):
                self.transact(update("row-1", "ADD n :n"), put(f"row-{number % 1000}-new", 1))
                self.error(lambda: self.transact(new("row-1", 1), put("row-2", 2)))
                sqs.send_message(QueueUrl=queue, MessageBody="x" * 500_000)
                [message] = sqs.receive_message(QueueUrl=queue)["Messages"]
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            return peak_megabytes(self.moto.pid) or 0.0

        before = work(10)
        self.assertLess(work(40) - before, 10)

    def code(self, call: Callable[[], object]) -> str:
        """Returns `done`, or the code of the refusal."""
        try:
            call()
        except ClientError as error:
            reasons = error.response.get("CancellationReasons", [])
            codes = {reason["Code"] for reason in reasons} - {"None"}
            return "+".join(sorted(codes)) or error.response["Error"]["Code"]
        return "done"


class Overlaps(unittest.TestCase):
    """Which requests exclude each other. One that is refused leaves nothing behind."""

    def test_who_excludes_whom(self) -> None:
        """Transactions exclude all, and the read of one moment is excluded by every write."""
        excluded = {
            (Role.TRANSACTION, Role.TRANSACTION),
            (Role.TRANSACTION, Role.SNAPSHOT),
            (Role.TRANSACTION, Role.WRITE),
            (Role.WRITE, Role.SNAPSHOT),
        }
        for first in Role:
            for second in Role:
                with self.subTest(first=first, second=second):
                    requests = InFlight()
                    with (
                        requests.enter(first, [("t", "1"), ("t", "2")], None),
                        requests.enter(second, [("t", "3"), ("t", "2")], None) as found,
                    ):
                        taken = (first, second) in excluded
                        self.assertEqual(found.conflicts, [False, taken])
                    with requests.enter(second, [("t", "2")], None) as found:
                        self.assertEqual(found.conflicts, [False])

    def test_a_refused_request_takes_no_item(self) -> None:
        """Its other items stay free."""
        requests = InFlight()
        with (
            requests.enter(Role.TRANSACTION, [("t", "1")], None),
            requests.enter(Role.TRANSACTION, [("t", "1"), ("t", "2")], None),
            requests.enter(Role.TRANSACTION, [("t", "2")], None) as found,
        ):
            self.assertEqual(found.conflicts, [False])

    def test_the_same_token_is_in_progress(self) -> None:
        """Until the first request ends."""
        requests = InFlight()
        with (
            requests.enter(Role.TRANSACTION, [], "one"),
            requests.enter(Role.TRANSACTION, [], "one") as found,
        ):
            self.assertTrue(found.is_in_progress)
        with requests.enter(Role.TRANSACTION, [], "one") as found:
            self.assertFalse(found.is_in_progress)

    def test_a_token_is_forgotten_after_ten_minutes(self) -> None:
        """Then it stands for a new transaction."""
        now = 0.0
        done = DoneTransactions(lambda: now)
        done.add("one", "digest")
        now = 599.0
        self.assertEqual(done.find("one"), "digest")
        now = 601.0
        self.assertIsNone(done.find("one"))


class Projects(Emulated):
    """Tests CodeBuild: what moto leaves out of it."""

    def test_an_update_replaces_what_it_names_and_the_index_of_tags_has_projects(self) -> None:
        client = aws.client("codebuild", self.moto.endpoint)
        made = account.project("arn:aws:iam::123456789012:role/service-role/build")
        client.create_project(**made)
        client.update_project(name="api-build", timeoutInMinutes=5)
        (found,) = client.batch_get_projects(names=["api-build"])["projects"]
        self.assertEqual(found["timeoutInMinutes"], 5)
        self.assertEqual(found["environment"], made["environment"])
        index = aws.client("resourcegroupstaggingapi", self.moto.endpoint)
        for kinds, expected in ((["codebuild:project"], 1), (["codepipeline:pipeline"], 0)):
            tagged = index.get_resources(
                TagFilters=[{"Key": "team", "Values": ["api"]}], ResourceTypeFilters=kinds
            )
            self.assertEqual(len(tagged["ResourceTagMappingList"]), expected)
        missing = self.error(lambda: client.update_project(name="other", timeoutInMinutes=5))
        self.assertEqual(missing["Error"]["Code"], "ResourceNotFoundException")


def key(name: str) -> Json:
    """Returns a key."""
    return {"pk": {"S": name}, "sk": {"S": "x"}}


def item(name: str, number: int) -> Json:
    """Returns an item with a number."""
    return key(name) | {"n": {"N": str(number)}}


def put(name: str, number: int, **more: Any) -> Json:
    """Returns the action that replaces an item."""
    return {"Put": {"TableName": TABLE, "Item": item(name, number), **more}}


def new(name: str, number: int, **more: Any) -> Json:
    """Returns the action that creates an item, and is refused if there is one."""
    return put(name, number, ConditionExpression="attribute_not_exists(pk)", **more)


def update(name: str, expression: str, **more: Any) -> Json:
    """Returns the action that changes an item. `:n` is the number 1."""
    values = {":n": {"N": "1"}}
    action = {"UpdateExpression": expression, "ExpressionAttributeValues": values}
    return {"Update": {"TableName": TABLE, "Key": key(name), **action, **more}}


def check(name: str, condition: str) -> Json:
    """Returns the action that only evaluates a condition."""
    return {
        "ConditionCheck": {"TableName": TABLE, "Key": key(name), "ConditionExpression": condition}
    }


if __name__ == "__main__":
    unittest.main()
