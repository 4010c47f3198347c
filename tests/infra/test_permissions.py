"""Compares the AWS calls in src/aws, infra/permissions.toml and infra/iam*.tf."""

import itertools
import json
import re
import unittest

import parliament
from support import applied, policies, queue_policies

from _infra import calls, permissions
from _infra.paths import ROOT
from _infra.permissions import ACCOUNT, OWNER, RESOURCES, Question, needs, statements

CLONE = RESOURCES["clone"].arn
TEMPLATE = RESOURCES["template"].arn
ROLE = RESOURCES["pipeline role"].arn
BUILD_ROLE = RESOURCES["build role"].arn
PROJECT = RESOURCES["clone project"].arn
TEMPLATE_PROJECT = RESOURCES["template project"].arn
WEBHOOKS = RESOURCES["webhooks"].arn
INTERNAL = RESOURCES["internal"].arn
TABLE = RESOURCES["table"].arn
AUDIT = RESOURCES["audit trail"].arn
OF_DAEMON = "REPO#1001/PR#0000000007"
OF_OPERATOR = f"OPERATOR#{OF_DAEMON}"
OUR_TAG = RESOURCES["tagged clone"].context
OTHER_TAG = {f"aws:ResourceTag/{OWNER}": "another-table"}

# What the daemon must never do to a template, even if another policy allows it everything.
TEMPLATE_DENIALS = [
    f"codepipeline:{action}"
    for action in (
        "DeletePipeline",
        "StartPipelineExecution",
        "StopPipelineExecution",
        "TagResource",
        "UntagResource",
        "UpdatePipeline",
    )
]

# Requests that must never be allowed, whatever the data file contains.
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
    Question.of("daemon", "codepipeline:DeletePipeline", CLONE, OTHER_TAG),
    Question.of("daemon", "codepipeline:UpdatePipeline", CLONE, OTHER_TAG),
    Question.of("daemon", "codepipeline:DeletePipeline", RESOURCES["template"].arn, OUR_TAG),
    Question.of("daemon", "codepipeline:UpdatePipeline", RESOURCES["template"].arn, OUR_TAG),
    Question.of("daemon", "codepipeline:CreatePipeline", CLONE),
    Question.of("daemon", "codepipeline:CreatePipeline", CLONE, {f"aws:RequestTag/{OWNER}": "another-table"}),
    Question.of("daemon", "codepipeline:UntagResource", CLONE, OUR_TAG),
    Question.of("daemon", "iam:PassRole", ROLE, {"iam:PassedToService": "ec2.amazonaws.com"}),
    Question.of("daemon", "iam:PassRole", ROLE, {"iam:PassedToService": "codebuild.amazonaws.com"}),
    Question.of("daemon", "iam:PassRole", BUILD_ROLE, {"iam:PassedToService": "codepipeline.amazonaws.com"}),
    Question.of("daemon", "iam:PassRole", BUILD_ROLE, {"iam:PassedToService": "lambda.amazonaws.com"}),
    Question.of("daemon", "codebuild:DeleteProject", PROJECT),
    Question.of("daemon", "codebuild:DeleteProject", PROJECT, OTHER_TAG),
    Question.of("daemon", "codebuild:UpdateProject", PROJECT, OTHER_TAG),
    Question.of("daemon", "codebuild:UpdateProject", TEMPLATE_PROJECT, OUR_TAG),
    Question.of("daemon", "codebuild:DeleteProject", TEMPLATE_PROJECT, OUR_TAG),
    Question.of("daemon", "codebuild:CreateProject", PROJECT),
    Question.of("daemon", "codebuild:StartBuild", PROJECT, OUR_TAG),
    Question.of("daemon", "iam:PassRole", RESOURCES["project role"].arn, {"iam:PassedToService": "ec2.amazonaws.com"}),
    Question.of("operator", "codebuild:DeleteProject", PROJECT, OUR_TAG),
    Question.of("daemon", "codeconnections:UseConnection", RESOURCES["connection"].arn),
    Question.of("daemon", "secretsmanager:GetSecretValue", RESOURCES["secret"].arn),
    Question.of("operator", "codepipeline:DeletePipeline", CLONE, OUR_TAG),
    Question.of("operator", "sqs:ReceiveMessage", WEBHOOKS),
    Question.of("operator", "sqs:ReceiveMessage", INTERNAL),
    Question.of("operator", "sqs:DeleteMessage", INTERNAL),
    Question.of("operator", "sqs:SendMessage", INTERNAL, {"aws:SecureTransport": "false"}),
    Question.of("operator", "sqs:SendMessage", INTERNAL, {"aws:PrincipalAccount": "999999999999"}),
    Question.of("operator", "sqs:SendMessage", RESOURCES["dead letters"].arn),
    Question.of("operator", "dynamodb:DeleteItem", TABLE),
    Question.of("operator", "dynamodb:PutItem", TABLE),
    Question.of("operator", "dynamodb:UpdateItem", TABLE),
    # Nobody changes an entry of the audit trail, or adds one in the place of somebody else.
    *(
        Question.of(by, f"dynamodb:{action}", AUDIT)
        for by in ("daemon", "operator")
        for action in ("BatchWriteItem", "DeleteItem", "PartiQLDelete", "PartiQLUpdate", "UpdateItem", "UpdateTimeToLive")
    ),
    Question.of("daemon", "dynamodb:PutItem", AUDIT, {"dynamodb:LeadingKeys": [OF_OPERATOR]}),
    Question.of("daemon", "dynamodb:PutItem", AUDIT, {"dynamodb:LeadingKeys": [OF_DAEMON, OF_OPERATOR]}),
    Question.of("operator", "dynamodb:PutItem", AUDIT),
    Question.of("operator", "dynamodb:PutItem", AUDIT, {"dynamodb:LeadingKeys": [OF_DAEMON]}),
    Question.of("operator", "dynamodb:PutItem", AUDIT, {"dynamodb:LeadingKeys": [OF_OPERATOR, OF_DAEMON]}),
]


