"""What the two services of this example share: a health page, and a page that makes one real call."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MESSAGE = {"model": "claude-haiku-5-5", "max_tokens": 1, "messages": [{"role": "user", "content": "ping"}]}


def fingerprint(key: str) -> str:
    """What a health page may tell of a key: 12 hex digits, from which nobody gets the key back."""
    return hashlib.sha256(b"rotator:v1:" + key.encode()).hexdigest()[:12]


def serve(port: int, held: Callable[[], str], ask: Callable[[], object]) -> None:
    """GET /healthz tells which key `held` returns; GET /ask calls `ask`, and answers 502 where that raises."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/healthz":
                self.say(200, {"anthropic_key": {"fingerprint": fingerprint(held())}})
            elif self.path == "/ask":
                try:
                    ask()
                except Exception as error:  # whatever it is, the caller gets to know; Anthropic's words are in it
                    self.say(502, {"error": str(error)})
                else:
                    self.say(200, {"answered": True})
            else:
                self.say(404, {"error": "try /healthz or /ask"})

        def say(self, status: int, body: object) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Health pages are asked for often: no line for each."""

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
