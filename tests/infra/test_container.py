"""Tests the Dockerfile without a container engine.

hadolint checks it, and the tests compare it with the files that it must agree with.
"""

import fnmatch
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import unittest
from pathlib import Path

from support import applied

from _infra.paths import ROOT

HADOLINT = Path(sys.executable).with_name("hadolint")
USER = "65532:65532"
TRIPLES = {"amd64": "x86_64-unknown-linux-gnu", "arm64": "aarch64-unknown-linux-gnu"}


def instructions() -> list[tuple[str, str]]:
    """Returns the instructions, such as ("FROM", "rust:1.95"), with continued lines joined."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    pairs = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [(name, rest) for name, rest in pairs]


def last(name: str) -> str:
    """Returns the arguments of the last instruction of this name."""
    return [rest for found, rest in instructions() if found == name][-1]


def last_in_builder(name: str) -> str:
    """Returns the arguments of the last instruction of this name in the first stage."""
    found = instructions()
    second = [number for number, (each, _) in enumerate(found) if each == "FROM"][1]
    return [rest for each, rest in found[:second] if each == name][-1]


def run_case(script: str, architecture: str) -> str | None:
    """Runs a RUN instruction with stand-ins for its programs, and returns the triple that it wrote.

    None means that it failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        for program in ("rustup", "apt-get", "rm"):
            (Path(folder) / program).symlink_to("/bin/true")
        done = subprocess.run(
            ["/bin/sh", "-c", script],
            cwd=folder,
            env={"TARGETARCH": architecture, "BUILDARCH": "amd64", "PATH": folder},
            capture_output=True,
            check=False,
        )
        return (Path(folder) / "triple").read_text().strip() if done.returncode == 0 else None


def excluded(path: str) -> bool:
    """Returns whether .dockerignore excludes a path.

    The last pattern that matches the path, or a folder above it, decides.
    """
    above = [path, *(str(folder) for folder in Path(path).parents if str(folder) != ".")]
    out = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.strip()
        if pattern and not pattern.startswith("#") and any(fnmatch.fnmatch(each, pattern.lstrip("!")) for each in above):
            out = not pattern.startswith("!")
    return out


def hadolint(text: str) -> tuple[int, str]:
    """Returns the exit status and the output of hadolint."""
    command = [HADOLINT, "--failure-threshold", "style", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


class Container(unittest.TestCase):
    """The image, and its build context."""

    def test_hadolint_has_no_findings(self) -> None:
        """One rule is ignored at one place: the cross compiler has no pinned version."""
        text = (ROOT / "Dockerfile").read_text()
        self.assertEqual(hadolint(text), (0, ""))
        self.assertEqual(re.findall(r"hadolint ignore=(\S+)", text), ["DL3008"])

    def test_hadolint_reports_faults(self) -> None:
        """It reports an image without a version, and a command in a shell."""
        status, output = hadolint("FROM rust\nENTRYPOINT branchline\n")
        self.assertEqual(status, 1)
        for rule in ("DL3006", "DL3025"):
            self.assertIn(rule, output)

    def test_the_compiler_version_is_that_of_the_manifest(self) -> None:
        """The second stage has the Debian release that the first one links against."""
        wanted = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["rust-version"]
        builder, final = [rest for name, rest in instructions() if name == "FROM"]
        self.assertEqual(builder, f"--platform=$BUILDPLATFORM rust:{wanted}-slim-trixie AS builder")
        self.assertTrue(final.endswith("/cc-debian13:nonroot"), final)

    def test_it_compiles_for_both_architectures_of_fargate(self) -> None:
        """The compiler runs on the build machine, and every cargo command names the target."""
        script = next(rest for name, rest in instructions() if name == "RUN")
        for architecture, triple in TRIPLES.items():
            built = run_case(script, architecture)
            self.assertEqual(built, triple)
        self.assertIsNone(run_case(script, "riscv64"))
        commands = re.findall(r"cargo (?:build|clean) [^&]*", "\n".join(rest for name, rest in instructions() if name == "RUN"))
        self.assertEqual(len(commands), 3)
        for command in commands:
            self.assertIn('--target "$(cat triple)"', command)

    def test_each_target_has_its_linker_and_its_c_compiler(self) -> None:
        """Without them, cargo would link ARM objects with the compiler of the build machine."""
        variables = dict(re.findall(r"(\S+)=(\S+)", last_in_builder("ENV")))
        for triple in TRIPLES.values():
            name = triple.replace("-", "_")
            compiler = triple.replace("-unknown", "") + "-gcc"
            self.assertEqual(variables[f"CARGO_TARGET_{name.upper()}_LINKER"], compiler)
            self.assertEqual(variables[f"CC_{name}"], compiler)

    def test_the_image_agrees_with_the_task_definition(self) -> None:
        """Both have the same user, and the command of the task extends that of the image."""
        (container,) = json.loads(applied()["aws_ecs_task_definition.consumer"]["container_definitions"])
        self.assertEqual((last("USER"), container["user"]), (USER, USER))
        entry, command = json.loads(last("ENTRYPOINT")), json.loads(last("CMD"))
        self.assertEqual(entry, ["/usr/local/bin/branchline"])
        self.assertNotIn("entryPoint", container)
        self.assertEqual(container["command"][: len(command)], command)

    def test_stop_signal_and_health_check(self) -> None:
        """The signal starts the drain, and the health check needs no shell: the image has none."""
        self.assertEqual(last("STOPSIGNAL"), "SIGTERM")
        self.assertEqual(json.loads(last("HEALTHCHECK").split(" CMD ")[1]), ["/usr/local/bin/branchline", "health"])

    def test_copied_sources_exist_and_are_in_the_context(self) -> None:
        """This covers each source of each COPY that is not from another stage."""
        copied = [rest.split()[:-1] for name, rest in instructions() if name == "COPY" and "--from=" not in rest]
        sources = [source for each in copied for source in each]
        self.assertIn("src", sources)
        for source in sources:
            with self.subTest(source):
                self.assertTrue((ROOT / source).exists())
                self.assertFalse(excluded(source))
        tracked = subprocess.run(["git", "ls-files", "src"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        self.assertEqual([path for path in tracked.split() if excluded(path)], [])

    def test_the_context_contains_nothing_else(self) -> None:
        """It has no build output, no history, and no secrets from a work tree."""
        for path in ("target", ".git", ".git/config", ".sandbox", ".env", "branchline.toml", "infra/terraform.tfstate"):
            self.assertTrue(excluded(path), path)
        kept = {name for name in os.listdir(ROOT) if not excluded(name)}
        self.assertEqual(kept, {"Cargo.toml", "Cargo.lock", "LICENSE", "LICENSE-APACHE", "LICENSE-MIT", "src"})

    def test_sources_include_only_files_under_src(self) -> None:
        """Files that are compiled into the binary are under src/. Only tests may include others."""
        for file in (ROOT / "src").rglob("*.rs"):
            if "tests" in file.parts or file.name == "tests.rs":
                continue
            for named in re.findall(r'include_(?:str|bytes)!\("([^"]+)"\)', file.read_text()):
                inside = (file.parent / named).resolve()
                self.assertTrue(inside.is_relative_to(ROOT / "src"), f"{file}: {named}")


if __name__ == "__main__":
    unittest.main()
