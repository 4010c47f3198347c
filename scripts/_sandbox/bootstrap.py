"""How a script gets from whatever `python3` is to the project's own virtual environment, and how it ends.

Runs before any package is there, so it needs the standard library alone; and on any Python since 3.7, so that an old
one gets a sentence and not a traceback.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Callable
from typing import NoReturn

OLDEST = (3, 11)
NEWER = [f"python3.{minor}" for minor in range(OLDEST[1], OLDEST[1] + 6)]


def enter(script: str) -> None:
    """Returns inside the virtual environment; anywhere else, makes it and starts `script` again with its Python."""
    if sys.version_info < OLDEST:
        _restart_with_newer(script)
    from . import paths, venv

    if os.path.realpath(sys.prefix) == os.path.realpath(str(paths.VENV)):
        return
    run(lambda: _restart(str(venv.ensure()), script))


def run(main: Callable[[], int]) -> NoReturn:
    """Runs `main` and ends the process with its status; a Problem becomes one line on the standard error."""
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
        # The reader of our output went away (`| head`): nothing is left to be said, not even by the flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    sys.exit(status)


def _restart(python: str, script: str) -> NoReturn:
    # Another project's PYTHONPATH would put its packages before ours.
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    os.execve(python, [python, os.path.abspath(script), *sys.argv[1:]], environment)


def _restart_with_newer(script: str) -> NoReturn:
    """macOS and older Debians have a newer Python beside an old `python3`."""
    for name in NEWER:
        python = shutil.which(name)
        if python:
            _restart(python, script)
    name = os.path.basename(script)
    sys.exit("{}: needs Python {}.{} or newer, and python3 is {}.{}".format(name, *OLDEST, *sys.version_info[:2]))
