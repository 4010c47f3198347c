"""Tests the picture of the demo: what it shows, and that it is the same for each run."""

import tempfile
import unittest
from pathlib import Path
from xml.etree import ElementTree

import support

from _common import paths
from _common.problem import Problem
from _sandbox.demo import picture

assert support  # it makes the scripts' packages importable

PRINTED = """
Preparing
  \u2713 an emulated AWS at http://127.0.0.1:44245

1. A pull request is opened
    -> acme/api#7 <was> opened (delivery 63df334e, 4884 bytes)
  \u2713 the pipeline api-pr-7 exists
      |
      | 1f0c3a52 (head): all checks have passed
      |   \u2713 branchline/api (success) Succeeded in 12 s
      |       details: https://example.com

5. A draft is opened
    -> nothing of it is shown
"""


class Pictures(unittest.TestCase):
    """The picture of what was printed."""

    def test_it_shows_the_first_steps(self) -> None:
        """Preparation, later steps, ids, sizes and details are left out."""
        self.assertEqual(
            list(picture.lines(PRINTED)),
            [
                "1. A pull request is opened",
                "    -> acme/api#7 <was> opened",
                "  \u2713 the pipeline api-pr-7 exists",
                "      | 1f0c3a52 (head): all checks have passed",
                "      |   \u2713 branchline/api (success) Succeeded in 9 s",
                "",
            ],
        )

    def test_another_run_has_the_same_picture(self) -> None:
        """Another delivery and another duration change nothing, and another outcome does."""
        again = PRINTED.replace("63df334e", "0de63c13").replace("12 s", "3 s")
        self.assertEqual(picture.svg(again), picture.svg(PRINTED))
        self.assertNotEqual(
            picture.svg(PRINTED.replace("success", "failure")), picture.svg(PRINTED)
        )

    def test_it_is_well_formed(self) -> None:
        """Text of the demo is never markup."""
        root = ElementTree.fromstring(picture.svg(PRINTED))
        texts = ["".join(each.itertext()) for each in root if each.tag.endswith("text")]
        self.assertIn("    -> acme/api#7 <was> opened", texts)

    def test_a_long_line_is_cut(self) -> None:
        """It would leave the picture."""
        (line,) = picture.lines(f"1. {'x' * 200}")
        self.assertEqual(len(line), picture.COLUMNS)

    def test_a_stale_picture(self) -> None:
        """The message has the command that makes it again."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "demo.svg"
            with self.assertRaisesRegex(Problem, "run scripts/demo --record"):
                picture.compare(PRINTED, file)
            picture.record(PRINTED, file)
            picture.compare(PRINTED, file)
            with self.assertRaisesRegex(Problem, "does not show what the demo prints now"):
                picture.compare(PRINTED.replace("pipeline", "PIPELINE"), file)

    def test_the_readme_shows_it(self) -> None:
        """`scripts/test demo` compares the file with a run."""
        self.assertIn("](docs/demo.svg)", (paths.ROOT / "README.md").read_text())
        root = ElementTree.parse(paths.ROOT / "docs" / "demo.svg").getroot()
        text = "".join(root.itertext())
        for step in range(1, picture.STEPS + 1):
            self.assertIn(f"{step}. ", text)
        self.assertNotIn("127.0.0.1", text)


if __name__ == "__main__":
    unittest.main()
