"""Tests how the scripts install their tools: once, completely, and again after a change."""

import multiprocessing
import tempfile
import unittest
from pathlib import Path

import support

from _common import environments
from _common.parts import Part, check_sum, need
from _common.problem import Problem

assert support  # it makes the scripts' packages importable


def fill_slowly(folder: Path) -> None:
    """Appends to a log beside the folder, and gives a second process time to start filling, too."""
    with (folder.parent / "log").open("a") as log:
        log.write("filled\n")
    multiprocessing.Event().wait(0.2)


class Parts(unittest.TestCase):
    """A part is filled once for its pins."""

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.pins = self.folder / "pins.txt"
        self.pins.write_text("one==1\n")
        self.filled = 0

    def fill(self, folder: Path) -> None:
        self.assertEqual(list(folder.iterdir()), [])
        (folder / "tool").write_text(self.pins.read_text())
        self.filled += 1

    def part(self) -> Part:
        return Part(self.folder / "part", (self.pins,), self.fill)

    def test_it_is_filled_once(self) -> None:
        """A second run finds the stamp."""
        self.part().ensure()
        self.part().ensure()
        self.assertEqual(self.filled, 1)

    def test_a_change_of_the_pins_fills_it_again(self) -> None:
        """Nothing of the old content remains."""
        self.part().ensure()
        self.pins.write_text("one==2\n")
        folder = self.part().ensure()
        self.assertEqual(self.filled, 2)
        self.assertEqual((folder / "tool").read_text(), "one==2\n")

    def test_an_interrupted_installation_is_not_taken_for_a_complete_one(self) -> None:
        """The stamp is written last."""

        def interrupted(folder: Path) -> None:
            (folder / "half").touch()
            raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            Part(self.folder / "part", (self.pins,), interrupted).ensure()
        self.part().ensure()
        self.assertEqual(self.filled, 1)

    def test_two_processes_fill_it_once(self) -> None:
        """The second one waits for the lock, and then finds the stamp."""
        part = Part(self.folder / "part", (self.pins,), fill_slowly)
        processes = [multiprocessing.Process(target=part.ensure) for _ in range(2)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        self.assertEqual([process.exitcode for process in processes], [0, 0])
        self.assertEqual((self.folder / "log").read_text(), "filled\n")

    def test_a_wrong_sum(self) -> None:
        """The error has the file and both sums."""
        with self.assertRaisesRegex(Problem, "pins.txt has the SHA-256 [0-9a-f]{64}, and 0000 is"):
            check_sum(self.pins, "0000")

    def test_a_missing_tool(self) -> None:
        """The error has the tool, and exit code 2."""
        with self.assertRaisesRegex(Problem, "no-such-tool is not installed") as caught:
            need(["no-such-tool"])
        self.assertEqual(caught.exception.status, 2)


class Environments(unittest.TestCase):
    """Each environment has a file of pinned requirements."""

    def test_an_unknown_name(self) -> None:
        """The error has the known names."""
        with self.assertRaisesRegex(Problem, "choose one of e2e, infra, lint, sandbox"):
            environments.named("nothing")

    def test_every_requirement_is_pinned(self) -> None:
        """A package without a version would change without a commit."""
        for pins in environments.paths.REQUIREMENTS.glob("*.txt"):
            for line in pins.read_text().splitlines():
                if line and not line.startswith(("#", "--only-binary")):
                    self.assertRegex(line, r"^[\w.-]+==[\w.]+$", pins.name)


if __name__ == "__main__":
    unittest.main()
