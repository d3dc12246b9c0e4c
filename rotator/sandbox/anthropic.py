"""An Anthropic server on loopback, faithful in what a rotation can meet.

The standard library's threading server, HTTP/1.1 with keep-alive, one write an answer, no logging: hundreds of small
requests a second on one slow core.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar

from rotator.sandbox.anthropic_api import Api
from rotator.sandbox.anthropic_books import Books, Draw
from rotator.sandbox.anthropic_control import PREFIX, Control
from rotator.sandbox.anthropic_faults import Fault, FaultRules, Faults
from rotator.sandbox.anthropic_wire import Answer, Request, error_body, identity_headers
from rotator.sandbox.serving import CuttableServer

HOST = "127.0.0.1"
"""The sandbox is never reachable from another machine."""
MAX_BODY = 1024 * 1024
"""Bytes of a request's body (law 8); a ping has some hundred. More is answered with 413, as Anthropic does at 32 MB."""
IDLE_SECONDS = 60.0
"""A connection that stays silent for so long is closed."""
STOP_SECONDS = 5.0
"""How long `stop` waits for the accepting thread."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class SandboxAnthropic:
    """`with SandboxAnthropic() as anthropic:` serves until the end of the block.

    `port` 0: a free one. `now` is in UTC; `draw` makes key texts (a seeded one in a simulation). `faults` are asked
    before the rules of the control API.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        now: Callable[[], datetime] = utc_now,
        draw: Draw = secrets.choice,
        faults: Faults | None = None,
    ) -> None:
        self.books = Books(now, draw=draw)
        self.rules = FaultRules()
        self.faults: Faults | None = faults
        self.control_token = secrets.token_urlsafe(24)
        self._api = Api(self.books)
        self._control = Control(self.books, self.rules, self.control_token)
        self._port = port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    @property
    def url(self) -> str:
        """For `ANTHROPIC_BASE_URL`. Only while it serves."""
        if self._server is None:
            raise RuntimeError("the sandbox's Anthropic is not started")
        return f"http://{HOST}:{self._server.server_address[1]}"

    def start(self) -> None:
        """Serve from a thread. Raises `OSError` where the port is taken."""
        self._stopping.clear()
        self._server = _Server(self._port, self._answer)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Refuse new connections and cut the open ones. Stopping twice is harmless."""
        server, thread, self._server = self._server, self._thread, None
        if server is None or thread is None:
            return
        self._stopping.set()
        server.shutdown()
        server.server_close()
        server.cut_connections()
        thread.join(STOP_SECONDS)

    def wait(self) -> None:
        """Block until `stop` (from another thread) or KeyboardInterrupt."""
        self._stopping.wait()

    def __enter__(self) -> SandboxAnthropic:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _answer(self, request: Request) -> tuple[Answer | None, bool]:
        """The answer (None: close without one), and whether only half of it is to be sent."""
        request_id = self._api.next_id()
        if request.path.startswith(PREFIX):
            return self._control.answer(request, request_id), False
        caller = self._api.whose(request)
        fault = self._fault(request.method, request.path, caller.key_id if caller else None)
        if fault is None:
            return self._api.answer(request, caller, request_id), False
        self._stopping.wait(fault.delay.total_seconds())
        if fault.status is None and not fault.drop:
            return self._api.answer(request, caller, request_id), fault.truncate
        if fault.carried_out:
            self._api.answer(request, caller, request_id)
        if fault.drop or fault.status is None:
            return None, False
        identity = {"request-id": request_id, **identity_headers(caller)}
        body = fault.body
        if body is None:
            body = error_body(fault.type, fault.message, request_id, fault.error_code)
        content_type = "text/html" if fault.body is not None else "application/json"
        headers = identity | dict(fault.headers)
        return Answer(status=fault.status, body=body, headers=headers, content_type=content_type), fault.truncate

    def _fault(self, method: str, path: str, key_id: str | None) -> Fault | None:
        met = self.faults(method, path, key_id) if self.faults is not None else None
        return met or self.rules(method, path, key_id)


def serve(port: int, ready: Callable[[SandboxAnthropic], None], *, now: Callable[[], datetime] = utc_now) -> None:
    """Serve until KeyboardInterrupt; `ready` is called once it listens. Raises `OSError` where the port is taken."""
    with SandboxAnthropic(port=port, now=now) as anthropic:
        ready(anthropic)
        anthropic.wait()


class _Server(CuttableServer):
    request_queue_size = 256

    def __init__(self, port: int, answer: Callable[[Request], tuple[Answer | None, bool]]) -> None:
        self.answer = answer
        super().__init__(port, _Handler)

    def server_bind(self) -> None:
        """Without the base class's reverse look-up of the host name, which can take seconds."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout: ClassVar[float] = IDLE_SECONDS
    server: _Server

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_GET  # noqa: N815 - the name is http.server's

    def _serve(self) -> None:
        path, _, query = self.path.partition("?")
        length = self.headers.get("content-length", "0")
        if not length.isdecimal() or "transfer-encoding" in self.headers:
            self._refuse(411, "invalid_request_error", "Content-Length is required")
            return
        if int(length) > MAX_BODY:
            self._refuse(413, "request_too_large", "Request exceeds the maximum size")
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(length))
        request = Request(method=self.command, path=path, query=query, headers=headers, body=body)
        answer, cut = self.server.answer(request)
        if answer is None:
            self.close_connection = True
            return
        self._send(answer, cut)

    def _refuse(self, status: int, type: str, message: str) -> None:
        self.close_connection = True  # the body is left unread
        self._send(
            Answer(status=status, body=error_body(type, message, "req_0"), headers={"request-id": "req_0"}), False
        )

    def _send(self, answer: Answer, cut: bool) -> None:
        head = [f"HTTP/1.1 {answer.status} {self.responses.get(answer.status, ('Status',))[0]}"]
        head.append(f"content-type: {answer.content_type}\r\ncontent-length: {len(answer.body)}")
        head.extend(f"{name}: {value}" for name, value in answer.headers.items())
        if self.close_connection or cut:
            self.close_connection = True
            head.append("connection: close")
        body = answer.body[: len(answer.body) // 2] if cut else answer.body
        self.wfile.write("\r\n".join([*head, "", ""]).encode("latin-1") + body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged: a request's line could hold what does not belong in a log."""
