"""Tests the rules: as TOML, as names and roles in permissions, and where the text is kept."""

import json
import re
import tomllib
import unittest
from typing import Any

from support import applied

from _infra import permissions, terraform
from _infra.paths import INFRA, ROOT
from _infra.permissions import ACCOUNT, ARN, VARIABLES

PAGE = (ROOT / "docs" / "CONFIGURATION.md").read_text()
ROLE = f"arn:aws:iam::{ACCOUNT}:role"
RULE: dict[str, Any] = {"repository": ["acme/api"], "on": "pull_request", "template": "api-template"}
# Rules in about 40 KB, with braces that Parameter Store would refuse.
MANY = [RULE | {"name": f"rule-{number}", "repository": [f"acme/repository-{number}"], "context": "{{x}}"} for number in range(300)]
EVERYTHING: dict[str, Any] = {
    "name": 'pr "1"\n<&>',
    "repository": ["acme/api", "!acme/api-*"],
    "on": "pull_request",
    "template": "api-template",
    "base": ["main", "release/*"],
    "branches": ["!wip/**"],
    "drafts": False,
    "pipeline_name": "{repo}-x-{number}",
    "source_action": "Source/App",
    "start": "commit",
    "update": "never",
    "stages": "safe",
    "drop_stages": ["Deploy"],
    "drop_actions": ["Build/Scan"],
    "role_arn": f"{ROLE}/preview",
    "build_role_arn": f"{ROLE}/preview-build",
    "action_role_arn": "template",
    "tags": {"team": "payments", "cost centre": "4711"},
    "variables": {"PR": "{number}"},
    "raw_variables": {"TITLE": "{title}"},
    "environment": {"STACK": "api-{branch_slug}"},
    "buildspec": "ci/pull-request.yml",
    "configuration": {"Deploy/Stack/StackName": "api-pr-{number}"},
    "build": {"image": "ci:2", "compute": "BUILD_GENERAL1_LARGE", "privileged": True, "timeout": 30, "cache": "none"},
    "repository_file": {"path": ".branchline.toml", "from": "head", "allow": ["image"], "images": ["aws/codebuild/*"]},
    "preview": {"stack_suffix": "-pr-{number}", "parameters": {"Stage": "pr-{number}"}, "teardown": "pipeline:api-teardown", "url": "https://pr-{number}.example.com", "deployment": True, "environment": "preview/pr-{number}"},
    "shared_targets": True,
    "execution_mode": "QUEUED",
    "secrets": {"Source/App/OAuthToken": "env:GITHUB_TOKEN"},
    "max_active": 40,
    "on_full": "evict-idle",
    "idle": "14d",
    "max_age": "90d",
    "keep_label": "keep",
    "report": "check",
    "context": "ci/branchline",
    "comment": "failures",
    "stop_on_close": True,
}
FILE = {"file": "ci/pipeline.json", "from": "head", "actions": ["Build/CodeBuild"], "projects": ["api"]}
# The one key that no rule may have beside stages and drop_stages.
KEPT = RULE | {"keep_stages": ["Source", "Build"]}
# The template as a file, which the module has in a key of its own.
DECLARED = RULE | {"template_file": FILE}
KEYS = EVERYTHING.keys() | KEPT.keys()