class CallsAndNeeds(unittest.TestCase):
    """The calls in the code, and those in the data file."""

    def test_the_code_makes_exactly_the_calls_in_the_data_file(self) -> None:
        """A difference has to be corrected in infra/permissions.toml."""
        made, listed = calls.made(), permissions.calls()
        self.assertEqual(made - listed, set(), "in src/aws, but not in infra/permissions.toml")
        self.assertEqual(listed - made, set(), "in infra/permissions.toml, but not in src/aws")

    def test_the_scan_finds_client_calls(self) -> None:
        """The scan skips comments, tests and other methods."""
        lines = [
            "use aws_sdk_sqs::Client;",
            "// client.purge_queue()",
            "self.client().get_queue_attributes().send().await?; list.len(); x",
            "    .delete_message();",
            "#[cfg(test)]",
            "mod tests { fn f() { client.delete_queue(); } }",
        ]
        self.assertEqual(calls.in_text("\n".join(lines)), {"sqs.GetQueueAttributes", "sqs.DeleteMessage"})

    def test_the_scan_finds_the_items_of_transactions(self) -> None:
        """IAM checks the permission of each item."""
        text = "use aws_sdk_dynamodb::types::Update; client.transact_write_items(); Update::builder()"
        found = {"dynamodb.TransactWriteItems", "dynamodb.TransactWriteItems.Update"}
        self.assertEqual(calls.in_text(text), found)

    def test_every_call_has_a_need(self) -> None:
        """A call without a need is not checked. The only exception is the transaction itself."""
        checked = {need.call for need in needs()}
        self.assertEqual(permissions.calls() - checked, {"dynamodb.TransactWriteItems"})


class Commands(unittest.TestCase):
    """The commands of the AWS CLI that the documents tell people to run."""

    def test_each_command_is_in_the_data_file(self) -> None:
        """A command without an entry may need a permission that operators do not have."""
        pages = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "infra" / "README.md"]
        found = {match for page in pages for match in re.findall(r"\baws [a-z0-9]+(?:-[a-z]+)* [a-z]+(?:-[a-z]+)*", page.read_text())}
        self.assertGreater(len(found), 15)
        self.assertEqual(found - permissions.commands(), set(), "in a document, but not in infra/permissions.toml")
        self.assertEqual(permissions.commands() - found, set(), "in infra/permissions.toml, but in no document")

    def test_the_policy_of_operators_fits_into_a_managed_policy(self) -> None:
        """A managed policy has at most 6,144 characters without white space (IAM user guide)."""
        self.assertLessEqual(len(re.sub(r"\s", "", policies()["operator"])), 6144)


