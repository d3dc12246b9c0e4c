"""A Vault on loopback with KV version 2, faithful in what a rotation can meet.

Facts: "Vault / OpenBao, KV v2". What it holds, and the levers on it (seal, standby, tokens, roles): `vault_books.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self

from rotator.sandbox.anthropic_faults import Fault
from rotator.sandbox.vault_api import VaultApi
from rotator.sandbox.vault_books import VaultBooks
from rotator.sandbox.vault_http import VaultServer
from rotator.sandbox.vault_wire import Answer, Request

_STOP_SECONDS = 5.0
_POLL_SECONDS = 0.05  # how often the server looks whether it is to stop

Faults = Callable[[str], Fault | None]
"""Asked at every request, in the request's own thread, with its operation: `POST secret/data/prod/anthropic`.

Of a `Fault`, `type` and `error_code` mean nothing here; `message` becomes Vault's `{"errors": [message]}`.
"""


def utc_now() -> datetime:
    return datetime.now(UTC)


def no_faults(operation: str) -> Fault | None:
    """The weather is good."""
    return None


class SandboxVault:
    """`with SandboxVault() as vault:` serves until the end of the block.

    `port` 0: a free one. `now` is in UTC. `faults` may be changed while it runs.
    """

    def __init__(self, *, port: int = 0, now: Callable[[], datetime] = utc_now, faults: Faults = no_faults) -> None:
        self.books = VaultBooks(now)
        self.faults = faults
        self.calls: Counter[str] = Counter()
        """Requests so far, by operation, faults included."""
        self._api = VaultApi(self.books)
        self._port = port
        self._lock = Lock()
        self._server: VaultServer | None = None
        self._thread: Thread | None = None
        self._stopping = Event()

    @property
    def url(self) -> str:
        """For `VAULT_ADDR`. Raises `RuntimeError` while it does not serve."""
        if self._server is None:
            raise RuntimeError("the sandbox's Vault is not started")
        return self._server.url

    @property
    def root_token(self) -> str:
        """For `VAULT_TOKEN`: may do everything, never expires."""
        return self.books.root_token

    def start(self) -> None:
        """Serve from a thread. Raises `OSError` where the port is taken."""
        self._stopping.clear()
        self._server = VaultServer(self._port, self.respond)
        self._thread = Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), name="sandbox-vault", daemon=True
        )
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
        thread.join(_STOP_SECONDS)

    def wait(self) -> None:
        """Block until `stop` (from another thread) or KeyboardInterrupt."""
        self._stopping.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def respond(self, request: Request) -> tuple[Answer | None, Fault | None]:
        """The answer (None: close without one), and the fault that the request met."""
        with self._lock:
            self.calls[request.operation] += 1
        # Outside the lock: a hook may make requests of its own, so that another's write comes in between.
        fault = self.faults(request.operation)
        if fault is None:
            return self._answer(request), None
        self._stopping.wait(fault.delay.total_seconds())
        if fault.status is None and not fault.drop:
            return self._answer(request), fault
        if fault.carried_out:
            self._answer(request)
        if fault.drop or fault.status is None:
            return None, fault
        return Answer(status=fault.status, body={"errors": [fault.message]}, headers=fault.headers), fault

    def _answer(self, request: Request) -> Answer:
        with self._lock:
            return self._api.answer(request)


def serve(port: int, ready: Callable[[SandboxVault], None], *, now: Callable[[], datetime] = utc_now) -> None:
    """Serve until KeyboardInterrupt; `ready` is called once it listens. Raises `OSError` where the port is taken."""
    with SandboxVault(port=port, now=now) as vault:
        ready(vault)
        vault.wait()
