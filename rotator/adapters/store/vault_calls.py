"""The KV version 2 requests that one secret and its sibling need. One method, one request, unless it says otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping

from rotator.adapters.store.fields import Document
from rotator.adapters.store.vault_connection import VaultConnection
from rotator.adapters.store.vault_errors import Answer
from rotator.adapters.store.vault_secret import Content, Sibling, pending_of
from rotator.adapters.store.vault_transport import Ask
from rotator.core.exposure import plain
from rotator.model.config import VaultSecretRef
from rotator.model.errors import Refused

_SHORT = 40  # characters of what Vault calls something


class Gone(Refused):
    """The version is there no more: softly deleted, or destroyed."""


class SecretCalls:
    """Errors are `OutsideError`s, without a cause: that of requests may hold a request's body."""

    def __init__(self, ref: VaultSecretRef, connection: VaultConnection, suffix: str) -> None:
        self.ref = ref
        self.connection = connection
        self.sibling_path = f"{ref.path}{suffix}"
        self._versioned = False
        """Whether the mount is known to be KV version 2."""

    def content(self, number: int | None = None) -> Content | None:
        """The current version, or this one; None where it is absent without a trace. Raises `Gone`."""
        params = None if number is None else {"version": str(number)}
        answer = self.connection.read(Ask("GET", self.path("data"), params=params))
        if answer.ok:
            self._versioned = True
            return Content.of(answer, self.ref)
        about = _metadata(answer)
        if about is not None:
            raise self._gone(about)
        self._check_mount()  # a KV version 1 has no such path either
        return None

    def sibling(self) -> Sibling:
        """What waits at the sibling path. A version that was deleted there waits no longer."""
        answer = self.connection.read(Ask("GET", self.path("data", self.sibling_path)))
        if answer.ok:
            return pending_of(answer, self.ref)
        number = (_metadata(answer) or {}).get("version")
        return Sibling(number if isinstance(number, int) else 0, None)

    def write(self, document: Document, cas: int) -> None:
        """The path's next version, if `cas` is still its current one's number. Raises `CasMismatch`, `Unanswered`."""
        self._put(self.path("data"), document.reveal(), cas)

    def write_sibling(self, fields: str, cas: int) -> None:
        """As `write`, at the sibling path; `fields` is a JSON object."""
        self._put(self.path("data", self.sibling_path), fields, cas)

    def _put(self, path: str, fields: str, cas: int) -> None:
        # Put together as text: every field stays as it was written, numbers included.
        self.connection.write(Ask("POST", path, f'{{"data":{fields},"options":{{"cas":{cas}}}}}'))

    def note(self, custom: Mapping[str, str]) -> None:
        """Write the path's `custom_metadata`, all of it. Repeating it changes nothing."""
        self.connection.write(Ask("POST", self.path("metadata"), json.dumps({"custom_metadata": custom})))

    def forget_sibling(self) -> None:
        """The sibling with all its versions and metadata."""
        self.connection.write(Ask("DELETE", self.path("metadata", self.sibling_path)))

    def settings(self, of: str) -> Mapping[str, object]:
        """Of the secret (`metadata`) or of the mount (`config`); empty where there are none."""
        path = f"{self.ref.mount}/config" if of == "config" else self.path(of)
        return self.connection.read(Ask("GET", path)).part("data")

    def path(self, kind: str, name: str | None = None) -> str:
        """`secret/data/prod/chat`"""
        return f"{self.ref.mount}/{kind}/{name or self.ref.path}"

    def _check_mount(self) -> None:
        """Raises `Refused` where the mount is no KV version 2: there, even a write would seem to succeed."""
        if self._versioned:
            return
        # Vault lets every token that may do anything in the mount ask this, without a policy of its own.
        answer = self.connection.read(Ask("GET", f"sys/internal/ui/mounts/{self.ref.mount}"))
        about = answer.part("data")
        if about.get("type") == "kv" and str(answer.part("data", "options").get("version", "1")) != "2":
            raise Refused(
                f"{self.ref.mount}/ in {self.connection.place} is KV version 1: it keeps no versions and has no "
                "check-and-set, so nothing could be staged, compared or rolled back there.",
                f"`vault kv enable-versioning {self.ref.mount}/` makes it version 2 (readers must follow: their paths "
                "gain `data/`), or move the secret to a version 2 mount.",
            )
        if about.get("type") not in ("kv", "generic"):
            raise Refused(
                f"{self.ref.mount}/ in {self.connection.place} is a secrets engine of type "
                f"{plain(str(about.get('type') or 'unknown'), _SHORT)}, not KV version 2.",
                "Correct the mount, the part after vault:// in the reference.",
            )
        self._versioned = True

    def _gone(self, about: Mapping[str, object]) -> Gone:
        number, mount, path = plain(str(about.get("version")), _SHORT), self.ref.mount, self.ref.path
        if about.get("destroyed") is True:
            return Gone(
                f"Version {number} of {self.ref} is destroyed: nothing brings it back.",
                f"Write the key anew (`vault kv put -mount={mount} {path} …`), then repeat the command.",
            )
        return Gone(
            f"Version {number} of {self.ref} is deleted, and can be brought back.",
            f"`vault kv undelete -mount={mount} -versions={number} {path}`, then repeat the command.",
        )


def _metadata(answer: Answer) -> Mapping[str, object] | None:
    """What a 404 says of a version that is gone; None from a bare one."""
    return answer.part("data", "metadata") or None