class NeedsAndGrants(unittest.TestCase):
    """The data file and the policies, compared by simulation."""

    def check(self, questions: list[Question], want: bool) -> None:
        """Simulates all questions at once, so that a failure lists all faults."""
        self.assertGreater(len(questions), 0)
        answers = permissions.simulate(policies(), queue_policies(), questions)
        wrong = [str(question) for question, allowed in answers.items() if allowed != want]
        self.assertEqual(wrong, [], "denied, but needed" if want else "allowed, but not needed")

    def test_what_is_needed_is_granted(self) -> None:
        """Each need is granted on its resource, with the condition keys of the request."""
        asked = [Question.of(need.by, need.action, RESOURCES[need.on].arn, RESOURCES[need.on].context) for need in needs()]
        self.check(asked, want=True)

    def test_nothing_is_granted_on_a_neighbour(self) -> None:
        """Nothing is granted on another resource, or on the same resource in another account."""
        wanted = {(need.by, need.action, RESOURCES[need.on].arn) for need in needs()}
        questions = []
        for need in needs():
            on = RESOURCES[need.on]
            if on.arn == "*":
                continue
            neighbours = [on.neighbour, on.arn.replace(ACCOUNT, "999999999999")]
            others = [arn for arn in neighbours if (need.by, need.action, arn) not in wanted]
            questions += [Question.of(need.by, need.action, arn, on.context) for arn in others]
        self.check(questions, want=False)

    def test_nothing_is_granted_without_its_condition(self) -> None:
        """The conditions are our tag, and the service that a role or connection is passed to."""
        conditional = [need for need in needs() if RESOURCES[need.on].context]
        self.check([Question.of(need.by, need.action, RESOURCES[need.on].arn) for need in conditional], want=False)

    def test_the_daemon_adds_its_own_entries(self) -> None:
        """With the keys that AWS sends for a call, and perhaps for the items of a transaction."""
        keys = [[OF_DAEMON], ["WORKER#0123456789abcdef"], [OF_DAEMON, "REPO#1001", "DELIVERY#guid"]]
        self.check([Question.of("daemon", "dynamodb:PutItem", AUDIT, {"dynamodb:LeadingKeys": each}) for each in keys], want=True)

    def test_forbidden_requests_are_denied(self) -> None:
        """The list is written by hand, because it must hold whatever the data file contains."""
        self.check(FORBIDDEN, want=False)

    def test_templates_are_denied_explicitly(self) -> None:
        """They stay out of reach even if a second policy allows everything.

        Clones stay within reach, so the Deny does not cover more than the templates.
        """
        policy = json.loads(policies()["daemon"])
        policy["Statement"].append({"Effect": "Allow", "Action": "codepipeline:*", "Resource": "*"})
        asked = [Question.of("daemon", action, arn) for action in TEMPLATE_DENIALS for arn in (TEMPLATE, CLONE)]
        answers = permissions.simulate({"daemon": json.dumps(policy)}, {}, asked)
        allowed = {(each.action, each.resource) for each, answer in answers.items() if answer}
        self.assertEqual(allowed, {(action, CLONE) for action in TEMPLATE_DENIALS})

    def test_operators_get_no_denial(self) -> None:
        """The policy is attached to people's own roles, which may have to edit a template."""
        self.assertEqual({each["Effect"] for each in statements(policies()["operator"])}, {"Allow"})

    def test_every_grant_is_needed(self) -> None:
        """Each action that a policy allows has a need."""
        needed = {(need.by, need.action) for need in needs()}
        for by, policy in policies().items():
            allowed = [statement for statement in statements(policy) if statement["Effect"] == "Allow"]
            granted = {(by, action) for statement in allowed for action in statement["Action"]}
            self.assertEqual({grant for grant in granted if "*" in grant[1]}, set(), "actions must not contain wildcards")
            self.assertEqual(granted - needed, set(), "granted, but not needed")

    def test_actions_are_denied_on_the_resources_of_other_policies(self) -> None:
        """A policy that needs an action must not allow it where only another policy needs it."""
        wanted = {(need.by, need.action, RESOURCES[need.on].arn) for need in needs()}
        actions = {(need.by, need.action) for need in needs() if need.on != "any resource"}
        asked = []
        for (by, action), (word, on) in itertools.product(sorted(actions), RESOURCES.items()):
            service = on.arn.split(":")[2] if on.arn != "*" else ""
            parts = ("index", "log stream", "log group", "access log", "stage of a clone")
            reachable = service == action.split(":")[0] and word not in parts
            # The simulation refuses it for everything but a stage.
            reachable = reachable and action != "codepipeline:RetryStageExecution"
            if reachable and (by, action, on.arn) not in wanted:
                asked.append(Question.of(by, action, on.arn, on.context if _fits(action, on.context) else {}))
        self.check(asked, want=False)


