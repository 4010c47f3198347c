"""The process of the emulator: moto on 127.0.0.1, which emulator.py starts.

moto's own command does not accept port 0 and does not report when it listens. This one binds first,
writes one line of JSON to standard output (`{"port": N}` or `{"problem": "..."}`), and then serves.
So emulator.py neither guesses a free port nor polls.
"""

import argparse
import json
import os
import signal
import socket
import sys
import threading
from http import HTTPStatus
from types import FrameType

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from . import moto_patches

HOST = "127.0.0.1"


class _Handler(MotoRequestHandler):
    """Logs the requests that were refused or failed. All would be half of the emulator's work."""

    def log_request(self, code: int | str = "-", _size: int | str = "-") -> None:
        if int(code) >= HTTPStatus.BAD_REQUEST:
            self.log("info", "%s %s", code, self.headers.get("X-Amz-Target", self.path))


def main() -> int:
    """Serves until SIGTERM or SIGINT, and with --tied until standard input ends."""
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
    moto_patches.install()
    port = listener.getsockname()[1]
    os.environ["MOTO_PORT"] = str(port)
    app = DomainDispatcherApplication(create_backend_app)
    descriptor = listener.fileno()
    server = make_server(HOST, port, app, threaded=True, request_handler=_Handler, fd=descriptor)
    signal.signal(signal.SIGTERM, _exit)
    signal.signal(signal.SIGINT, _exit)
    if arguments.tied:
        threading.Thread(target=_exit_with_the_starter, daemon=True).start()
    _report({"port": port})
    # The starter reads one line only. From here on, the output of moto goes to the log.
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


if __name__ == "__main__":
    sys.exit(main())
