"""An application whose key is replaced while it runs: no restart, no deploy, and no failed call.

    python app.py PORT

It calls Claude five times a second with one client that lives as long as the process. GET /healthz tells which key it
holds, and how its calls went.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from anthropic import Anthropic, AnthropicError

from rotator.client import KeySource, anthropic_middleware

source = KeySource("aws-sm://eu-west-1/prod/anthropic#ANTHROPIC_API_KEY", refresh=5)  # seconds; 30 by default
claude = Anthropic(api_key="held by rotator.client", middleware=[anthropic_middleware(source)])
calls: Counter[str] = Counter()


def work() -> None:
    while True:
        try:
            claude.messages.create(
                model="claude-haiku-5-5", max_tokens=1, messages=[{"role": "user", "content": "ping"}]
            )
            calls["answered"] += 1
        except AnthropicError:
            calls["failed"] += 1
        time.sleep(0.2)


class Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        said = {"anthropic_key": {"fingerprint": source.fingerprint()}, "calls": calls}
        content = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Health pages are asked for often: no line for each."""


if __name__ == "__main__":
    source.key()  # without a key it should not start at all
    threading.Thread(target=work, daemon=True).start()
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Health).serve_forever()
