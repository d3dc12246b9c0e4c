"""One instance of a consumer: a small web service that calls Anthropic for whoever asks it.

GET /healthz says which key it holds (the fingerprint, never the key); GET /ask makes one real call with that key.
On SIGTERM it stops accepting, finishes what is in flight, and exits.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from datetime import UTC

from rotator.model.canonical import JsonObject
from rotator.model.errors import RotatorError
from rotator.sandbox.callers import Answer, BootCaller, Caller, HotCaller
from rotator.sandbox.loopback import require_loopback
from rotator.sandbox.processes import announce, live_with_parent
from rotator.sandbox.serving import JsonHandler, LoopbackServer

FINGERPRINT = "X-Key-Fingerprint"
"""The answer's header that says which key the call was made with."""

_IN_FLIGHT = 10.0  # seconds that requests in flight may take after SIGTERM
_OK, _NOT_FOUND, _BAD_GATEWAY = 200, 404, 502


class InFlight:
    """Counts requests that are being answered."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = threading.Condition()

    def __enter__(self) -> None:
        with self._changed:
            self._count += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def wait_for_none(self, timeout: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._count == 0, timeout)


def handler_for(caller: Caller, in_flight: InFlight) -> type[JsonHandler]:
    class Handler(JsonHandler):
        def do_GET(self) -> None:  # noqa: N802 - the name is http.server's
            with in_flight:
                if self.path == "/healthz":
                    self.answer(_OK, _health(caller))
                elif self.path == "/ask":
                    self._ask()
                else:
                    self.answer(_NOT_FOUND, {"error": "try /healthz or /ask"})

        def _ask(self) -> None:
            try:
                answer = caller.ask()
            except OSError as error:
                answer = Answer(0, {"error": str(error)}, caller.held().key.fingerprint.digest)
            status = _OK if answer.status == _OK else _BAD_GATEWAY
            self.answer(status, {"status": answer.status, "anthropic": answer.body}, {FINGERPRINT: answer.fingerprint})

    return Handler


def _health(caller: Caller) -> JsonObject:
    held = caller.held()
    since = held.since.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"status": "ok", "anthropic_key": {"fingerprint": held.key.fingerprint.digest, "since": since}}


def serve(caller: Caller, port: int) -> None:
    """Announce the address, and answer until SIGTERM."""
    in_flight = InFlight()
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    server = LoopbackServer(port, handler_for(caller, in_flight))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    announce({"url": server.url})
    ended.wait()
    server.shutdown()
    server.socket.close()
    in_flight.wait_for_none(_IN_FLIGHT)
    os._exit(0)  # idle keep-alive connections hold threads that have nothing left to do


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m rotator.sandbox.consumer", description=__doc__)
    parser.add_argument("kind", choices=["boot", "hot"], help="boot: reads the key once; hot: follows the secret")
    parser.add_argument("secret", help="aws-sm://REGION/NAME#FIELD or vault://MOUNT/PATH#FIELD")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--refresh", type=float, default=1.0, help="hot: seconds between two reads of the secret")
    parser.add_argument("--alone", action="store_true", help="started by hand: do not end with the parent's pipe")
    chosen = parser.parse_args()
    if not chosen.alone:
        live_with_parent()
    try:
        caller = _caller(chosen.kind, chosen.secret, chosen.refresh)
    except RotatorError as error:
        sys.exit(f"{error.message} {error.hint}")
    serve(caller, chosen.port)


def _caller(kind: str, secret: str, refresh: float) -> Caller:
    anthropic_url = require_loopback(os.environ.get("ANTHROPIC_BASE_URL", ""))
    require_loopback(os.environ.get("VAULT_ADDR" if secret.startswith("vault:") else "AWS_ENDPOINT_URL", ""))
    return BootCaller(secret, anthropic_url) if kind == "boot" else HotCaller(secret, anthropic_url, refresh)


if __name__ == "__main__":
    main()
