"""Tests the variables that the module rejects, and arguments that the provider does not have."""

import json
import re
import unittest
from typing import Any

from _infra import terraform
from _infra.paths import INFRA
from _infra.permissions import VARIABLES

SECRET = VARIABLES["webhook_secret_arns"][0]
TOML_NAMES = {"clone_names": ["web-pr-*"], "template_names": ["web-template"]}
VARIABLE = re.compile(r'^variable "(\w+)" \{(.*?)^\}', re.MULTILINE | re.DOTALL)


def _texts() -> str:
    return "".join(file.read_text() for file in sorted(INFRA.glob("variables*.tf")))


class Validation(unittest.TestCase):
    """Invalid variables, and arguments that the provider does not have, are rejected at once."""

    def setUp(self) -> None:
        """Creates a folder for each test, because a test may break it."""
        self.runs = terraform.Terraform("validation")
        self.addCleanup(self.runs.close)
        self.runs.start(VARIABLES)

    def test_variables(self) -> None:
        """Each invalid variable is rejected with its own error message."""
        rule = VARIABLES["rules"][0]
        toml = '[[rule]]\nrepository = "acme/web"\non = "pull_request"\ntemplate = "web-template"\n'
        cases: list[tuple[dict[str, Any], str]] = [
            ({"name": "Branch Line"}, "The name must be 3 to 31"),
            ({"rules": []}, "At least one rule is required"),
            ({"rules": [rule | {"on": "push"}]}, "on must be pull_request"),
            ({"rules": [rule | {"repository": ["api"]}]}, "a list of owner/name"),
            ({"rules": [rule | {"repository": []}]}, "a list of owner/name"),
            ({"rules": [rule | {"template": "api-*"}]}, "the name of one pipeline"),
            ({"rules": [rule | {"pipeline_name": "a b"}]}, "pipeline_name may have"),
            ({"rules": [rule | {"max_active": 3}]}, "in a rule with a name"),
            ({"rules": [rule | {"name": "api", "max_active": -1}]}, "from 1 to 10,000"),
            ({"rules": [rule | {"idle": "2w"}]}, "such as 14d"),
            ({"rules": [rule | {"max_age": "0d"}]}, "such as 14d"),
            ({"rules": [rule | {"role_arn": "admin"}]}, "the complete ARN of one role"),
            ({"rules": [rule | {"build_role_arn": "template"}]}, "the complete ARN of one role"),
            ({"rules": [rule | {"start": "now"}]}, "start must be commit, head or push"),
            ({"rules": [rule | {"repository": ["acme/*"], "pipeline_name": "{repo}-{number}"}]}, "a pipeline_name with a text of its own"),
            ({"rules": [rule | {"name": "a"}, rule | {"name": "a"}]}, "nor that of another rule"),
            ({"rules": [rule | {"name": ""}]}, "must not be empty"),
            ({"rules": [rule | {"on": "branch", "base": ["main"]}]}, "base is not for rules on a branch"),
            ({"rules": [rule | {"on": "merge_group", "branches": ["main"]}]}, "branches not for rules on merge groups"),
            ({"rules": [rule | {"on": "branch", "drafts": False}]}, "for rules on pull requests alone"),
            ({"rules": [rule | {"on": "branch", "comment": "always"}]}, "for rules on pull requests alone"),
            ({"rules": [rule | {"pipeline_name": "preview"}]}, "must have {number} in a rule on pull requests"),
            ({"rules": [rule | {"on": "branch", "pipeline_name": "x-{repo}"}]}, "and otherwise {branch}"),
            ({"rules": [rule | {"pipeline_name": "{number}-{sha1}"}]}, "pipeline_name may have"),
            ({"rules": [rule | {"pipeline_name": "{number}-{name}"}]}, "A placeholder must be {repository}"),
            ({"rules": [rule | {"on": "branch", "variables": {"PR": "{number}"}}]}, "A placeholder must be {repository}"),
            ({"rules": [rule | {"on": "merge_group", "environment": {"T": "{title_slug}"}}]}, "A placeholder must be {repository}"),
            ({"rules": [rule | {"stages": "all", "keep_stages": ["Source"]}]}, "keep_stages takes the place"),
            ({"rules": [rule | {"source_action": "Source"}]}, "must be Stage/Action"),
            ({"rules": [rule | {"drop_actions": ["Build"]}]}, "must be Stage/Action"),
            ({"rules": [rule | {"configuration": {"Deploy/StackName": "x"}}]}, "configuration of a rule must be"),
            ({"rules": [rule | {"on": "branch", "configuration": {"Deploy/Stack/StackName": "x-{number}"}}]}, "A placeholder must be"),
            ({"rules": [rule | {"secrets": {"OAuthToken": "env:GITHUB_TOKEN"}}]}, "never the secret itself"),
            ({"rules": [rule | {"secrets": {"Source/Source/OAuthToken": "ghp_x"}}]}, "never the secret itself"),
            ({"rules": [rule | {"environment": {"1": "x"}}]}, "A name in environment"),
            ({"rules": [rule | {"tags": {"branchline:subject": "x"}}]}, "which are reserved"),
            ({"pipeline_role_arns": []}, "keeps the role of its template"),
            ({"rules_toml": f"[queue]\n{toml}"}, "give only [[rule]] and [[github.secret]] tables"),
            ({"rules_toml": toml}, "required for the rules of rules_toml"),
            ({"rules_toml": toml, "clone_names": ["web-pr-*"]}, "missing from template_names: web-template"),
            ({"rules_toml": toml.replace('"web-template"', "{ file = 'a.json', fallback = 'web-other' }"), **TOML_NAMES}, "missing from template_names: web-other"),
            ({"rules_toml": f"{toml}base = main\n", "clone_names": ["web-pr-*"]}, "rules_toml is not TOML, at or after: base = main"),
            ({"rules_toml": toml.replace("[[rule]]", "[[rul]]"), **TOML_NAMES}, "but not [[rul]]"),
            ({"rules_toml": toml.replace("[[rule]]", "[rule]"), **TOML_NAMES}, "but not [rule]"),
            ({"rules_toml": f"[ queue ]\nurl = 'x'\n{toml}", **TOML_NAMES}, "but not [ queue ]"),
            ({"rules_toml": f'["queue"]\nurl = 1\n{toml}', **TOML_NAMES}, "but not [V]"),
            ({"rules_toml": f"aws.region = 'x' # [[rule]]\n{toml}", **TOML_NAMES}, "must begin with [[rule]]"),
            ({"configuration_store": "s3"}, "parameter or secret"),
            ({"webhook_secret_arns": [], "github": {}}, "At least one secret is required"),
            ({"secrets": {"github_token": SECRET}}, "A name must be of A-Z"),
            ({"secrets": {"AWS_SECRET_ACCESS_KEY": SECRET}}, "which have a meaning already"),
            ({"secrets": {"WEBHOOK_SECRET_0": SECRET}}, "which have a meaning already"),
            ({"environment": {"BRANCHLINE_METRICS": "none"}}, "which the module sets"),
            ({"environment": {"AWS_ACCESS_KEY_ID": "x"}}, "the daemon has a role"),
            ({"environment": {"1": "x"}}, "letters, digits and _"),
            ({"environment": {"GITHUB_TOKEN": "x"}}, "either in environment or in secrets"),
            ({"manage_api_gateway_account": None}, "Run `aws apigateway get-account`"),
            ({"secrets": {"TOKEN": SECRET.replace("secretsmanager", "ssm")}}, "Each value must be the ARN of a secret"),
            ({"secrets": {"TOKEN": f"{SECRET}:token"}}, "Each value must be the ARN of a secret"),
            ({"secrets": {"WEBSITE_SECRET": SECRET}, "github": {}}, "a variable that the task does not get"),
            ({"github": {"private_key": "env:GITHUB_APP_KEY"}}, "both app and private_key"),
            ({"github": {"hooks": ["orgs/acme/hooks/1"]}}, "hooks is for a token"),
            ({"github": {"token": "env:ELSEWHERE"}}, "with NAME in secrets"),
            ({"github": {"token": "github_pat_x"}}, "with NAME in secrets"),
            (
                {"github": {"app": "1", "private_key": "env:GITHUB_APP_KEY", "token": "env:GITHUB_TOKEN"}},
                "an App or a token, not both",
            ),
            ({"github": {"token": "env:GITHUB_TOKEN", "api_url": "git.acme.com"}}, "an https:// address"),
            ({"github": {"app": "branchline", "private_key": "env:GITHUB_APP_KEY"}}, "begins with Iv"),
            ({"clone_names": ["*"]}, "A pattern needs a letter"),
            ({"clone_names": ["api-pr-${aws:username}"]}, "letters, digits, . @ _ - and the wildcards"),
            ({"template_names": ["api template"]}, "letters, digits, . @ _ - and the wildcards"),
            ({"build_role_arns": ["arn:aws:iam::123456789012:role/*"]}, "the complete ARN of one role"),
            (
                {"codebuild_projects": None, "rules": [VARIABLES["rules"][0] | {"build": {"image": "ci:2"}}]},
                "needs codebuild_projects",
            ),
            (
                {
                    "codebuild_projects": None,
                    "rules": [VARIABLES["rules"][0] | {"repository_file": {"path": "b.toml", "allow": ["image"]}}],
                },
                "needs codebuild_projects",
            ),
            ({"stack_names": ["*"]}, "could read and delete every stack"),
            ({"stack_names": ["api_pr"]}, "letters, digits, - and the wildcards"),
            (
                {"stack_names": [], "rules": [VARIABLES["rules"][0] | {"preview": {"teardown": "stacks"}}]},
                "needs stack_names",
            ),
            (
                {"stack_names": [], "rules": [VARIABLES["rules"][0] | {"preview": {"stack_suffix": "-pr-{number}"}}]},
                "needs stack_names",
            ),
            ({"codebuild_projects": {"templates": ["api-*"], "role_arns": []}}, "without wildcards"),
            (
                {"codebuild_projects": {"templates": ["api"], "role_arns": ["arn:aws:iam::123456789012:role/*"]}},
                "complete ARNs of roles",
            ),
            ({"pipeline_role_arns": ["arn:aws:iam::123456789012:role/*"]}, "the complete ARN of one role"),
            ({"path_tokens": []}, "one URL, or two during a rotation"),
            ({"path_tokens": ["a", "b", "c"]}, "one URL, or two during a rotation"),
            ({"path_tokens": ["A/"]}, "1 to 20 characters of a-z"),
            ({"source_cidrs": ["192.0.2.0"]}, "an address range such as"),
            ({"throttle": {"rate": 0, "burst": 1}}, "must be above 0"),
            ({"throttle": {"rate": 10, "burst": 1.5}}, "a whole number"),
            ({"web_acl_rate": 9}, "rates from 10 requests"),
            ({"web_acl_rate": 10.5}, "rates from 10 requests"),
            ({"web_acl_rate": None, "web_acl_arn": "arn:aws:wafv2:us-east-1:123456789012:global/webacl/x/1"}, "a regional web ACL"),
            ({"web_acl_arn": "arn:aws:wafv2:x"}, "web_acl_arn or web_acl_rate, not both"),
            ({"max_tasks": 2, "min_tasks": 3}, "at least min_tasks"),
            ({"image": ""}, "must be the name of an image"),
            ({"image": "ghcr.io/acme/branchline@sha256:..."}, "64 hexadecimal digits"),
            ({"check_with": " "}, "the command or path of branchline"),
            ({"tags": {"aws:team": "x"}}, "not begin with aws:"),
            ({"pipeline_limit": 10, "pipeline_reserve": 10}, "less than pipeline_limit"),
            ({"min_tasks": -1}, "a whole number from 0"),
            ({"max_tasks": 1.5}, "max_tasks must be a whole number"),
            ({"drain_timeout": -1}, "a whole number from 0 to 100"),
            ({"codepipeline_rate": 0}, "from 1 to 1,000"),
            ({"concurrency": -3}, "from 1 to 1,000"),
            ({"subnet_ids": []}, "At least one subnet"),
            ({"subnet_ids": ["vpc-1"]}, "the ID of a subnet"),
            ({"vpc_id": None}, "the ID of a VPC"),
            ({"create_security_group": False}, "at least one security group is required"),
            ({"security_group_ids": ["default"]}, "the ID of a security group"),
            ({"cpu": 300}, "cpu must be 256"),
            ({"cpu": 1024}, "Fargate does not have this much memory"),
            ({"cluster_arn": "shared"}, "the ARN of an ECS cluster"),
            ({"capacity_providers": {"FARGATE_SPOT": {"weight": 0}}}, "otherwise ECS starts no task"),
            ({"capacity_providers": {"FARGATE_SPOT": {"weight": -1}}}, "A weight must be"),
            ({"capacity_providers": {"SPOT": {}}}, "FARGATE and FARGATE_SPOT only"),
            ({"capacity_providers": {"FARGATE": {"base": 1}, "FARGATE_SPOT": {"base": 1}}}, "Only one of the providers"),
            ({"log_retention_days": 91}, "CloudWatch Logs retains for"),
            ({"log_level": "info; rm"}, "such as info"),
            ({"log_level": "loud"}, "such as info"),
            ({"metrics": "statsd"}, "none, cloudwatch or prometheus"),
            ({"scrape_security_group_ids": ["sg-1"]}, "needs metrics"),
            ({"sidecars": [{"name": "branchline", "image": "x"}]}, "a name other than branchline"),
            ({"metrics": "prometheus", "scrape_security_group_ids": ["10.0.0.0/8"]}, "the ID of a security group"),
            ({"sidecars": [{"name": "adot"}]}, "must have an image"),
            ({"sidecars": {"name": "adot", "image": "x"}}, "sidecars must be a list"),
            ({"sidecars": "adot"}, "sidecars must be a list"),
            ({"sidecars": [{"name": "adot", "image": "x"}] * 2}, "those of the others"),
            ({"alarm_emails": ["oncall"]}, "an e-mail address"),
            ({"alarm_topic_arns": ["pager"]}, "the ARN of an SNS topic"),
            ({"domain": VARIABLES["domain"] | {"name": "https://hooks.example.com"}}, "a host name in lower case"),
            ({"domain": VARIABLES["domain"] | {"certificate_arn": "arn:aws:iam::1:server-certificate/x"}}, "a certificate in ACM"),
            ({"domain": VARIABLES["domain"] | {"zone_id": "example.com"}}, "the ID of a Route 53 zone"),
            ({"domain": VARIABLES["domain"] | {"certificate_arn": VARIABLES["domain"]["certificate_arn"].replace("eu-west-1", "us-east-1")}}, "in the Region of the API"),
            ({"role_path": "teams"}, "begin and end with a slash"),
            ({"role_name_prefix": "a" * 55}, "1 to 54 letters"),
            ({"permissions_boundary_arn": "boundary"}, "the ARN of a managed policy"),
            ({"task_role_trust": {"Effect": "Allow"}}, "a list of statements"),
            ({"task_role_trust": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}, "not everybody"),
            ({"task_role_trust": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "iam:PassRole"}]}, "an Action of sts:"),
            ({"kms_key_arns": {"logs": "alias/logs"}}, "the ARN of a key, not of an alias"),
            ({"silence_hours": 25}, "CloudWatch evaluates at most a day"),
            ({"silence_hours": 0.5}, "CloudWatch evaluates at most a day"),
            ({"runbook_url": "docs/OPERATING.md"}, "an https:// address"),
            ({"drain_timeout": 101}, "Fargate kills a stopping task"),
        ]
        for change, sentence in cases:
            with self.subTest(sentence):
                (self.runs.folder / "check.auto.tfvars.json").write_text(json.dumps(VARIABLES | change))
                done = self.runs.run("plan", "-input=false", "-no-color")
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertIn(sentence, " ".join((done.stdout + done.stderr).replace("│", " ").split()))

    def test_null_is_the_default(self) -> None:
        """A module around this one passes null for what its own user left out."""
        optional = {name for name, text in VARIABLE.findall(_texts()) if "\n  default" in text}
        given = {"manage_api_gateway_account", "metrics", "rules", "pipeline_role_arns", "webhook_secret_arns", "secrets", "stack_names", "github", "vpc_id"}
        self.assertGreater(len(optional), 50)
        nothing = VARIABLES | {"scrape_security_group_ids": None} | dict.fromkeys(optional - given)
        (self.runs.folder / "check.auto.tfvars.json").write_text(json.dumps(nothing))
        done = self.runs.run("plan", "-input=false", "-no-color")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_what_rules_may_have(self) -> None:
        """Texts that look like a mistake, and are none."""
        rule = VARIABLES["rules"][0]
        for changes in (
            {"variables": {"PR": '{{"pr":{number}}}'}, "environment": {"V": "#{SourceVariables.CommitId}"}},
            {"on": "branch", "comment": "never", "pipeline_name": "{repo}@{branch_slug}"},
            {"on": "merge_group", "base": ["main"], "variables": {"BASE": "{base}"}},
            {"drop_stages": ["Deploy"], "stages": "all"},
            {"repository": ["!acme/web"]},
        ):
            with self.subTest(changes):
                (self.runs.folder / "check.auto.tfvars.json").write_text(json.dumps(VARIABLES | {"rules": [rule | changes]}))
                self.runs.did("plan", "-input=false", "-no-color")

    def test_clone_names_that_cover_a_template(self) -> None:
        """A pattern that covers a template is rejected with both names, and others are accepted.

        Either of the two may have wildcards.
        """
        cases = [
            ("api-template", "api-*", True),
            ("api-template", "api-pr-*", False),
            ("api-template", "*-pr-*", False),
            ("api-pr-template", "*-pr-*", True),
            ("api-template", "api-templat?", True),
            ("api-template", "api-template?", False),
            ("api-template", "API-*", False),
            ("api.template", "apixtemplate", False),
            ("*-template", "api-*", True),
            ("*-template", "*-pr-*", True),
            ("*-template", "*-pr-?", False),
            ("*-template", "*-pr", False),
            ("api-*", "web-pr-*", False),
            ("*-template", "api-templat?", True),
            ("?pi-template*", "api-*", True),
            ("?pi-template*", "a-*", False),
            ("api-?", "api-7", True),
            ("api-?", "api-?", True),
            ("api-?", "api-??", False),
        ]
        for template, clone, covers in cases:
            with self.subTest(f"{template} {clone}"):
                rule = VARIABLES["rules"][0] | {"pipeline_name": "zz{number}zz", "template": "other"}
                names = {"rules": [rule], "template_names": [template], "clone_names": [clone]}
                (self.runs.folder / "check.auto.tfvars.json").write_text(json.dumps(VARIABLES | names))
                done = self.runs.run("plan", "-input=false", "-no-color", "-target=aws_iam_role_policy.daemon")
                output = " ".join((done.stdout + done.stderr).replace("│", " ").split())
                self.assertEqual(done.returncode, 1 if covers else 0, output)
                if covers:
                    self.assertIn(f"{clone} covers {template}", output)

    def test_an_argument_that_the_provider_does_not_have(self) -> None:
        """An unknown argument is rejected, so the schema is in use."""
        (self.runs.folder / "wrong.tf").write_text('resource "aws_sqs_queue" "x" {\n  fifo = true\n}\n')
        done = self.runs.run("validate", "-no-color")
        self.assertIn("Unsupported argument", done.stdout + done.stderr)

    def test_nothing_that_the_provider_has_deprecated(self) -> None:
        """The newest provider accepts the module without a warning, and warns of an old index."""
        self.assertEqual(self.warnings(), [])
        path = self.runs.folder / "table.tf"
        for name, key in (("hash_key", "HASH"), ("range_key", "RANGE")):
            pattern = rf'    key_schema \{{\n      attribute_name = ("\w+")\n      key_type       = "{key}"\n    \}}\n'
            path.write_text(re.sub(pattern, rf"    {name} = \1\n", path.read_text()))
        self.assertEqual(self.warnings(), ["Argument is deprecated"] * 4)

    def warnings(self) -> list[str]:
        """Returns the warnings of terraform validate."""
        answer = json.loads(self.runs.did("validate", "-json"))
        return [each["summary"] for each in answer["diagnostics"] if each["severity"] == "warning"]


if __name__ == "__main__":
    unittest.main()
