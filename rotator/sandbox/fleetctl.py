"""The fleet by hand, and in `rotate.yaml`: `python -m rotator.sandbox.fleetctl observe|deploy NAME`.

`observe` prints an observation, as a `command` watcher expects it; `deploy` returns when the rolling restart has ended.
Exit: 0 done, 1 the fleet refused or failed, 2 usage. Finds the fleet by ROTATOR_SANDBOX_FLEET and
ROTATOR_SANDBOX_FLEET_TOKEN_FILE.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from pathlib import Path

from rotator.model.errors import UsageError
from rotator.sandbox.serving import call

FLEET, TOKEN_FILE = "ROTATOR_SANDBOX_FLEET", "ROTATOR_SANDBOX_FLEET_TOKEN_FILE"
_DEPLOY = 180.0  # seconds; the product's own time-out is usually shorter
_OK, _USAGE = 200, 2


def main(arguments: list[str]) -> int:
    if len(arguments) != 2 or arguments[0] not in ("observe", "deploy"):
        sys.stderr.write("usage: python -m rotator.sandbox.fleetctl observe|deploy NAME\n")
        return _USAGE
    if FLEET not in os.environ or TOKEN_FILE not in os.environ:
        sys.stderr.write(f"{FLEET} and {TOKEN_FILE} are not set: this works inside the sandbox's world only.\n")
        return _USAGE
    verb, name = arguments
    try:
        status, answer = _send(verb, name)
    except (OSError, UsageError) as error:
        sys.stderr.write(f"The sandbox's fleet cannot be reached: {error}\n")
        return 1
    if status != _OK:
        sys.stderr.write(f"{answer.get('error', status)}\n")
        return 1
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


def _send(verb: str, name: str) -> tuple[int, dict[str, object]]:
    fleet = os.environ[FLEET]
    token = Path(os.environ[TOKEN_FILE]).read_text().strip()
    if verb == "observe":
        status, answer = call("GET", f"{fleet}/observe/{name}", token=token)
    else:
        # Without a token it was typed by hand: a deploy of its own each time.
        once = os.environ.get("ROTATOR_DEPLOY_TOKEN") or str(uuid.uuid4())
        status, answer = call("POST", f"{fleet}/deploy/{name}", token=token, body=once, timeout=_DEPLOY)
    return status, dict(answer)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
