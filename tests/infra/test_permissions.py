"""The code's AWS calls, infra/permissions.toml and infra/iam.tf say the same."""

import itertools
import unittest

import parliament
from support import applied, policies, queue_policies

from _infra import calls, permissions
from _infra.permissions import ACCOUNT, OWNER, RESOURCES, Question, needs, statements

CLONE = RESOURCES["clone"].arn
ROLE = RESOURCES["pipeline role"].arn
WEBHOOKS = RESOURCES["webhooks"].arn
INTERNAL = RESOURCES["internal"].arn
TABLE = RESOURCES["table"].arn
OURS = RESOURCES["marked clone"].context
THEIRS = {f"aws:ResourceTag/{OWNER}": "another-table"}

# What must never be possible, whoever edits the data file.
FORBIDDEN = [
    Question.of("api", "sqs:ReceiveMessage", WEBHOOKS),
    Question.of("api", "sqs:SendMessage", RESOURCES["dead letters"].arn),
    Question.of("api", "sqs:SendMessage", INTERNAL),
    Question.of("api", "sqs:SendMessage", WEBHOOKS, {"aws:SecureTransport": "false"}),
    Question.of("api", "sqs:SendMessage", WEBHOOKS, {"aws:PrincipalAccount": "999999999999"}),
    Question.of("daemon", "sqs:SendMessage", WEBHOOKS),
    Question.of("daemon", "sqs:SendMessage", INTERNAL, {"aws:SecureTransport": "false"}),
    Question.of("daemon", "sqs:SendMessage", INTERNAL, {"aws:PrincipalAccount": "999999999999"}),
    Question.of("daemon", "sqs:PurgeQueue", WEBHOOKS),
    Question.of("daemon", "sqs:PurgeQueue", INTERNAL),
    Question.of("daemon", "sqs:DeleteMessage", RESOURCES["dead letters"].arn),
    Question.of("daemon", "dynamodb:Scan", TABLE),
    Question.of("daemon", "dynamodb:DeleteTable", TABLE),
    Question.of("daemon", "codepipeline:DeletePipeline", CLONE),
    Question.of("daemon", "codepipeline:DeletePipeline", CLONE, THEIRS),
    Question.of("daemon", "codepipeline:UpdatePipeline", CLONE, THEIRS),
    Question.of("daemon", "codepipeline:DeletePipeline", RESOURCES["template"].arn, OURS),
    Question.of("daemon", "codepipeline:UpdatePipeline", RESOURCES["template"].arn, OURS),
    Question.of("daemon", "codepipeline:CreatePipeline", CLONE),
    Question.of("daemon", "codepipeline:CreatePipeline", CLONE, {f"aws:RequestTag/{OWNER}": "another-table"}),
    Question.of("daemon", "codepipeline:UntagResource", CLONE, OURS),
    Question.of("daemon", "iam:PassRole", ROLE, {"iam:PassedToService": "ec2.amazonaws.com"}),
    Question.of("daemon", "codeconnections:UseConnection", RESOURCES["connection"].arn),
    Question.of("daemon", "secretsmanager:GetSecretValue", RESOURCES["secret"].arn),
    Question.of("operator", "codepipeline:DeletePipeline", CLONE, OURS),
    Question.of("operator", "sqs:ReceiveMessage", WEBHOOKS),
    Question.of("operator", "sqs:ReceiveMessage", INTERNAL),
    Question.of("operator", "sqs:DeleteMessage", INTERNAL),
    Question.of("operator", "sqs:SendMessage", INTERNAL, {"aws:SecureTransport": "false"}),
    Question.of("operator", "sqs:SendMessage", INTERNAL, {"aws:PrincipalAccount": "999999999999"}),
    Question.of("operator", "sqs:SendMessage", RESOURCES["dead letters"].arn),
    Question.of("operator", "dynamodb:DeleteItem", TABLE),
]


class CallsAndNeeds(unittest.TestCase):
    """The code and the data file."""

    def test_the_code_makes_the_calls_of_the_data_file_and_no_other(self) -> None:
        """To be put right in infra/permissions.toml."""
        made, known = calls.made(), permissions.calls()
        self.assertEqual(made - known, set(), "src/aws calls it, infra/permissions.toml does not know it")
        self.assertEqual(known - made, set(), "infra/permissions.toml knows it, src/aws does not call it")

    def test_the_scan_sees_what_a_client_is_asked_for(self) -> None:
        """And neither comments, nor tests, nor other methods."""
        lines = [
            "use aws_sdk_sqs::Client;",
            "// client.purge_queue()",
            "self.client().get_queue_attributes().send().await?; list.len(); x",
            "    .delete_message();",
            "#[cfg(test)]",
            "mod tests { fn f() { client.delete_queue(); } }",
        ]
        self.assertEqual(calls.in_text("\n".join(lines)), {"sqs.GetQueueAttributes", "sqs.DeleteMessage"})

    def test_items_of_transactions_count_one_by_one(self) -> None:
        """IAM asks for each."""
        text = "use aws_sdk_dynamodb::types::Update; client.transact_write_items(); Update::builder()"
        found = {"dynamodb.TransactWriteItems", "dynamodb.TransactWriteItems.Update"}
        self.assertEqual(calls.in_text(text), found)

    def test_every_call_has_a_need(self) -> None:
        """A call without one would be a hole in this check; the transaction itself is the exception."""
        named = {need.why for need in needs()}
        self.assertEqual(permissions.calls() - named, {"dynamodb.TransactWriteItems"})


