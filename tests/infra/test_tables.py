"""Compares infra/INPUTS.md with the files of the module."""

import json
import re
import unittest

from support import outputs

from _infra import tables
from _infra.paths import INFRA


class Tables(unittest.TestCase):
    """The tables of inputs and outputs."""

    def test_the_page_is_up_to_date(self) -> None:
        """To correct it, run scripts/infra-check --write-inputs."""
        self.assertEqual(tables.PAGE.read_text(), tables.text())

    def test_every_input_and_output_is_listed(self) -> None:
        """The names come from Terraform's own files, by another pattern than in the script."""
        declared = {name for file in INFRA.glob("*.tf") for name in re.findall(r'variable "(\w+)"', file.read_text())}
        page = tables.PAGE.read_text()
        self.assertEqual(set(re.findall(r'<a name="input_(\w+)">', page)), declared)
        self.assertEqual(set(re.findall(r'<a name="output_(\w+)">', page)), set(outputs()) | {"webhook_urls"})

    def test_defaults_are_json(self) -> None:
        """A text, an object over several lines, null, and none at all."""
        rows = dict(re.findall(r'<a name="input_(\w+)"></a>.*\| (.+) \| (?:yes|no) \|', tables.PAGE.read_text()))
        self.assertEqual((rows["name"], rows["silence_hours"], rows["subnet_ids"]), ('`"branchline"`', "`null`", "n/a"))
        text = rows["throttle"].removeprefix("<pre>").removesuffix("</pre>").replace("<br/>", "\n")
        self.assertEqual(json.loads(text), {"rate": 200, "burst": 1000})


if __name__ == "__main__":
    unittest.main()
