"""The sandbox Vault's sockets: HTTP requests become `Request`s, and `Answer`s or faults become bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

from rotator.sandbox.anthropic_faults import Fault
from rotator.sandbox.serving import CuttableServer, JsonHandler
from rotator.sandbox.vault_wire import Answer, Refused, Request, json_body

MAX_BODY = 1024 * 1024
"""Bytes of a request's body (law 8). More is answered with 413, as Vault does at 32 MiB."""
_PREFIX = "/v1/"

Respond = Callable[[Request], tuple[Answer | None, Fault | None]]
"""The answer (None: close without one), and the fault that the request met."""


class VaultServer(CuttableServer):
    def __init__(self, port: int, respond: Respond) -> None:
        self.respond = respond
        super().__init__(port, _Handler)


class _Handler(JsonHandler):
    server: VaultServer

    def do_GET(self) -> None:  # noqa: N802  the base class looks it up by this name
        try:
            request = self._request()
        except Refused as no:
            self._send(no.answer, None)
            return
        answer, fault = self.server.respond(request)
        if answer is None:
            self.close_connection = True
        else:
            self._send(answer, fault)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_LIST = do_GET  # noqa: N815 - http.server's names

    def _request(self) -> Request:
        """Raises `Refused`, with the connection to be closed where the body is left unread."""
        body = self._content()
        parts = urlsplit(self.path)
        if not parts.path.startswith(_PREFIX):
            raise Refused(404)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        method = "POST" if self.command == "PUT" else self.command
        if method == "GET" and query.get("list") == "true":
            method = "LIST"
        return Request(
            method=method,
            path=unquote(parts.path.removeprefix(_PREFIX)),
            as_sent=self.path,
            query=query,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=json_body(body) if method in ("POST", "PATCH") else {},
        )

    def _content(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            raise Refused(411, "Content-Length is required")
        if int(length) > MAX_BODY:
            self.close_connection = True
            raise Refused(413, "http: request body too large")
        return self.rfile.read(int(length))

    def _send(self, answer: Answer, fault: Fault | None) -> None:
        headers: Mapping[str, str] = {"Cache-Control": "no-store", **answer.headers}
        if fault is not None and fault.body is not None:
            content, kind = fault.body, "text/html"  # a proxy's page, in Vault's place
        else:
            content, kind = b"" if answer.body is None else json.dumps(answer.body).encode(), "application/json"
        cut = fault is not None and fault.truncate
        self.close_connection = self.close_connection or cut
        self.send_response(answer.status)
        if answer.status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if cut else content)
        self.wfile.flush()
