"""The sandbox's servers as child processes of a world: `python -m rotator.sandbox.servers aws|vault|anthropic`.

A process each: they would otherwise take the interpreter from one another, and from whoever watches.
"""

from __future__ import annotations

import secrets
import sys
import threading

from rotator.model.canonical import JsonObject
from rotator.sandbox.processes import announce, live_with_parent

VAULT_SECRET = "prod/anthropic"  # noqa: S105 - a path
"""The path, in the mount `secret`, that the roles are for."""


def serve_aws() -> None:
    from rotator.sandbox.aws import SandboxAws

    with SandboxAws() as server:
        _until_the_parent_goes({"url": server.url, "region": server.region})


def serve_vault() -> None:
    """With one secret to come at `VAULT_SECRET`: a role that may rotate it, and a token that may read it."""
    from rotator.sandbox.vault import SandboxVault

    with SandboxVault() as server:
        books, secret_id = server.books, secrets.token_urlsafe(24)
        path = VAULT_SECRET
        books.write_policy("reads", {f"secret/data/{path}": ["read"]})
        books.write_policy(
            "rotates",
            {
                f"secret/data/{path}": ["read", "update"],
                f"secret/metadata/{path}": ["read", "update"],
                f"secret/data/{path}.pending": ["create", "read", "update"],
                f"secret/metadata/{path}.pending": ["delete"],
                "secret/config": ["read"],
            },
        )
        books.create_approle("rotator", ["rotates"], role_id="rotator", secret_id=secret_id)
        reader = books.create_token("reads")
        _until_the_parent_goes(
            {"url": server.url, "root_token": server.root_token, "secret_id": secret_id, "reader_token": reader}
        )


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
    {"aws": serve_aws, "vault": serve_vault, "anthropic": serve_anthropic}[sys.argv[1]]()