class Locals(unittest.TestCase):
    """Values that need nothing of AWS."""

    def setUp(self) -> None:
        """Creates a folder for each test."""
        self.runs = terraform.Terraform("rules")
        self.addCleanup(self.runs.close)
        self.runs.start(VARIABLES)

    def local(self, name: str, **changes: Any) -> Any:
        """Returns a local value with other variables."""
        return self.runs.value(f"local.{name}", VARIABLES | changes)

    def test_a_rule_with_every_key(self) -> None:
        """The TOML has the same keys and values, with raw variables among the others."""
        rules = tomllib.loads(self.local("rules_toml", rules=[EVERYTHING, KEPT, DECLARED]))["rule"]
        wanted = {key: value for key, value in EVERYTHING.items() if key != "raw_variables"}
        wanted["variables"] = {"PR": "{number}", "TITLE": {"value": "{title}", "raw": True}}
        self.assertEqual(rules, [wanted, KEPT, RULE | {"template": FILE | {"fallback": "api-template"}}])

    def test_the_keys_are_those_of_the_configuration(self) -> None:
        """The page lists forks as well, which is refused, and no raw_variables."""
        table = PAGE.split("## `[[rule]]`")[1].split("\n### ")[0]
        listed = set(re.findall(r"(?m)^\| `(\w+)` \|", table))
        self.assertEqual(listed - {"forks"}, KEYS - {"raw_variables"})
        block = (INFRA / "variables_rules.tf").read_text().split("type = list(object({\n")[1].split("\n  }))")[0]
        self.assertEqual(set(re.findall(r"(?m)^ +(\w+) +=", block)), KEYS | {"template_file"})

    def test_the_names_of_clones(self) -> None:
        """A placeholder is a wildcard, but the owner and the name of a repository may be known."""
        cases: list[tuple[dict[str, Any], list[str]]] = [
            ({}, ["api-pr-*"]),
            ({"on": "branch"}, ["api@*"]),
            ({"repository": ["acme/api", "acme/web"]}, ["api-pr-*", "web-pr-*"]),
            ({"repository": ["acme/*", "!acme/web"]}, ["*-pr-*"]),
            ({"repository": ["*/api"], "pipeline_name": "{owner}.{repo}-{number}"}, ["*.api-*"]),
            ({"repository": ["acme/*"], "pipeline_name": "{owner}.{repo}-{number}"}, ["acme.*-*"]),
            ({"repository": ["**"], "pipeline_name": "pr-{repo}-{number}"}, ["pr-*-*"]),
            ({"repository": ["acme/{api,web}"]}, ["*-pr-*"]),
            ({"pipeline_name": "x{repository}{number}"}, ["x*"]),
            ({"pipeline_name": "preview-{number}"}, ["preview-*"]),
            ({"repository": ["!acme/web"]}, ["*-pr-*"]),
        ]
        for changes, wanted in cases:
            with self.subTest(changes):
                self.assertEqual(self.local("clone_patterns", rules=[RULE | changes]), wanted)

    def test_the_names_of_the_projects_of_clones(self) -> None:
        """They begin with the names of clones, in the characters of CodeBuild."""
        projects = {"templates": ["api"], "role_arns": [f"{ROLE}/project"]}
        cases: list[tuple[dict[str, Any], list[str]]] = [
            ({}, ["api-pr-*-*"]),
            ({"on": "branch"}, ["api-*-*"]),
            ({"pipeline_name": "{owner}.{repo}-{number}"}, ["acme-api-*-*"]),
            ({"pipeline_name": "_{repo}-{number}"}, ["api-*-*"]),
        ]
        for changes, wanted in cases:
            with self.subTest(changes):
                self.assertEqual(self.local("project_names", rules=[RULE | changes], codebuild_projects=projects), wanted)
        self.assertEqual(self.local("project_names", rules=[RULE], codebuild_projects=None), [])

    def test_a_teardown_template_is_a_template(self) -> None:
        """The daemon has to read it, and must never change it."""
        rules = [RULE | {"preview": {"teardown": way}} for way in ("pipeline:api-teardown", "run")]
        self.assertEqual(self.local("template_names", rules=rules), ["api-template", "api-teardown"])
        self.assertEqual(self.local("template_names", rules=[RULE]), ["api-template"])
        text = '[[rule]]\npreview = { stack_suffix = "-{number}", teardown = "pipeline:other" }\n'
        self.assertEqual(self.local("toml_teardowns", rules_toml=text, clone_names=["x"]), ["other"])

    def test_what_is_given_beside_the_rules_is_added(self) -> None:
        """The names of rules that were removed stay until their clones are deleted."""
        given = {"clone_names": ["old-pr-*", "api-pr-*"], "template_names": ["old-template"]}
        rules = [RULE | {"role_arn": f"{ROLE}/a", "action_role_arn": "template", "build_role_arn": f"{ROLE}/b"}]
        wanted = {
            "clone_names": ["old-pr-*", "api-pr-*"],
            "template_names": ["old-template", "api-template"],
            "pipeline_role_arns": [*VARIABLES["pipeline_role_arns"], f"{ROLE}/a"],
            "build_role_arns": [f"{ROLE}/b"],
        }
        self.assertEqual({name: self.local(name, rules=rules, **given) for name in wanted}, wanted)

    def test_toml_text(self) -> None:
        """What the page shows is accepted, and so are the forms of TOML that it does not show."""
        others = (
            'a = "#=[" # [x\n[[rule]]\nb = """\nx = [\n"""\nc = \'\'\'\n[[\n\'\'\'\n',
            "a = [\n  1, # one\n  2,\n]\nb = { x = { y = [true, 'z'] }, w = 1.5 }\nc = []\nd = {}\n",
            'a."b c".d = 1979-05-27T07:32:00Z\n[x."y z"]\n[[x.y]]\ne = -1_000\nf = "\\"\\\\"\n',
        )
        blocks = [*re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL), *others]
        self.assertGreater(len(blocks), 6)
        for block in blocks:
            with self.subTest(block):
                tomllib.loads(block)
                self.assertEqual(self.local("toml_mistakes", rules_toml=block, clone_names=["x"]), [])

    def test_tables_of_rules(self) -> None:
        """The blocks of the page about rules have no other tables, whatever their texts say."""
        blocks = [block for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL) if "[queue]" not in block]
        tables = '[[rule]] # [x]\ncontext = """\n[x]\n"""\nbase = [\n  "a",\n]\n  [rule.variables]\nA = "[x]"\n[[ github.secret ]]\nvalue = \'[[y]]\'\n'
        for block in (tables, *blocks):
            with self.subTest(block):
                self.assertEqual(self.local("toml_other_tables", rules_toml=block, clone_names=["x"]), [])

    def test_text_that_is_not_toml(self) -> None:
        """The first line that is left over is shown."""
        for block in (
            "base = main\n",
            'base = "main\n',
            'base = ["main"\n',
            'base = ["main" "x"]\n',
            "[[rule]\n",
            "[[rule]]]\n",
            "base\n",
            "base = \n",
            'base = "a" "b"\n',
            'tags = { a = "b" c = "d" }\n',
            "base: main\n",
            '"base" = "main",\n',
        ):
            with self.subTest(block):
                with self.assertRaises(tomllib.TOMLDecodeError):
                    tomllib.loads(block)
                self.assertNotEqual(self.local("toml_mistakes", rules_toml=block, clone_names=["x"]), [])


