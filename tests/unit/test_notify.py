"""Against real HTTP servers on loopback, through apprise's `json://`."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from rotator.adapters.notify import AppriseNotifier, Silent
from rotator.model.errors import ConfigError
from rotator.ports import Notifier

# apprise's PGP part imports imghdr, deprecated in Python 3.11 and gone in 3.13.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


class Board(ThreadingHTTPServer):
    """Keeps what it is told. `status` is its answer; while `open` is not set it does not answer."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.told: list[dict[str, Any]] = []
        self.status = 200
        self.open = threading.Event()
        self.open.set()

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.server_address[1]}/hook-s3same"


class _Handler(BaseHTTPRequestHandler):
    server: Board

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.open.wait(10)
        self.server.told.append(json.loads(body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def board() -> Iterator[Board]:
    with Board() as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield server
        server.open.set()
        server.shutdown()
        serving.join()


def test_people_are_told_title_and_body(board: Board) -> None:
    notifier: Notifier = AppriseNotifier([board.url])
    notifier.tell("prod-chat waits", "Approve `disable`: ключ 🔑")
    assert [(said["title"], said["message"]) for said in board.told] == [
        ("prod-chat waits", "Approve `disable`: ключ 🔑")
    ]


def test_every_address_is_told_though_one_fails(board: Board, caplog: pytest.LogCaptureFixture) -> None:
    refused = "json://127.0.0.1:1/hook-s3same"
    AppriseNotifier([refused, board.url]).tell("title", "body")
    assert len(board.told) == 1
    assert "a notification by json:// was not delivered: title" in caplog.messages


def test_a_refusal_is_logged_and_not_raised(board: Board, caplog: pytest.LogCaptureFixture) -> None:
    board.status = 500
    AppriseNotifier([board.url]).tell("title", "body")
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("rotator")]
    assert ours == ["a notification by json:// was not delivered: title"]


def test_an_address_that_never_answers_holds_nobody_up(board: Board, caplog: pytest.LogCaptureFixture) -> None:
    board.open.clear()
    AppriseNotifier([board.url], limit_seconds=0.2).tell("title", "body")
    assert board.told == []
    assert "a notification did not get through within 0.2 s: title" in caplog.messages


def test_nothing_is_printed(board: Board, capfd: pytest.CaptureFixture[str]) -> None:
    board.status = 500
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []  # as in a program that configures no logging
    try:
        AppriseNotifier([board.url]).tell("title", "body")
    finally:
        root.handlers = handlers
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("url", "shown"), [("nonsense://s3same", "nonsense://"), ("s3same", "without a scheme")])
def test_an_address_that_is_none_is_refused_without_being_shown(url: str, shown: str) -> None:
    with pytest.raises(ConfigError, match="address 1 under `notify:`") as caught:
        AppriseNotifier([url])
    assert shown in caught.value.message
    assert "s3same" not in str(caught.value)


def test_without_apprise_the_extra_is_named() -> None:
    # A process of its own, in which apprise cannot be imported.
    code = (
        "import sys; sys.modules['apprise'] = None\n"
        "from rotator.adapters.notify import AppriseNotifier\n"
        "from rotator.model.errors import ConfigError\n"
        "try: AppriseNotifier(['json://127.0.0.1'])\n"
        "except ConfigError as error: print(error.hint)\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out == "pip install 'rotator[notify]'\n"


def test_silence_tells_nobody() -> None:
    notifier: Notifier = Silent()
    notifier.tell("title", "body")
