"""Asks Anthropic about one key, as seldom as can be: once for a healthy one; more only where something is wrong.

What it compares when a key is refused: the two headers that a key may travel in, and the configured address with
Anthropic's own. Reads only; nothing here changes anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from rotator.adapters.issuer.classify import classify
from rotator.adapters.issuer.ledger import Ledger
from rotator.adapters.issuer.wire import Wire, opened, url_of
from rotator.core.check.symptoms import DEFAULT_URL
from rotator.core.check.trials import Address, Books, Header, Trial
from rotator.core.hygiene import sendable
from rotator.model.keys import KeyRecord, KeyText
from rotator.model.measure import Cause
from rotator.ports import Clock

TRIES = 3
"""Requests in all where the first meets only weather."""
PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(seconds=5)
"""A server that asks for more patience gets this much: a person, or a container's start, is waiting."""
_NOT_SENT = frozenset({"authorization", "x-api-key", "accept-encoding", "content-length", "host", "anthropic-version"})


class Inquiry:
    """`headers`: the application's further headers, sent as it would (never a credential of theirs).

    `base_url` None: Anthropic's own address. `direct_url`: what counts as that; None: it is never asked beside another.
    `admin_key` None: the books cannot be asked.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        base_url: str | None = None,
        headers: Mapping[str, str] | None = None,
        admin_key: Callable[[], KeyText] | None = None,
        key_id: str | None = None,
        direct_url: str | None = DEFAULT_URL,
    ) -> None:
        self._clock = clock
        self._configured = base_url or direct_url or DEFAULT_URL
        self._direct = direct_url if direct_url and direct_url.rstrip("/") != self._configured.rstrip("/") else None
        self._headers = {name: text for name, text in (headers or {}).items() if name.lower() not in _NOT_SENT}
        self._admin_key = admin_key
        self._key_id = key_id

    def ask(self, key: KeyText) -> tuple[tuple[Trial, ...], Books | None]:
        """What was tried, in order, and what the books say (None: there is no Admin key).

        Raises `Refused` where no connection can be set up at all.
        """
        if not sendable(key):
            return (), None
        with opened(self._clock) as wire:
            trials = [self._patient(wire, key)]
            if not trials[0].accepted:
                trials += self._compared(wire, key, trials[0])
            return tuple(trials), self._books(wire, key, trials)

    def records(self) -> tuple[tuple[KeyRecord, ...], str]:
        """All key records of the organisation, or why they cannot be had, as a sentence."""
        if self._admin_key is None:
            return (), "Without an Admin key Anthropic's books cannot be read."
        with opened(self._clock) as wire:
            return Ledger(wire, [self._configured], self._admin_key, self._clock).records()

    def _patient(self, wire: Wire, key: KeyText) -> Trial:
        """The request that a present-day SDK makes; weather retried."""
        for attempt in range(1, TRIES + 1):
            trial, wished = self._try(wire, key, Header.BEARER, Address.CONFIGURED)
            if trial.cause is not Cause.WEATHER or attempt == TRIES or (trial.status or 500) < 408:
                break
            self._clock.sleep(min(wished or PAUSE * attempt, LONGEST_PAUSE))
        return trial

    def _compared(self, wire: Wire, key: KeyText, first: Trial) -> list[Trial]:
        """The other header, then Anthropic's own address, until one of them works."""
        if first.cause is Cause.WEATHER and first.status is not None and first.genuine:
            return []
        if first.cause in (Cause.BLOCKED, Cause.WORKSPACE):
            return []
        made: list[Trial] = []
        ways = [(Header.X_API_KEY, Address.CONFIGURED)] if first.status is not None else []
        if self._direct is not None:
            ways += [(Header.BEARER, Address.DIRECT), (Header.X_API_KEY, Address.DIRECT)]
        for header, address in ways:
            made.append(self._try(wire, key, header, address)[0])
            if made[-1].accepted:
                break
        return made

    def _try(self, wire: Wire, key: KeyText, header: Header, address: Address) -> tuple[Trial, timedelta | None]:
        value = f"Bearer {key.reveal()}" if header is Header.BEARER else key.reveal()
        further = self._headers if address is Address.CONFIGURED else {}
        base = self._configured if address is Address.CONFIGURED or self._direct is None else self._direct
        at = self._clock.now()
        answer = wire.get(url_of(base, "/v1/models"), key, {**further, header.value: value}, {"limit": 1})
        reply = answer.reply
        accepted = reply.status == 200 and answer.body is not None and isinstance(answer.body.get("data"), list)
        cause = Cause.ACCEPTED if accepted else classify(reply).cause
        trial = Trial(
            header=header,
            address=address,
            at=at,
            status=reply.status,
            cause=cause,
            words=reply.words,
            code=reply.code,
            request_id=reply.request_id,
            organization=reply.organization,
            workspace=reply.workspace,
            genuine=answer.genuine,
        )
        return trial, reply.retry_after

    def _books(self, wire: Wire, key: KeyText, trials: list[Trial]) -> Books | None:
        if self._admin_key is None:
            return None
        healthy = trials[0].accepted
        addresses = [self._configured] if self._direct is None or healthy else [self._configured, self._direct]
        ledger = Ledger(wire, addresses, self._admin_key, self._clock)
        books = ledger.look_up(key.fingerprint, self._key_id)
        refused = any(trial.refused for trial in trials)
        return ledger.with_usage(books) if refused and books.record is not None else books
