"""A key that is read again while the process runs."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from rotator.client.secret import open_reader
from rotator.model.errors import OutsideError
from rotator.model.keys import KeyText

REFRESH = 30.0  # seconds between two reads of the store
RETRY = 5.0  # seconds until the next read after one that failed, where `refresh` is longer
AFTER_REFUSAL = 1.0  # seconds between two reads that a 401 asked for: a dead key must not hammer the store

_log = logging.getLogger("rotator.client")


@dataclass(frozen=True, slots=True)
class Held:
    """The key in use, and since when this process has held it (UTC)."""

    key: KeyText
    since: datetime


class KeySource:
    """Serves the current key of one secret to any number of threads.

    There is no thread of its own: whoever asks first after `refresh` seconds reads the store, bounded to a few
    seconds, while all others are served the key at hand. So nothing has to be started, stopped or survive a fork.
    When the store cannot be read, the last good key goes on being served, and a warning is logged: a request never
    fails because the store is down. Only the very first read raises (`Refused` or `Unreachable`): there is no key yet.
    """

    def __init__(self, secret: str, *, refresh: float = REFRESH) -> None:
        """`secret`: as in `rotate.yaml`, `aws-sm://REGION/NAME[#FIELD]` or `vault://MOUNT/PATH#FIELD`. `refresh`: in
        seconds.

        Reads nothing yet. Raises `ConfigError` where the reference cannot be used.
        """
        self._reader = open_reader(secret)
        self._refresh = refresh
        self._reading = threading.Lock()
        self._held: Held | None = None
        self._next_read = 0.0
        self._next_after_refusal = 0.0

    @property
    def due(self) -> bool:
        """Whether the next call of `key()` would read the store."""
        return self._held is None or time.monotonic() >= self._next_read

    def key(self) -> KeyText:
        """The key to use for the next request."""
        return self.held().key

    def fingerprint(self) -> str:
        """12 hex digits of the key in use, for a health page. Reads the store when that is due, as `key()` does."""
        return self.held().key.fingerprint.digest

    def held(self) -> Held:
        held = self._held
        if held is None:
            return self._first_read()
        if self.due and self._reading.acquire(blocking=False):
            try:
                held = self._read_or_keep(held)
            finally:
                self._reading.release()
        return held

    def after_refusal(self, refused: KeyText) -> KeyText | None:
        """Anthropic answered 401 to `refused`: the key to try instead, or None where the store has no other.

        Reads the store at once, but not twice within a second, however many requests are refused.
        """
        with self._reading:
            held = self._held
            if held is not None and held.key == refused and time.monotonic() >= self._next_after_refusal:
                held = self._read_or_keep(held)
                self._next_after_refusal = time.monotonic() + AFTER_REFUSAL
            return held.key if held is not None and held.key != refused else None

    def _first_read(self) -> Held:
        with self._reading:
            if self._held is None:
                self._held = Held(self._reader.read(), datetime.now(UTC))
                self._next_read = time.monotonic() + self._refresh
            return self._held

    def _read_or_keep(self, held: Held) -> Held:
        """Needs the lock."""
        try:
            key = self._reader.read()
        except OutsideError as error:
            _log.warning("%s Still serving the key %s.", error.message, held.key.fingerprint)
            self._next_read = time.monotonic() + min(self._refresh, RETRY)
            return held
        self._next_read = time.monotonic() + self._refresh
        if key != held.key:
            self._held = held = Held(key, datetime.now(UTC))
            _log.info("The secret holds another key now: %s.", key.fingerprint)
        return held
