"""The Dockerfile, as far as it can be judged without an engine: by hadolint, and beside the files that it must agree with."""

import fnmatch
import json
import os
import re
import subprocess
import sys
import tomllib
import unittest
from pathlib import Path

from support import applied

from _infra.paths import ROOT

HADOLINT = Path(sys.executable).with_name("hadolint")
USER = "65532:65532"


def instructions() -> list[tuple[str, str]]:
    """Such as ("FROM", "rust:1.95"), with continued lines in one, and no comments."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    pairs = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [(name, rest) for name, rest in pairs]


def last(name: str) -> str:
    """What an instruction of the last stage says."""
    return [rest for found, rest in instructions() if found == name][-1]


def left_out(path: str) -> bool:
    """Whether .dockerignore leaves a path out: the last pattern that fits it, or a folder above it, decides."""
    above = [path, *(str(folder) for folder in Path(path).parents if str(folder) != ".")]
    out = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.strip()
        if pattern and not pattern.startswith("#") and any(fnmatch.fnmatch(each, pattern.lstrip("!")) for each in above):
            out = not pattern.startswith("!")
    return out


def hadolint(text: str) -> tuple[int, str]:
    """Its status, and what it says."""
    command = [HADOLINT, "--failure-threshold", "style", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


class Container(unittest.TestCase):
    """What is built, and what it is built from."""

    def test_hadolint_has_nothing_to_say(self) -> None:
        """With every rule, none ignored."""
        self.assertEqual(hadolint((ROOT / "Dockerfile").read_text()), (0, ""))

    def test_hadolint_would_say_it(self) -> None:
        """An image without a version, and a command in a shell."""
        status, said = hadolint("FROM rust\nENTRYPOINT branchline\n")
        self.assertEqual(status, 1)
        for rule in ("DL3006", "DL3025"):
            self.assertIn(rule, said)

    def test_the_compiler_is_the_one_of_the_manifest(self) -> None:
        """And the second stage is of the Debian that the first one links against."""
        wanted = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["rust-version"]
        builder, final = [rest.split()[0] for name, rest in instructions() if name == "FROM"]
        self.assertEqual(builder, f"rust:{wanted}-slim-trixie")
        self.assertTrue(final.endswith("/cc-debian13:nonroot"), final)

    def test_it_runs_as_the_task_definition_says(self) -> None:
        """The same user, and the task's command after the image's entry point."""
        (container,) = json.loads(applied()["aws_ecs_task_definition.consumer"]["container_definitions"])
        self.assertEqual((last("USER"), container["user"]), (USER, USER))
        entry, command = json.loads(last("ENTRYPOINT")), json.loads(last("CMD"))
        self.assertEqual(entry, ["/usr/local/bin/branchline"])
        self.assertNotIn("entryPoint", container)
        self.assertEqual(container["command"][: len(command)], command)

    def test_it_stops_and_tells_its_health(self) -> None:
        """By the signal that the daemon drains on, and the command that it has, both without a shell: there is none."""
        self.assertEqual(last("STOPSIGNAL"), "SIGTERM")
        self.assertEqual(json.loads(last("HEALTHCHECK").split(" CMD ")[1]), ["/usr/local/bin/branchline", "health"])

    def test_what_is_copied_is_there_and_in_the_context(self) -> None:
        """Every source of every COPY that is not from another stage."""
        copied = [rest.split()[:-1] for name, rest in instructions() if name == "COPY" and "--from=" not in rest]
        sources = [source for each in copied for source in each]
        self.assertIn("src", sources)
        for source in sources:
            with self.subTest(source):
                self.assertTrue((ROOT / source).exists())
                self.assertFalse(left_out(source))
        tracked = subprocess.run(["git", "ls-files", "src"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        self.assertEqual([path for path in tracked.split() if left_out(path)], [])

    def test_the_context_holds_nothing_else(self) -> None:
        """No build, no history, no secret of somebody's work tree."""
        for path in ("target", ".git", ".git/config", ".sandbox", ".env", "branchline.toml", "infra/terraform.tfstate"):
            self.assertTrue(left_out(path), path)
        kept = {name for name in os.listdir(ROOT) if not left_out(name)}
        self.assertEqual(kept, {"Cargo.toml", "Cargo.lock", "LICENSE", "LICENSE-APACHE", "LICENSE-MIT", "src"})

    def test_sources_need_no_file_beside_them(self) -> None:
        """What is compiled into the binary is under src/; tests may look further."""
        for file in (ROOT / "src").rglob("*.rs"):
            if "tests" in file.parts or file.name == "tests.rs":
                continue
            for named in re.findall(r'include_(?:str|bytes)!\("([^"]+)"\)', file.read_text()):
                inside = (file.parent / named).resolve()
                self.assertTrue(inside.is_relative_to(ROOT / "src"), f"{file}: {named}")


if __name__ == "__main__":
    unittest.main()
