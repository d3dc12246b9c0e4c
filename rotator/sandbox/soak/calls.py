"""What the `rotate` processes wrote to the servers, as the fault proxies saw it go by. Keys are not kept."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rotator.model.canonical import Json
from rotator.model.keys import Fingerprint
from rotator.sandbox.fault_proxy import Exchange, Fault
from rotator.sandbox.servers import VAULT_SECRET
from rotator.sandbox.world_stores import VAULT_FIELD

_OPERATION: Final = re.compile(rb"^x-amz-target: *secretsmanager\.(\w+)", re.IGNORECASE | re.MULTILINE)
_RECORD: Final = re.compile(rb"^POST /v1/organizations/api_keys/(\w+)")
_FIELDS: Final = re.compile(rb"^POST /v1/secret/data/(\S+)")
_OK: Final = re.compile(rb"^HTTP/1\.[01] 2\d\d")
_CURRENT: Final = "AWSCURRENT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A write that the server carried out. `verb`: stage, promote or status; `to`: a status, or a version: its id in
    AWS and at Vault's pending path, its key's digest at Vault's own path."""

    verb: str
    subject: str  # stage, promote: empty; status: the key's id
    to: str
    before: str  # promote, AWS: the version that was current; else empty
    fault: Fault | None

    @property
    def heard(self) -> bool:
        """Whether the tool got the answer whole."""
        return self.fault in (None, Fault.DELAY)


class CallLog:
    """Thread-safe; in the order in which the answers came."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._writes: list[Write] = []

    def seen(self, exchange: Exchange) -> None:
        """For `FaultProxy(seen=…)`."""
        if not _OK.match(exchange.reply):
            return
        head, _, content = exchange.request.partition(b"\r\n\r\n")
        write = (
            _aws(head, content, exchange.fault)
            or _vault(head, content, exchange.fault)
            or _anthropic(head, content, exchange.fault)
        )
        if write is not None:
            with self._lock:
                self._writes.append(write)

    def writes(self, after: int = 0) -> Sequence[Write]:
        with self._lock:
            return self._writes[after:]


def _aws(head: bytes, content: bytes, fault: Fault | None) -> Write | None:
    operation = _OPERATION.search(head)
    if operation is None:
        return None
    body = _object(content)
    if operation[1] == b"PutSecretValue":
        return Write(verb="stage", subject="", to=str(body.get("ClientRequestToken")), before="", fault=fault)
    if operation[1] == b"UpdateSecretVersionStage" and body.get("VersionStage") == _CURRENT:
        to, before = str(body.get("MoveToVersionId")), str(body.get("RemoveFromVersionId") or "")
        return Write(verb="promote", subject="", to=to, before=before, fault=fault)
    return None


def _vault(head: bytes, content: bytes, fault: Fault | None) -> Write | None:
    """Each write makes a version, whatever is in it: there is no repeat that changes nothing, as in AWS."""
    path = _FIELDS.match(head)
    fields = _object(content).get("data") if path is not None else None
    if path is None or not isinstance(fields, dict):
        return None
    if path[1].decode() == VAULT_SECRET:
        digest = Fingerprint.of(str(fields.get(VAULT_FIELD))).digest
        return Write(verb="promote", subject="", to=digest, before="", fault=fault)
    return Write(verb="stage", subject="", to=str(fields.get("rotator_version")), before="", fault=fault)


def _anthropic(head: bytes, content: bytes, fault: Fault | None) -> Write | None:
    record = _RECORD.match(head)
    status = _object(content).get("status") if record is not None else None
    if record is None or not isinstance(status, str):
        return None
    return Write(verb="status", subject=record[1].decode(), to=status, before="", fault=fault)


def _object(content: bytes) -> dict[str, Json]:
    try:
        body: Json = json.loads(content or b"{}")
    except ValueError:
        return {}
    return dict(body) if isinstance(body, dict) else {}
