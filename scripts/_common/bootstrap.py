"""Starts a script: finds a new enough Python, enters an environment, runs `main`, and exits.

This module runs before any package is installed, so it uses the standard library alone. It also
runs on any Python since 3.7, so that an old one prints a sentence instead of a traceback.
"""

from __future__ import annotations

import importlib
import io
import os
import shutil
import sys
from collections.abc import Callable
from typing import NoReturn

OLDEST = (3, 11)
NEWER = [f"python3.{minor}" for minor in range(OLDEST[1], OLDEST[1] + 6)]


def start(module: str, environment: str | None = None) -> NoReturn:
    """Runs `main` of a module with the Python of one of the environments, or with any Python."""
    if sys.version_info < OLDEST:
        _restart_with_newer()
    run(lambda: _main(module, environment))


def run(main: Callable[[], int]) -> NoReturn:
    """Runs `main` and exits with its status. A Problem becomes one line on standard error."""
    from .problem import Problem

    name = os.path.basename(sys.argv[0])
    try:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(line_buffering=True)
        status = main()
    except Problem as problem:
        print(f"{name}: {problem}", file=sys.stderr)
        status = problem.status
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        status = 130
    except BrokenPipeError:
        # The reader of the output has ended (`| head`). Without this, the flush at exit would fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    sys.exit(status)


def _main(module: str, environment: str | None) -> int:
    if environment is not None:
        from . import environments

        wanted = environments.named(environment)
        if os.path.realpath(sys.prefix) != os.path.realpath(str(wanted.folder)):
            wanted.ensure()
            _restart(str(wanted.python))
    return int(importlib.import_module(module).main())


def _restart(python: str) -> NoReturn:
    # A PYTHONPATH of another project would come before the packages of the environment.
    variables = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    os.execve(python, [python, os.path.abspath(sys.argv[0]), *sys.argv[1:]], variables)


def _restart_with_newer() -> NoReturn:
    """Looks for a newer Python beside `python3`, as macOS and older Debian releases have it."""
    for name in NEWER:
        python = shutil.which(name)
        if python:
            _restart(python)
    name = os.path.basename(sys.argv[0])
    found = sys.version_info[:2]
    sys.exit("{}: needs Python {}.{} or newer, but python3 is {}.{}".format(name, *OLDEST, *found))
