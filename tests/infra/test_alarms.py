"""Compares the alarms with docs/OPERATING.md: each alarm has a section there, with a command."""

import json
import re
import tomllib
import unittest
from typing import Any

from support import applied

from _infra.paths import ROOT
from _infra.permissions import VARIABLES

PAGE = (ROOT / "docs" / "OPERATING.md").read_text()
FIELDS = (ROOT / "docs" / "OBSERVABILITY.md").read_text()


def alarms() -> dict[str, dict[str, Any]]:
    """Returns the alarms for operators, by key."""
    pattern = re.compile(r'^aws_cloudwatch_metric_alarm\.operators\["([a-z-]+)"\]$')
    found = {pattern.match(address): values for address, values in applied().items()}
    return {match[1]: values for match, values in found.items() if match}


def sections() -> dict[str, str]:
    """Returns the sections of the page by anchor, as GitHub generates them."""
    parts = re.split(r"(?m)^#+ (.+)\n", PAGE)[1:]
    anchors = [re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in parts[::2]]
    return dict(zip(anchors, parts[1::2], strict=True))


class Alarms(unittest.TestCase):
    """The alarms for operators, and the page that their descriptions refer to."""

    def test_each_alarm_names_its_section(self) -> None:
        """Each alarm refers to the section under its key, and each section has an alarm."""
        self.assertGreater(len(alarms()), 5)
        for key, values in alarms().items():
            self.assertRegex(values["alarm_description"], rf"^[A-Z][^#]+: https://\S+/docs/OPERATING\.md#{key}$")
        chapters = re.split(r"(?m)^## .+\n", PAGE)
        (chapter,) = [each for each in chapters if "\n### queue-age\n" in each]
        self.assertEqual(set(re.findall(r"(?m)^### (.+)$", chapter)), set(alarms()))

    def test_each_section_has_a_command_and_describes_its_output(self) -> None:
        """The command and the description are the last two parts of the section."""
        for key in alarms():
            with self.subTest(key):
                before, block, after = re.split(r"\n```\n", sections()[key], maxsplit=2)
                self.assertTrue(before.strip())
                self.assertRegex(block, r"^\$ +(aws|branchline) ")
                self.assertRegex(after, r"\bshows?\b")

    def test_the_link_is_to_the_page_of_this_version(self) -> None:
        """A later page may describe other alarms."""
        version = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["version"]
        links = {values["alarm_description"].split(": ")[-1].split("#")[0] for values in alarms().values()}
        self.assertEqual([link.split("/blob/")[1] for link in links], [f"v{version}/docs/OPERATING.md"])

    def test_metric_filters_use_documented_log_fields(self) -> None:
        """After a renamed field, a filter would silently match nothing."""
        filters = [values for address, values in applied().items() if "aws_cloudwatch_log_metric_filter.outcome" in address]
        used = {field for values in filters for field in re.findall(r"\$\.([a-z._]+)", values["pattern"])}
        self.assertEqual(used, {"outcome", "disposition", "fault", "left_behind"})
        self.assertEqual({field for field in used if f"`{field}`" not in FIELDS}, set())

    def test_one_refused_webhook_of_github_fires_an_alarm(self) -> None:
        """The filter uses fields of the access log, and the alarm its metric."""
        log = applied()["aws_cloudwatch_log_group.access[0]"]["name"]
        line = json.loads(applied()["aws_api_gateway_stage.live"]["access_log_settings"][0]["format"])
        found = applied()["aws_cloudwatch_log_metric_filter.github_refused[0]"]
        self.assertEqual(found["log_group_name"], log)
        self.assertEqual(set(re.findall(r"\$\.([a-z]+)", found["pattern"])), {"agent", "status"})
        self.assertEqual((line["agent"], line["status"]), ("$context.identity.userAgent", "$context.status"))
        (metric,) = found["metric_transformation"]
        alarm = alarms()["github-refused"]
        self.assertEqual((alarm["namespace"], alarm["metric_name"]), (metric["namespace"], metric["name"]))
        self.assertEqual((alarm["threshold"], alarm["evaluation_periods"], alarm["period"]), (0, 1, 60))
        self.assertEqual(alarm["comparison_operator"], "GreaterThanThreshold")

    def test_silence(self) -> None:
        """Missing data is silence as well, and CloudWatch evaluates at most a day."""
        alarm = alarms()["silence"]
        self.assertEqual(alarm["dimensions"], {"QueueName": applied()["aws_sqs_queue.webhooks"]["name"]})
        self.assertEqual((alarm["comparison_operator"], alarm["threshold"]), ("LessThanThreshold", 1))
        self.assertEqual((alarm["period"], alarm["evaluation_periods"]), (3600, VARIABLES["silence_hours"]))
        self.assertEqual(alarm["treat_missing_data"], "breaching")
        for values in alarms().values():
            self.assertLessEqual(values["period"] * values["evaluation_periods"], 86_400)

    def test_links_within_the_page(self) -> None:
        """Each link leads to a section."""
        for anchor in re.findall(r"\]\(#([^)]+)\)", PAGE):
            self.assertIn(anchor, sections())

    def test_commands_use_the_names_of_the_module(self) -> None:
        """A command with a wrong name shows nothing."""
        groups = {values["name"] for address, values in applied().items() if "aws_cloudwatch_log_group." in address}
        self.assertEqual(set(re.findall(r"aws logs tail (\S+)", PAGE)), groups)
        cluster, service = applied()["aws_ecs_cluster.consumer[0]"]["name"], applied()["aws_ecs_service.consumer"]["name"]
        self.assertIn(f"--cluster {cluster} --services {service} ", PAGE)
        self.assertIn(f"Name=TableName,Value={applied()['aws_dynamodb_table.mappings']['name']} ", PAGE)


if __name__ == "__main__":
    unittest.main()
