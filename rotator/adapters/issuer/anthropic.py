"""Anthropic as the issuer, through its SDK: pings with the key itself, records with an Admin key where there is one."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime

from rotator.adapters.issuer.admin import AdminApi
from rotator.adapters.issuer.connection import Connection
from rotator.adapters.issuer.ping import ping
from rotator.adapters.issuer.readings import Readings
from rotator.adapters.issuer.usage import UsageReports
from rotator.core.key_records import choose, confirm, unmanaged
from rotator.model.keys import Fingerprint, KeyRecord, KeyStatus, KeyText
from rotator.model.measure import Ping
from rotator.model.usage import Reading, Unread
from rotator.ports import Clock


class AnthropicIssuer:
    """`ports.Issuer`. Without `admin_key` it can only ping; everything else says what to do in the Console.

    `admin_key` is called when an Admin key is needed, and may raise. `base_url` None: ANTHROPIC_BASE_URL, else
    Anthropic itself. `readings`: of usage, shared by all who should ask for it together. The SDK is imported at the
    first call, which takes a second.
    """

    def __init__(
        self,
        *,
        admin_key: Callable[[], KeyText] | None,
        clock: Clock,
        base_url: str | None = None,
        readings: Readings | None = None,
    ) -> None:
        self._connection = Connection(clock, base_url)
        self._admin = AdminApi(self._connection, admin_key) if admin_key is not None else None
        address = base_url or os.environ.get("ANTHROPIC_BASE_URL", "")
        self._usage = (
            UsageReports(self._connection, admin_key, clock, address, readings or Readings())
            if admin_key is not None
            else None
        )

    @property
    def manages(self) -> bool:
        return self._admin is not None

    def ping(self, key: KeyText, *, inference: bool, model: str | None = None) -> Ping:
        return ping(self._connection, key, inference=inference, model=model)

    def usage(self, key_ids: Sequence[str], since: datetime) -> Reading:
        if self._usage is None:
            return Unread("without an Admin key no usage can be read")
        return self._usage.read(key_ids, since)

    def find(self, fingerprint: Fingerprint, key_id: str | None = None) -> KeyRecord | None:
        if self._admin is None:
            return None
        if key_id is not None:
            return confirm(fingerprint, self._admin.record(key_id))
        return choose(fingerprint, self._admin.records())

    def record(self, key_id: str) -> KeyRecord:
        if self._admin is None:
            raise unmanaged(f"read the record of {key_id}")
        return self._admin.record(key_id)

    def set_status(self, key_id: str, status: KeyStatus) -> KeyRecord:
        if self._admin is None:
            raise unmanaged(f"set the key {key_id} to {status.value}")
        return self._admin.set_status(key_id, status)
