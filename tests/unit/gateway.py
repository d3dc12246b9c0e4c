"""A gateway on loopback that stands before a sandbox Anthropic and does to requests what gateways do."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

Headers = dict[str, str]
Own = Callable[[str], tuple[int, bytes, Mapping[str, str]] | None]


@dataclass
class Gateway:
    """`alter` changes a request's headers (names in lower case); `own` answers some paths itself; None: passes on."""

    upstream: str
    alter: Callable[[Headers], Headers] = lambda headers: headers
    own: Own = lambda path: None
    url: str = ""
    seen: list[tuple[str, Headers]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """Paths of POSTs, the one way in which Anthropic's API is written to; none is passed on."""


def without(*names: str) -> Callable[[Headers], Headers]:
    return lambda headers: {name: value for name, value in headers.items() if name not in names}


def usage(requests: int) -> Own:
    """Answers the usage report with this count."""
    body = {
        "data": [{"group": {}, "usage": {"requests": requests}}],
        "has_more": False,
        "next_page": None,
        "data_refreshed_at": "2026-11-23T11:55:00Z",
    }

    def own(path: str) -> tuple[int, bytes, Mapping[str, str]] | None:
        if not path.startswith("/v1/organizations/analytics/usage"):
            return None
        return 200, json.dumps(body).encode(), {"request-id": "req_usage", "content-type": "application/json"}

    return own


@contextmanager
def gateway(upstream: str, **behaviour: object) -> Iterator[Gateway]:
    made = Gateway(upstream, **behaviour)  # type: ignore[arg-type]  # the dataclass's own fields

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            made.seen.append((self.path, headers))
            status, body, said = made.own(self.path) or self._pass_on(made.alter(headers))
            self.send_response(status)
            for name, value in said.items():
                if name.lower() in ("request-id", "content-type", "anthropic-organization-id", "location"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            made.refused.append(self.path)
            self.send_error(405)

        def _pass_on(self, headers: Headers) -> tuple[int, bytes, Mapping[str, str]]:
            sent = {name: value for name, value in headers.items() if name not in ("host", "connection")}
            request = urllib.request.Request(made.upstream + self.path, headers=sent)
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    return answer.status, answer.read(), dict(answer.headers.items())
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, error.read(), dict(error.headers.items())

        def log_message(self, format: str, *args: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        made.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
