"""The deploy command of the soak's `rotate.yaml`: notes who asked for what, then does what `fleetctl` does.

Run by `rotate` as `python -m rotator.sandbox.soak.deploy NAME`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rotator.sandbox import fleetctl

LOG = "ROTATOR_SANDBOX_SOAK_DEPLOYS"


@dataclass(slots=True)
class Deploy:
    """`parent`: the `rotate` process's pid; `code` None: it has not ended, or was ended."""

    pid: int
    parent: int
    consumer: str
    token: str
    code: int | None = None


def read(path: Path) -> Sequence[Deploy]:
    """Every deploy that began, in that order."""
    found: dict[int, Deploy] = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        said = json.loads(line)
        if "code" in said:
            found[said["n"]].code = said["code"]
        else:
            found[said["n"]] = Deploy(said["pid"], said["parent"], said["consumer"], said["token"])
    return list(found.values())


def main(consumer: str) -> int:
    n = (os.getpid() << 64) + int.from_bytes(os.urandom(8))  # pids come again
    _note({"n": n, "pid": os.getpid(), "parent": os.getppid(), "consumer": consumer, "token": _token()})
    code = fleetctl.main(["deploy", consumer])
    _note({"n": n, "code": code})
    return code


def _token() -> str:
    return os.environ.get("ROTATOR_DEPLOY_TOKEN", "")


def _note(fact: dict[str, object]) -> None:
    """One write in append mode: whole lines, whoever else writes."""
    with Path(os.environ[LOG]).open("a") as file:
        file.write(json.dumps(fact) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
