"""The emulator's process: moto on 127.0.0.1, started by emulator.py as `python -m _sandbox.moto_server`.

moto's own command takes no port 0 and cannot say when it listens. This one binds first, writes one line of JSON to
its standard output (`{"port": N}` or `{"problem": "..."}`), and only then serves, so that its starter neither
guesses a free port nor polls.
"""

import argparse
import json
import os
import signal
import socket
import sys
import threading
import time
from types import FrameType

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.sqs.models import Message, SQSBackend
from werkzeug.serving import make_server

from . import moto_transactions

HOST = "127.0.0.1"


def main() -> int:
    """Serves until SIGTERM or SIGINT, or until its starter is gone if it is tied to it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tied", action="store_true", help="end when the standard input does")
    parser.add_argument("--token", help="not read: it proves in the process list whose process this is")
    arguments = parser.parse_args()

    try:
        listener = socket.create_server((HOST, arguments.port), backlog=128)
    except OSError as error:
        _report({"problem": f"port {arguments.port} cannot be had: {error.strerror}"})
        return 1
    moto_transactions.install()
    SQSBackend.is_message_valid_based_on_retention_period = _is_retained
    port = listener.getsockname()[1]
    os.environ["MOTO_PORT"] = str(port)
    app = DomainDispatcherApplication(create_backend_app)
    server = make_server(HOST, port, app, threaded=True, request_handler=MotoRequestHandler, fd=listener.fileno())
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    if arguments.tied:
        threading.Thread(target=_end_with_the_starter, daemon=True).start()
    _report({"port": port})
    # Nobody reads our output from here on; what moto prints belongs into the log.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    server.serve_forever()
    return 0


def _is_retained(backend: SQSBackend, queue_name: str, message: Message) -> bool:
    """What moto's own says, without counting the whole queue three times for each message that is received."""
    retention = backend.get_queue(queue_name).message_retention_period
    return bool(retention + message.sent_timestamp / 1000 > time.time())


def _leave(_signal: int, _frame: FrameType | None) -> None:
    # Not sys.exit(): a request may be in a thread's hands, and nothing here is worth waiting for.
    os._exit(0)


def _end_with_the_starter() -> None:
    """A pipe's end is closed by the kernel whatever ended its holder, so not even a SIGKILL leaves us behind."""
    sys.stdin.buffer.read()
    os._exit(0)


def _report(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    sys.exit(main())
