"""Restart chat, one instance after the other, so that one always answers. Also how it is started the first time.

    python deploy.py

`rotate` runs this after the secret names the new key. Run twice it restarts twice and harms nothing: that is all that
`deploy.command` has to promise. ROTATOR_DEPLOY_TOKEN, the same for a repeat of the same deploy, is not needed here.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

PORTS = (8081, 8082)
PATIENCE = 30.0  # seconds for one instance to stop, and to come up
RUN = Path(__file__).parent / "run"


def restart(port: int) -> None:
    pid_file = RUN / f"chat-{port}.pid"
    if pid_file.exists():
        stop(port, int(pid_file.read_text()))
    with (RUN / f"chat-{port}.log").open("ab") as log:
        # Its output goes to a file: `rotate` would wait for whatever still holds this command's own.
        child = subprocess.Popen(
            [sys.executable, "chat.py", str(port)],
            cwd=RUN.parent,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    pid_file.write_text(f"{child.pid}\n")
    wait_until(port, up=True)


def stop(port: int, pid: int) -> None:
    if not answers(port):
        return  # it is not running: the number may be somebody else's by now
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    wait_until(port, up=False)


def wait_until(port: int, *, up: bool) -> None:
    deadline = time.monotonic() + PATIENCE
    while answers(port) is not up:
        if time.monotonic() > deadline:
            sys.exit(f"chat on port {port} did not {'come up' if up else 'stop'}: see {RUN}/chat-{port}.log")
        time.sleep(0.1)


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as page:
            return bool(page.status == 200)
    except OSError:
        return False


if __name__ == "__main__":
    RUN.mkdir(exist_ok=True)
    for number in PORTS:
        restart(number)
