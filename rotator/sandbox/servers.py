"""The sandbox's AWS and Anthropic as child processes of a world: `python -m rotator.sandbox.servers aws|anthropic`.

A process each: they would otherwise take the interpreter from one another, and from whoever watches.
"""

from __future__ import annotations

import sys
import threading

from rotator.model.canonical import JsonObject
from rotator.sandbox.processes import announce, live_with_parent


def serve_aws() -> None:
    from rotator.sandbox.aws import SandboxAws

    with SandboxAws() as server:
        _until_the_parent_goes({"url": server.url, "region": server.region})


def serve_anthropic() -> None:
    from rotator.sandbox.anthropic import SandboxAnthropic

    with SandboxAnthropic() as server:
        admin, _ = server.books.issue_admin("sandbox admin")
        # These go through a pipe, from memory to memory: neither argv nor an environment ever holds them (law 6).
        facts = {"url": server.url, "control_token": server.control_token, "admin_key": admin.reveal()}
        _until_the_parent_goes(facts)


def _until_the_parent_goes(facts: JsonObject) -> None:
    announce(facts)
    threading.Event().wait()  # the lifeline ends the process


if __name__ == "__main__":
    live_with_parent()
    {"aws": serve_aws, "anthropic": serve_anthropic}[sys.argv[1]]()