class Permissions(unittest.TestCase):
    """What the daemon may do, by its rules alone."""

    def test_they_are_derived_from_the_rules(self) -> None:
        """Nothing but the role of the template is given beside the rule."""
        listed = permissions.statements(applied()["aws_iam_role_policy.daemon"]["policy"])
        found = {statement["Sid"]: statement["Resource"] for statement in listed}
        self.assertEqual(found["ReadTemplates"], [f"arn:aws:codepipeline:{ARN}:api-template"])
        self.assertEqual(found["CreateTaggedClones"], [f"arn:aws:codepipeline:{ARN}:api-pr-*"])
        self.assertEqual(found["PassBuildRoles"], [f"{ROLE}/api-build"])
        self.assertNotIn("clone_names", VARIABLES)
        self.assertNotIn("template_names", VARIABLES)


class Store(unittest.TestCase):
    """Where the configuration is kept."""

    def apply(self, **changes: Any) -> dict[str, Any]:
        """Returns the resources of the module with other variables."""
        runs = terraform.Terraform("store")
        self.addCleanup(runs.close)
        return runs.apply(VARIABLES | changes)

    def test_a_secret_takes_what_a_parameter_cannot(self) -> None:
        """The task gets the text of either under the same name, and may read it."""
        there = self.apply(rules=MANY, configuration_store="secret")
        text = there["aws_secretsmanager_secret_version.configuration[0]"]["secret_string"]
        self.assertGreater(len(text), 30_000)
        self.assertEqual(len(tomllib.loads(text)["rule"]), 300)
        arn = there["aws_secretsmanager_secret_version.configuration[0]"]["arn"]
        (container,) = json.loads(there["aws_ecs_task_definition.consumer"]["container_definitions"])
        self.assertIn({"name": "BRANCHLINE_TOML", "valueFrom": arn}, container["secrets"])
        policy = permissions.statements(there["aws_iam_role_policy.execution"]["policy"])
        (read,) = [each for each in policy if each["Sid"] == "ReadConfiguration"]
        self.assertEqual((read["Action"], read["Resource"]), (["secretsmanager:GetSecretValue"], [arn]))
        self.assertEqual([address for address in there if "ssm_parameter" in address], [])

    def test_a_parameter_that_would_be_refused(self) -> None:
        """The apply fails before anything of it is written, with what to do."""
        for rules in (MANY[:90], [RULE | {"context": "{{x}}"}]):
            with self.assertRaisesRegex(AssertionError, "Parameter Store takes at most 8 KB"):
                self.apply(rules=rules)

    def test_a_secret_that_would_be_refused(self) -> None:
        """64 KB is the end."""
        with self.assertRaisesRegex(AssertionError, "at most 64 KB"):
            self.apply(rules=[*MANY, *(rule | {"name": f"other {rule['name']}"} for rule in MANY)], configuration_store="secret")


if __name__ == "__main__":
    unittest.main()
