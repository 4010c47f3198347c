"""The process of the fake GitHub: HTTP/1.1 on 127.0.0.1, with a new key of the App."""

import json
import socket
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from _common import paths

from .. import serving
from .answers import Answer
from .application import Application, Dropped, Request, Rules
from .filled import Filler
from .specification import Specification

KEY_BITS = 2048


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, listener: socket.socket, application: Application) -> None:
        super().__init__(listener.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.application = application


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _answer(self) -> None:
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        try:
            answer = self.server.application.answer(
                Request(self.command, path, query, headers, body)
            )
        except Dropped:
            self.close_connection = True
            return
        self._send(answer)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _answer

    def _send(self, answer: Answer) -> None:
        """Writes the answer at once: parts would wait for each other's acknowledgement."""
        content = _encode(answer.body)
        self.send_response_only(answer.status)
        headers = {"Content-Type": "application/json; charset=utf-8", **answer.headers}
        if answer.status != HTTPStatus.NO_CONTENT:
            headers["Content-Length"] = str(len(content))
        for name, value in headers.items():
            self.send_header(name, value)
        head = b"".join([*self._headers_buffer, b"\r\n"])
        self._headers_buffer = []
        self.wfile.write(head + content)

    def log_message(self, *_: object) -> None:
        """Logs nothing. A world shows its requests and violations."""


def _encode(body: object) -> bytes:
    if body is None:
        return b""
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def _make(listener: socket.socket) -> tuple[serving.Server, dict[str, object]]:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=KEY_BITS)
    # The form in which GitHub sends keys: PKCS#1.
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    specification = Specification(paths.GITHUB_API)
    rules = Rules(specification, Filler(specification), private, public)
    endpoint = f"http://{serving.HOST}:{listener.getsockname()[1]}"
    return _Server(listener, Application(endpoint, rules)), {"private_key": private}


if __name__ == "__main__":
    sys.exit(serving.serve(_make))
