"""What an alarm says is in docs/OPERATING.md is there, with a command to run."""

import re
import unittest
from typing import Any

from support import applied

from _infra.paths import ROOT

PAGE = (ROOT / "docs" / "OPERATING.md").read_text()


def alarms() -> dict[str, dict[str, Any]]:
    """Those for people, by key."""
    pattern = re.compile(r'^aws_cloudwatch_metric_alarm\.people\["([a-z-]+)"\]$')
    found = {pattern.match(address): values for address, values in applied().items()}
    return {match[1]: values for match, values in found.items() if match}


def sections() -> dict[str, str]:
    """The page's sections by anchor, as GitHub makes them."""
    parts = re.split(r"(?m)^#+ (.+)\n", PAGE)[1:]
    anchors = [re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in parts[::2]]
    return dict(zip(anchors, parts[1::2], strict=True))


class Alarms(unittest.TestCase):
    """Somebody reads them at three in the morning."""

    def test_each_names_its_section(self) -> None:
        """Under its own key, and no section is left over."""
        self.assertGreater(len(alarms()), 5)
        for key, values in alarms().items():
            self.assertTrue(values["alarm_description"].endswith(f" docs/OPERATING.md#{key}"), key)
        inside = PAGE.split("\n## The alarms of infra/\n")[1]
        self.assertEqual(set(re.findall(r"(?m)^### (.+)$", inside)), set(alarms()))

    def test_each_section_has_a_command_and_what_it_shows(self) -> None:
        """The last things in it."""
        for key in alarms():
            with self.subTest(key):
                before, block, after = re.split(r"\n```\n", sections()[key], maxsplit=2)
                self.assertTrue(before.strip())
                self.assertRegex(block, r"^\$ +(aws|branchline) ")
                self.assertRegex(after, r"\bshows?\b")

    def test_the_pages_own_links(self) -> None:
        """Each leads somewhere."""
        for anchor in re.findall(r"\]\(#([^)]+)\)", PAGE):
            self.assertIn(anchor, sections())

    def test_names_are_those_that_terraform_makes(self) -> None:
        """A command with the wrong name shows nothing."""
        groups = {values["name"] for address, values in applied().items() if "aws_cloudwatch_log_group." in address}
        self.assertEqual(set(re.findall(r"aws logs tail (\S+)", PAGE)), groups)
        cluster, service = applied()["aws_ecs_cluster.consumer"]["name"], applied()["aws_ecs_service.consumer"]["name"]
        self.assertIn(f"--cluster {cluster} --services {service} ", PAGE)
        self.assertIn(f"Name=TableName,Value={applied()['aws_dynamodb_table.mappings']['name']} ", PAGE)


if __name__ == "__main__":
    unittest.main()