class NeedsAndGrants(unittest.TestCase):
    """The data file and the policies, judged by simulation."""

    def judge(self, questions: list[Question], want: bool) -> None:
        """All at once, so that a failure tells all that is wrong."""
        self.assertGreater(len(questions), 0)
        answers = permissions.simulate(policies(), queue_policies(), questions)
        wrong = [str(question) for question, allowed in answers.items() if allowed != want]
        self.assertEqual(wrong, [], "denied, but needed" if want else "allowed, but not needed")

    def test_what_is_needed_is_granted(self) -> None:
        """Each need, on its resource, with what is known when it is asked."""
        asked = [Question.of(need.by, need.action, RESOURCES[need.on].arn, RESOURCES[need.on].context) for need in needs()]
        self.judge(asked, want=True)

    def test_nothing_is_granted_on_a_neighbour(self) -> None:
        """The same on a resource beside it, and on the same in another account."""
        wanted = {(need.by, need.action, RESOURCES[need.on].arn) for need in needs()}
        judged = []
        for need in needs():
            on = RESOURCES[need.on]
            if on.arn == "*":
                continue
            neighbours = [on.other, on.arn.replace(ACCOUNT, "999999999999")]
            beside = [arn for arn in neighbours if (need.by, need.action, arn) not in wanted]
            judged += [Question.of(need.by, need.action, arn, on.context) for arn in beside]
        self.judge(judged, want=False)

    def test_nothing_is_granted_without_its_condition(self) -> None:
        """Our tag on the pipeline, or in the request; the service that a role or connection is passed to."""
        conditional = [need for need in needs() if RESOURCES[need.on].context]
        self.judge([Question.of(need.by, need.action, RESOURCES[need.on].arn) for need in conditional], want=False)

    def test_what_must_never_be_possible(self) -> None:
        """By hand, since it must hold whatever the data file says."""
        self.judge(FORBIDDEN, want=False)

    def test_every_grant_is_needed(self) -> None:
        """Each action of each policy."""
        needed = {(need.by, need.action) for need in needs()}
        for by, policy in policies().items():
            granted = {(by, action) for statement in statements(policy) for action in statement["Action"]}
            self.assertEqual({grant for grant in granted if "*" in grant[1]}, set(), "a wildcard is no permission")
            self.assertEqual(granted - needed, set(), "granted, but nobody needs it")

    def test_nobody_may_do_what_only_another_needs(self) -> None:
        """Whoever needs an action on some resources may not do it on those that only others need it on."""
        wanted = {(need.by, need.action, RESOURCES[need.on].arn) for need in needs()}
        actions = {(need.by, need.action) for need in needs() if need.on != "anything"}
        asked = []
        for (by, action), (word, on) in itertools.product(sorted(actions), RESOURCES.items()):
            service = on.arn.split(":")[2] if on.arn != "*" else ""
            reachable = service == action.split(":")[0] and word not in ("index", "log stream")
            if reachable and (by, action, on.arn) not in wanted:
                asked.append(Question.of(by, action, on.arn, on.context if _fits(action, on.context) else {}))
        self.judge(asked, want=False)


class Lint(unittest.TestCase):
    """Each policy by itself: actions that exist, conditions that AWS sends, ARNs that fit."""

    def test_parliament_has_nothing_to_say(self) -> None:
        """Identity policies, which are what it knows."""
        for word, policy in policies().items():
            findings = parliament.analyze_policy_string(policy).findings
            self.assertEqual([str(finding) for finding in findings], [], word)

    def test_parliament_would_say_it(self) -> None:
        """It knows the services that we use."""
        for action in ("sqs:SendMesage", "codepipeline:StopPipeline", "codeconnections:Pass"):
            text = policies()["daemon"].replace("sqs:SendMessage", action)
            self.assertNotEqual(parliament.analyze_policy_string(text).findings, [], action)

    def test_queues_refuse_other_accounts_and_plain_http(self) -> None:
        """Only the queue of webhooks names the API as a sender, and only the internal queue the daemon."""
        senders = {}
        for queue in ("webhooks", "internal", "dead_letters", "quarantine"):
            listed = statements(applied()[f'aws_sqs_queue_policy.guard["{queue}"]']["policy"])
            denied = {statement["Sid"] for statement in listed if statement["Effect"] == "Deny"}
            self.assertEqual(denied, {"OnlyOverTls", "OnlyThisAccount"})
            senders[queue] = [statement["Principal"] for statement in listed if statement["Effect"] == "Allow"]
        api, daemon = ({"AWS": applied()[f"aws_iam_role.{role}"]["arn"]} for role in ("api", "daemon"))
        self.assertEqual(senders, {"webhooks": [api], "internal": [daemon], "dead_letters": [], "quarantine": []})

    def test_only_the_daemon_and_operators_may_send_to_the_internal_queue(self) -> None:
        """Every role of the module, by simulation: whoever may write there is trusted without a signature."""
        asked = [Question.of(by, "sqs:SendMessage", INTERNAL) for by in policies()]
        answers = permissions.simulate(policies(), queue_policies(), asked)
        self.assertEqual({each.by for each, allowed in answers.items() if allowed}, {"daemon", "operator"})


def _fits(action: str, context: dict[str, object]) -> bool:
    """The simulation refuses a condition key that AWS does not send for an action."""
    creates = action in ("codepipeline:CreatePipeline", "codepipeline:TagResource")
    return creates or not any(key.startswith(("aws:RequestTag", "aws:TagKeys")) for key in context)


if __name__ == "__main__":
    unittest.main()
