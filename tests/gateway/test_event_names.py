"""Tests GitHub's examples under the name of every event that branchline handles.

The name is a header, which GitHub does not sign. tests/it/stories/event_names.rs does the same with
bodies of the project's own, and compares the effects.
"""

import json
import os
import subprocess
import sys
import unittest
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import support  # noqa: F401  (makes _gateway importable)

from _common.isolation import environment
from _gateway import corpus
from _gateway.arrivals import BINARY
from _gateway.case import SECRET
from _sandbox.account import SECRET_VARIABLE

HANDLED = ("create", "delete", "pull_request", "push", "repository")
"""The events whose body is read. A `ping` is ignored unread."""

ALIKE = {("repository", "watch", "started")}
"""Names with bodies that they cannot be told from by their fields, and the actions of the bodies.
`repository` has no such action, so nothing happens."""

CONFIGURATION = f"""
[store]
table = "branchline"
[github]
secrets = "env:{SECRET_VARIABLE}"
[[rule]]
repository = "**"
on = "pull_request"
template = "template"
[[rule]]
repository = "**"
on = "branch"
template = "template"
"""

TEMPLATE = {
    "name": "template",
    "roleArn": "arn:aws:iam::123456789012:role/pipeline",
    "stages": [{"name": "Source", "actions": []}, {"name": "Build", "actions": []}],
}
"""Every clone of it is refused, after the event was read."""


SECONDS = 60
"""For one prediction."""


@dataclass(frozen=True)
class Example:
    """A payload of the package."""

    event: str
    body: str

    @property
    def action(self) -> str | None:
        """The action within the event."""
        return json.loads(self.body).get("action")


def examples() -> Iterator[Example]:
    """Yields each payload once."""
    for file in sorted(corpus.EXAMPLES.glob("*/index.json")):
        for kind in json.loads(file.read_text(encoding="utf-8")):
            for payload in kind["examples"]:
                yield Example(kind["name"], json.dumps(payload))


class EventNames(unittest.TestCase):
    """Each example, under each name."""

    def test_only_the_true_name_is_read(self) -> None:
        """Another name is refused, or the body has an action that the name does not have."""
        found = list(dict.fromkeys(examples()))
        self.assertGreaterEqual(len({example.event for example in found}), 50)
        pairs = [(name, example) for example in found for name in HANDLED]
        alike = set()
        with TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
            explain = Explain(Path(folder))
            for (name, example), result in zip(pairs, pool.map(explain, pairs), strict=True):
                refused = result == "invalid-payload"
                with self.subTest(name=name, event=example.event, action=example.action):
                    if name == example.event:
                        self.assertFalse(refused)
                    elif not refused:
                        self.assertEqual(result, "ignored")
                        alike.add((name, example.event, example.action))
        self.assertEqual(alike, ALIKE)
        print(f"    {len(pairs)} pairs of an example and a name", file=sys.stderr)


class Explain:
    """Predicts the outcome of a body under a name, with a rule for every repository."""

    def __init__(self, folder: Path) -> None:
        (folder / "branchline.toml").write_text(CONFIGURATION, encoding="utf-8")
        (folder / "template.json").write_text(json.dumps(TEMPLATE), encoding="utf-8")
        files = ["--config", "branchline.toml", "--template", "template.json"]
        self._command = [os.environ[BINARY], "explain", "-", "--output", "json", *files]
        self._folder = folder
        self._environment = environment(**{SECRET_VARIABLE: SECRET})

    def __call__(self, pair: tuple[str, Example]) -> str:
        """Returns the outcome in one word."""
        name, example = pair
        done = subprocess.run(
            [*self._command, "--event", name],
            cwd=self._folder,
            env=self._environment,
            input=example.body,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        if done.returncode not in {0, 1}:
            raise AssertionError(f"branchline explain failed: {done.stderr.strip()}")
        return json.loads(done.stdout)["journal"]["outcome"]


if __name__ == "__main__":
    unittest.main()
