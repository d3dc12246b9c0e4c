"""AWS on loopback: moto in server mode, its Secrets Manager mended, with faults on demand.

Facts: "AWS Secrets Manager". moto's state belongs to the process: one `SandboxAws` at a time, and each begins empty.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from threading import Lock, Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer

    Start = Callable[..., Any]
    App = Callable[[dict[str, Any], Start], Iterable[bytes]]

_HOST = "127.0.0.1"
_STOP_SECONDS = 5.0
_POLL_SECONDS = 0.05  # how often the server looks whether it is to stop
_BODY_LIMIT = 1 << 20  # bytes read from a refused request before it is answered


@dataclass(frozen=True, slots=True)
class Fault:
    """A reply in AWS's place. `after`: the operation is carried out first, and its own reply is lost."""

    status: int
    code: str
    message: str = ""
    after: bool = False


Faults = Callable[[str], Fault | None]
"""Asked at every request, in the request's own thread, with the operation's name, such as `PutSecretValue`."""


def no_faults(operation: str) -> None:
    """The weather is good."""


class SandboxAws:
    """A context manager. `faults` and `region` may be changed while it runs."""

    def __init__(self, *, region: str = "eu-west-1", port: int = 0, faults: Faults = no_faults) -> None:
        """`port` 0: any that is free. Starts nothing yet."""
        self.region = region
        self.faults = faults
        self.calls: Counter[str] = Counter()
        """Requests so far, by operation, faults included."""
        self._port = port
        self._server: BaseWSGIServer | None = None
        self._thread: Thread | None = None

    @property
    def url(self) -> str:
        """The endpoint: what AWS_ENDPOINT_URL is set to. Raises `RuntimeError` before `start`."""
        if self._server is None:
            raise RuntimeError("the AWS sandbox is not running")
        return f"http://{_HOST}:{self._server.server_port}"

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process needs to find this AWS and no other. The credentials are for nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def start(self) -> None:
        """Raises `OSError` where the port is taken."""
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
        from werkzeug.serving import make_server

        from rotator.sandbox import aws_mends

        class Quiet(MotoRequestHandler):
            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                """Nothing: the terminal belongs to whoever runs the sandbox."""

        aws_mends.install()
        app = _Front(self, DomainDispatcherApplication(create_backend_app))
        self._server = make_server(_HOST, self._port, app, threaded=True, request_handler=Quiet)
        self._thread = Thread(target=self._server.serve_forever, args=(_POLL_SECONDS,), name="sandbox-aws", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop serving; not running: changes nothing."""
        server, thread = self._server, self._thread
        self._server = self._thread = None
        if server is not None and thread is not None:
            server.shutdown()
            thread.join(_STOP_SECONDS)
            server.server_close()

    def wait(self) -> None:
        """Until it is stopped."""
        if self._thread is not None:
            self._thread.join()

    def replication(
        self, secret: str, replica: str, status: Literal["InProgress", "InSync", "Failed"], message: str = ""
    ) -> None:
        """Set what AWS says of a secret's copy in region `replica`, made by `replicate_secret_to_regions`."""
        from rotator.sandbox import aws_mends

        aws_mends.set_replication(self.region, secret, replica, status, message)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Front:
    """Stands before moto: counts, injects faults, and lets one request in at a time, for moto is not thread-safe."""

    def __init__(self, sandbox: SandboxAws, inner: App) -> None:
        self._sandbox = sandbox
        self._inner = inner
        self._lock = Lock()

    def __call__(self, environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        operation = str(environ.get("HTTP_X_AMZ_TARGET", "")).rpartition(".")[2]
        if not operation:
            return self._moto(environ, start_response)
        with self._lock:
            self._sandbox.calls[operation] += 1
        # Outside the lock: a hook may make requests of its own, so that another's write comes in between.
        fault = self._sandbox.faults(operation)
        if fault is None:
            return self._moto(environ, start_response)
        if fault.after:
            self._moto(environ, _unheard)
        else:
            # A reply over an unread body resets the connection: the client would not see the reply.
            environ["wsgi.input"].read(min(int(environ.get("CONTENT_LENGTH") or 0), _BODY_LIMIT))
        return _reply(fault, start_response)

    def _moto(self, environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        with self._lock:
            return list(self._inner(environ, start_response))


def _unheard(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> Callable[[bytes], object]:
    return lambda data: None


def _reply(fault: Fault, start_response: Start) -> Iterable[bytes]:
    body = json.dumps({"__type": fault.code, "message": fault.message}).encode()
    headers = [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(body)))]
    start_response(f"{fault.status} Fault", headers)
    return [body]


def serve(port: int = 0, *, region: str = "eu-west-1", ready: Callable[[SandboxAws], None] | None = None) -> None:
    """Serve until interrupted; `ready` is called once with the running sandbox. Raises `OSError`: the port is taken."""
    with SandboxAws(region=region, port=port) as sandbox:
        if ready is not None:
            ready(sandbox)
        sandbox.wait()
