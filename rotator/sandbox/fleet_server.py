"""The fleet as a process, and its control API on loopback. Run by the world: `python -m rotator.sandbox.fleet_server`.

GET  /observe/NAME        an observation, as a `command` watcher's command prints it
POST /deploy/NAME         body: the token. A rolling restart; answers when it has ended; a repeat changes nothing
GET  /routes?reader=&version=   the routing table (`routing.py`)
GET  /consumers           the names
GET  /ask/NAME            without the token: the consumer's front door, one of its instances in turn; for probes
"""

from __future__ import annotations

import argparse
import hmac
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from rotator.model.canonical import Json
from rotator.model.errors import RotatorError, UsageError
from rotator.sandbox.fleet import Fleet
from rotator.sandbox.instances import Spec
from rotator.sandbox.processes import announce, live_with_parent
from rotator.sandbox.serving import JsonHandler, LoopbackServer, call

_ASK = 30.0  # seconds
_OK, _DENIED, _NOT_FOUND, _FAILED, _BAD_GATEWAY = 200, 401, 404, 500, 502


def handler_for(fleet: Fleet, token: str) -> type[JsonHandler]:
    class Handler(JsonHandler):
        def do_GET(self) -> None:  # noqa: N802 - the name is http.server's
            self._reply()

        def do_POST(self) -> None:  # noqa: N802 - the name is http.server's
            self._reply()

        def _reply(self) -> None:
            body = self.read_body()
            parts = urlsplit(self.path)
            verb, _, name = parts.path.strip("/").partition("/")
            try:
                if (self.command, verb) == ("GET", "ask"):
                    status, answer = _front_door(fleet, name)
                elif not hmac.compare_digest(
                    self.headers.get("Authorization", "").encode(), f"Bearer {token}".encode()
                ):
                    status, answer = _DENIED, {"error": "the fleet's token is missing or wrong"}
                else:
                    status, answer = _OK, _control(fleet, f"{self.command} {verb}", name, parts.query, body)
            except UsageError as error:
                status, answer = _NOT_FOUND, {"error": f"{error.message} {error.hint}".strip()}
            except (RotatorError, OSError, ValueError) as error:
                status, answer = _FAILED, {"error": str(error)}
            self.answer(status, answer)

    return Handler


def _control(fleet: Fleet, request: str, name: str, query: str, body: bytes) -> Json:
    match request:
        case "GET consumers":
            return {"consumers": fleet.names()}
        case "GET observe":
            return fleet.observe(name)
        case "POST deploy":
            fleet.deploy(name, body.decode(errors="replace"))
            return {"deployed": name}
        case "GET routes":
            asked = parse_qs(query)
            return fleet.routing.read(asked.get("reader", [""])[0], int(asked.get("version", ["0"])[0]))
    raise UsageError(f"The fleet does not know {request}.")


def _front_door(fleet: Fleet, name: str) -> tuple[int, Json]:
    with fleet.routing.one_of(name) as route:
        if route is None:
            return _BAD_GATEWAY, {"error": f"no instance of {name} is in the routing table"}
        return call("GET", f"{route.url}/ask", timeout=_ASK)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m rotator.sandbox.fleet_server", description=__doc__)
    parser.add_argument("secret", help="aws-sm://REGION/NAME#FIELD or vault://MOUNT/PATH#FIELD")
    parser.add_argument("specs", nargs="+", type=Spec.parse, metavar="NAME:boot|hot:INSTANCES")
    parser.add_argument("--token-file", type=Path, required=True)
    parser.add_argument("--logs", type=Path, required=True)
    parser.add_argument("--refresh", type=float, default=1.0)
    parser.add_argument(
        "--reads", action="append", default=[], metavar="NAME=SECRET", help="what this one reads instead"
    )
    chosen = parser.parse_args()
    others = dict(one.split("=", 1) for one in chosen.reads)
    fleet = Fleet(chosen.specs, chosen.secret, logs=chosen.logs, refresh=chosen.refresh, others=others)
    live_with_parent(before_exit=fleet.stop)
    server = LoopbackServer(0, handler_for(fleet, chosen.token_file.read_text().strip()))
    fleet.start()
    announce({"url": server.url})
    server.serve_forever(poll_interval=0.2)


if __name__ == "__main__":
    main()
