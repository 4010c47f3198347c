"""scripts/env: runs a command with the tools of one of the Python environments."""

import argparse
import os
import sys

from . import environments
from .problem import Problem


def main() -> int:
    """Makes the environment if needed, and replaces this process with the command."""
    parser = argparse.ArgumentParser(
        prog="scripts/env",
        description="Runs a command with one of the pinned Python environments first on the PATH.",
    )
    parser.add_argument("environment", help="the name of a file in scripts/requirements/")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND...")
    arguments = parser.parse_args()
    if not arguments.command:
        parser.error("no command is given")
    folder = environments.named(arguments.environment).ensure()
    variables = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    variables["PATH"] = f"{folder}:{variables.get('PATH', os.defpath)}"
    sys.stdout.flush()
    try:
        os.execvpe(arguments.command[0], arguments.command, variables)
    except OSError as error:
        raise Problem(f"{arguments.command[0]}: {error.strerror}", 127) from None
