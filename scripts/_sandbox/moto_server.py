"""The process of the emulator: moto, with its differences from AWS replaced.

moto's own command does not accept port 0 and does not report when it listens.
"""

import os
import socket
import sys
from http import HTTPStatus

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from . import moto_patches, serving


class _Handler(MotoRequestHandler):
    """Logs the requests that were refused or failed. All would be half of the emulator's work."""

    def log_request(self, code: int | str = "-", _size: int | str = "-") -> None:
        if int(code) >= HTTPStatus.BAD_REQUEST:
            self.log("info", "%s %s", code, self.headers.get("X-Amz-Target", self.path))


def _make(listener: socket.socket) -> tuple[serving.Server, dict[str, object]]:
    moto_patches.install()
    port = listener.getsockname()[1]
    os.environ["MOTO_PORT"] = str(port)
    app = DomainDispatcherApplication(create_backend_app)
    descriptor = listener.fileno()
    server = make_server(
        serving.HOST, port, app, threaded=True, request_handler=_Handler, fd=descriptor
    )
    return server, {}


if __name__ == "__main__":
    sys.exit(serving.serve(_make))