class Lint(unittest.TestCase):
    """Each policy by itself: its actions, condition keys and ARNs are valid."""

    def test_parliament_has_no_findings(self) -> None:
        """This covers identity policies, the only ones that parliament supports."""
        for word, policy in policies().items():
            findings = parliament.analyze_policy_string(policy).findings
            self.assertEqual([str(finding) for finding in findings], [], word)

    def test_parliament_reports_faults(self) -> None:
        """It reports unknown actions of the services in use."""
        for action in ("sqs:SendMesage", "codepipeline:StopPipeline", "codeconnections:Pass"):
            text = policies()["daemon"].replace("sqs:SendMessage", action)
            self.assertNotEqual(parliament.analyze_policy_string(text).findings, [], action)

    def test_queues_refuse_other_accounts_and_plain_http(self) -> None:
        """The policies name the API, the daemon and EventBridge as senders, and nobody else."""
        senders = {}
        for queue in ("webhooks", "internal", "dead_letters", "quarantine", "undelivered_events"):
            listed = statements(applied()[f'aws_sqs_queue_policy.access["{queue}"]']["policy"])
            denied = {statement["Sid"] for statement in listed if statement["Effect"] == "Deny"}
            self.assertEqual(denied, {"DenyInsecureTransport", "DenyOtherAccounts"})
            senders[queue] = [statement["Principal"] for statement in listed if statement["Effect"] == "Allow"]
        api, daemon = ({"AWS": applied()[f"aws_iam_role.{role}"]["arn"]} for role in ("api", "daemon"))
        events = {"Service": "events.amazonaws.com"}
        internal = {"internal": [events, daemon], "undelivered_events": [events]}
        self.assertEqual(senders, {"webhooks": [api], "dead_letters": [], "quarantine": []} | internal)

    def test_the_audit_trail_denies_changes_to_everybody(self) -> None:
        """The policy of the table holds for administrators as well."""
        (denial,) = statements(applied()["aws_dynamodb_resource_policy.audit"]["policy"])
        self.assertEqual((denial["Effect"], denial["Principal"], denial["Resource"]), ("Deny", "*", [AUDIT]))
        changes = {"BatchWriteItem", "DeleteItem", "PartiQLDelete", "PartiQLInsert", "PartiQLUpdate", "UpdateItem"}
        self.assertEqual(set(denial["Action"]), {f"dynamodb:{change}" for change in changes})
        self.assertIn("ttl", applied()["aws_dynamodb_table.audit"])
        self.assertEqual(applied()["aws_dynamodb_table.audit"]["ttl"], [])

    def test_only_the_daemon_and_operators_may_send_to_the_internal_queue(self) -> None:
        """Senders to this queue are trusted without a signature, so no other policy allows it."""
        asked = [Question.of(by, "sqs:SendMessage", INTERNAL) for by in policies()]
        answers = permissions.simulate(policies(), queue_policies(), asked)
        self.assertEqual({each.by for each, allowed in answers.items() if allowed}, {"daemon", "operator"})


def _fits(action: str, context: dict[str, object]) -> bool:
    """Returns whether AWS sends these condition keys for an action.

    The simulation rejects others.
    """
    creates = action in ("codepipeline:CreatePipeline", "codepipeline:TagResource")
    return creates or not any(key.startswith(("aws:RequestTag", "aws:TagKeys")) for key in context)


if __name__ == "__main__":
    unittest.main()
