"""scripts/infra-check: checks infra/ and the mapping template without an AWS account."""

import argparse
import os
import subprocess
from pathlib import Path

from _common import cargo, environments, parts, paths, terminal
from _common.problem import Problem
from _gateway.packages import ENGINE

from . import deprecations, packages

TERRAFORM_TOOLS = ("terraform", "node", "npm")
GATEWAY_TOOLS = ("node", "npm", "java", "javac", "apt-get", "dpkg-deb")


def main() -> int:
    """Runs one or both parts. A failure is a Problem with the output above it."""
    parser = argparse.ArgumentParser(
        prog="scripts/infra-check",
        description="Checks infra/ without an AWS account. The part terraform checks the layout, plans and "
        "applies with a stand-in for the AWS provider, and simulates IAM for every AWS call in src/aws. The "
        "part gateway renders the mapping template with Apache Velocity and sends the results through an "
        "emulated SQS to branchline.",
        epilog="Needs Terraform, Python 3.11 and Node.js, and for gateway a JDK and Debian's apt.",
    )
    parser.add_argument("part", nargs="?", choices=["terraform", "gateway"], help="default: both")
    binary_help = "use this branchline and build nothing"
    parser.add_argument("--binary", type=Path, metavar="FILE", help=binary_help)
    tables_help = "write infra/INPUTS.md from the files of the module, and check nothing"
    parser.add_argument("--write-inputs", action="store_true", help=tables_help)
    arguments = parser.parse_args()
    if arguments.write_inputs:
        return _write_inputs()
    if arguments.part != "gateway":
        _terraform()
    if arguments.part != "terraform":
        _gateway(arguments.binary)
    return 0


def _write_inputs() -> int:
    """Runs tables.py in the environment that has a parser of Terraform files."""
    environment = environments.named("infra")
    environment.ensure()
    command = [str(environment.python), "-c", "from _infra import tables; tables.write()"]
    return subprocess.run(command, cwd=paths.ROOT / "scripts", check=False).returncode


def _terraform() -> None:
    parts.need(TERRAFORM_TOOLS)
    packages.NPM.ensure()
    deprecations.PART.ensure()
    environment = environments.named("infra")
    environment.ensure()
    variables = {**os.environ, "CHECKPOINT_DISABLE": "1"}
    # The person's configuration may name a mirror, which would be asked for providers.
    variables.pop("TF_CLI_CONFIG_FILE", None)
    terminal.heading("terraform fmt")
    _run(["terraform", "fmt", "-check", "-diff", "-recursive", "infra"], variables)
    terminal.heading("tests/infra")
    discover = ["-m", "unittest", "discover", "--start-directory", "tests/infra"]
    command = [str(environment.python), *discover, "--top-level-directory", "tests/infra"]
    _run(command, variables)


def _gateway(binary: Path | None) -> None:
    parts.need(GATEWAY_TOOLS)
    packages.NPM.ensure()
    ENGINE.ensure()
    environment = environments.named("sandbox")
    environment.ensure()
    found = binary.resolve() if binary else cargo.branchline(release=False)
    terminal.heading("tests/gateway")
    command = [str(environment.python), "-m", "unittest", "discover"]
    variables = {**os.environ, "GATEWAY_CHECK_BINARY": str(found)}
    _run([*command, "--start-directory", "tests/gateway"], variables)


def _run(command: list[str], variables: dict[str, str]) -> None:
    status = subprocess.run(command, cwd=paths.ROOT, env=variables, check=False).returncode
    if status != 0:
        raise Problem(
            f"{Path(command[0]).name} ended with exit code {status}: see its output above"
        )
