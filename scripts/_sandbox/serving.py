"""The process of a server on 127.0.0.1, which emulator.py starts.

It binds first, writes one line of JSON to standard output (`{"port": N, ...}` or
`{"problem": "..."}`), and then serves. So emulator.py neither guesses a free port nor polls.
"""

import argparse
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Protocol

HOST = "127.0.0.1"


class Server(Protocol):
    """What serves until the process ends."""

    def serve_forever(self) -> None:
        """Serves requests."""


def serve(make: Callable[[socket.socket], tuple[Server, dict[str, object]]]) -> int:
    """Serves until SIGTERM or SIGINT, and with --tied until standard input ends.

    `make` returns the server for a socket that listens, and what to report beside the port.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tied", action="store_true", help="end when standard input ends")
    parser.add_argument("--token", help="unused: it identifies this process in the process list")
    arguments = parser.parse_args()

    try:
        listener = socket.create_server((HOST, arguments.port), backlog=128)
    except OSError as error:
        _report({"problem": f"port {arguments.port} is not available: {error.strerror}"})
        return 1
    server, more = make(listener)
    signal.signal(signal.SIGTERM, _exit)
    signal.signal(signal.SIGINT, _exit)
    if arguments.tied:
        threading.Thread(target=_exit_with_the_starter, daemon=True).start()
    _report({"port": listener.getsockname()[1], **more})
    # The starter reads one line only. From here on, the output of the server goes to the log.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    server.serve_forever()
    return 0


def _exit(_signal: int, _frame: FrameType | None) -> None:
    # Not sys.exit(), which would wait for the threads of open requests.
    os._exit(0)


def _exit_with_the_starter() -> None:
    """Exits when the starter ends, even by SIGKILL: the kernel then closes its end of the pipe."""
    sys.stdin.buffer.read()
    os._exit(0)


def _report(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)
