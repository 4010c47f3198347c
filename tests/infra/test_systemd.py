"""Tests infra/systemd with systemd's own checks, which need no running systemd."""

import configparser
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import support

from _infra.paths import INFRA

assert support  # it makes _infra importable

FOLDER = INFRA / "systemd"
SERVICES = ("branchline.service", "branchline-once.service")
UNITS = (*SERVICES, "branchline-once.timer")
MAX_EXPOSURE = 1.5
"""Of 10, in the words of systemd-analyze. A service without any hardening has 9.6."""


def service(name: str) -> dict[str, list[str]]:
    """Returns the settings of [Service]. A setting may appear more than once."""
    section, found = "", {}
    for line in (FOLDER / name).read_text().splitlines():
        if line.startswith("["):
            section = line
        elif "=" in line and not line.startswith("#") and section == "[Service]":
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


@unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
class Checked(unittest.TestCase):
    """What systemd says of the units."""

    def test_systemd_accepts_the_units(self) -> None:
        """It warns of unknown keys and of values that it ignores, which counts as an error."""
        with tempfile.TemporaryDirectory() as folder:
            for unit in UNITS:
                done = self.verify(Path(folder), unit, (FOLDER / unit).read_text())
                self.assertEqual((done.returncode, done.stderr), (0, ""), unit)

    def test_systemd_refuses_a_faulty_unit(self) -> None:
        """A misspelled key would otherwise turn hardening off without a word."""
        with tempfile.TemporaryDirectory() as folder:
            text = (FOLDER / SERVICES[0]).read_text().replace("ProtectSystem=", "ProtectSystems=")
            done = self.verify(Path(folder), SERVICES[0], text)
            self.assertIn("ProtectSystems", done.stderr)

    def test_the_services_are_hardened(self) -> None:
        """systemd counts what a service could do."""
        for unit in SERVICES:
            command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(FOLDER / unit)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            found = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
            self.assertIsNotNone(found, done.stdout + done.stderr)
            assert found is not None
            self.assertLessEqual(float(found[1]), MAX_EXPOSURE, unit)

    def verify(self, folder: Path, unit: str, text: str) -> subprocess.CompletedProcess[str]:
        """Verifies a unit whose program exists, which this machine need not have installed."""
        for other in UNITS:
            (folder / other).write_text(self.runnable((FOLDER / other).read_text()))
        (folder / unit).write_text(self.runnable(text))
        command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=yes", str(folder / unit)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    @staticmethod
    def runnable(text: str) -> str:
        """Returns a unit with a program that exists."""
        return text.replace("/usr/local/bin/branchline", "/bin/true")


class Written(unittest.TestCase):
    """What the units have in common."""

    def test_both_services_are_hardened_alike(self) -> None:
        """They differ only in how they start and end."""
        own = {"Type", "ExecStart", "Restart", "RestartSec", "TimeoutStartSec"}
        daemon, once = ({key: value for key, value in service(name).items() if key not in own} for name in SERVICES)
        self.assertEqual(daemon, once)

    def test_the_commands(self) -> None:
        """The second one is the first one with one flag, and without the metrics."""
        daemon, once = (service(name)["ExecStart"][0].split() for name in SERVICES)
        self.assertEqual([word for word in once if word != "--until-empty"], daemon[: len(once) - 1])
        self.assertIn("--until-empty", once)

    def test_there_is_time_to_stop(self) -> None:
        """The drain timeout is 25 s by default, and 4 s are for the last acknowledgements."""
        for name in SERVICES:
            self.assertGreaterEqual(int(service(name)["TimeoutStopSec"][0]), 30)

    def test_the_timer_starts_the_service_of_its_name(self) -> None:
        """It waits for the end of the run before, so that runs do not pile up."""
        timer = configparser.ConfigParser()
        timer.optionxform = str  # type: ignore[assignment,method-assign]
        timer.read(FOLDER / "branchline-once.timer")
        self.assertIn("OnUnitInactiveSec", timer["Timer"])
        self.assertNotIn("Unit", timer["Timer"])


if __name__ == "__main__":
    unittest.main()
