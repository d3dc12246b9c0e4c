"""What keys were used for, by the minute, from Anthropic's reports. Facts: Per-key usage.

The analytics report (beta) counts requests and says how fresh it is; the legacy one counts tokens, and is asked where
the first may not be read. With one Admin key Anthropic is asked at most once a minute, for every key that any rotation
has named, whatever process it runs in (`readings.py`): further calls within that minute get the same reading.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from rotator.adapters.issuer.classify import Reply
from rotator.adapters.issuer.connection import Answered, Connection
from rotator.adapters.issuer.readings import Readings
from rotator.adapters.issuer.usage_rows import Row, analytics_rows, legacy_rows, when
from rotator.model.errors import OutsideError, Refused, Unreachable
from rotator.model.keys import KeyText
from rotator.model.usage import MINUTE, Minute, Reading, Source, Unread, Usage
from rotator.ports import Clock

if TYPE_CHECKING:
    from anthropic import Anthropic
    from httpx2 import Headers, Response

BETA: Final = "analytics-usage-cost-2026-08-24"
SPAN: Final = timedelta(hours=24)
"""The longest range that either report gives by the minute."""
REACH: Final = timedelta(days=31)
"""How far back is read at most (law 8): no quiet window is longer."""
PAGE: Final = 1000
BUCKETS: Final = 360
"""Minutes in a page of the legacy report: with all of a day's it could outgrow the bound on a body."""
MAX_PAGES: Final = 200
"""In all, for one reading: two keys, a few models, each minute of some weeks."""
KEYS: Final = 50
"""Keys asked about in one request: their ids stand in its address."""

WAIT: Final = timedelta(seconds=30)
"""For the answer that another process is asking for just now."""

_LOOK_AGAIN: Final = timedelta(milliseconds=250)

_SHUT: Final = frozenset({400, 403, 404})
"""Not for this credential, or not there at all (an individual account, a gateway, an older API)."""


class UsageReports:
    def __init__(
        self,
        connection: Connection,
        admin_key: Callable[[], KeyText],
        clock: Clock,
        address: str,
        readings: Readings,
    ) -> None:
        """`address`: of the API, so that two worlds that share `readings` are not taken for one."""
        self._connection, self._admin_key, self._clock = connection, admin_key, clock
        self._address, self._readings = address, readings

    def read(self, key_ids: Sequence[str], since: datetime) -> Reading:
        """As in `ports.Issuer.usage`."""
        key = self._admin_key()
        place = f"{key.fingerprint.digest} {hashlib.sha256(self._address.encode()).hexdigest()[:12]}"
        answer = self._awaited(place, key, key_ids, since)
        if isinstance(answer, OutsideError):
            raise answer
        return answer

    def _awaited(self, place: str, key: KeyText, key_ids: Sequence[str], since: datetime) -> Reading | OutsideError:
        """The last answer, where that is younger than a minute; else a new one, ours or whoever's is just asking."""
        patience = self._clock.now() + WAIT
        while True:
            now = self._clock.now()
            look = self._readings.look(place, key_ids, since, now)
            if look.mine:
                answer = self._asked(key, look.key_ids, look.since, now)
                if isinstance(answer, _TooLong):  # whoever else still wants to know asks again
                    self._readings.forget(place, key_ids)
                self._readings.post(place, now, answer)
                return answer
            if look.answer is not None:
                return look.answer
            if now >= patience:
                return Unreachable("Another process is reading Anthropic's usage report.", "Look again in a minute.")
            self._clock.sleep(_LOOK_AGAIN)

    def _asked(self, key: KeyText, key_ids: Sequence[str], since: datetime, now: datetime) -> Reading | OutsideError:
        try:
            return self._poll(key, key_ids, max(since, now - REACH), now)
        except OutsideError as error:
            return error

    def _poll(self, key: KeyText, key_ids: Sequence[str], since: datetime, now: datetime) -> Reading:
        with self._connection.client(key) as client:
            report = _Report(self._connection, key, client, list(key_ids), since, now)
            with suppress(_Shut):
                return report.read(Source.ANALYTICS)
            try:
                return report.read(Source.LEGACY)
            except _Shut as said:
                return Unread(f"this Admin key may read neither of Anthropic's usage reports: {said}")


@dataclass(frozen=True, slots=True)
class _Raw:
    """What `Connection.ask` reads of an answer."""

    http_response: Response = field(repr=False)

    @property
    def headers(self) -> Headers:
        return self.http_response.headers


class _Shut(Exception):
    """This report is not for this credential."""


class _TooLong(Unreachable):
    def __init__(self) -> None:
        super().__init__(
            f"Anthropic's usage report has more than {MAX_PAGES} pages: it was not read to its end.",
            "Name fewer consumers with long cadences, or ask Anthropic's support for the report.",
        )


class _Report:
    """One reading, page by page."""

    def __init__(
        self, connection: Connection, key: KeyText, client: Anthropic, ids: list[str], since: datetime, now: datetime
    ) -> None:
        self._connection, self._key, self._client = connection, key, client
        self._ids, self._since, self._now = ids, since, now
        self._requests: list[str] = []
        self._fresh: list[datetime | None] = []

    def read(self, source: Source) -> Usage:
        self._requests.clear()
        self._fresh.clear()
        rows = analytics_rows if source is Source.ANALYTICS else legacy_rows
        counted: dict[str, dict[datetime, list[Row]]] = {id: defaultdict(list) for id in self._ids}
        for body in self._bodies(source):
            for row in rows(self._key, body):
                if row.key_id in counted:  # Playground traffic has none; other keys were not asked about
                    counted[row.key_id][row.at].append(row)
        return Usage(
            source=source,
            since=self._since,
            read_at=self._now,
            complete_until=self._complete(source),
            minutes={id: tuple(_minute(at, found[at]) for at in sorted(found)) for id, found in counted.items()},
            request_ids=tuple(self._requests[:1] + self._requests[1:][-1:]),
        )

    def _complete(self, source: Source) -> datetime | None:
        """The oldest watermark of all pages; one page without any makes the whole reading unknown."""
        if source is Source.LEGACY or not self._fresh:
            return None
        known = [at for at in self._fresh if at is not None]
        return min(known) if len(known) == len(self._fresh) else None

    def _bodies(self, source: Source) -> Iterator[Mapping[str, Any]]:
        pages = 0
        for ids, start, end in self._questions():
            cursor: str | None = None
            while True:
                pages += 1
                if pages > MAX_PAGES:
                    raise _TooLong
                body = self._ask(partial(self._page, source, ids, start, end, cursor))
                self._fresh.append(when(body.get("data_refreshed_at")))
                yield body
                following = body.get("next_page") if body.get("has_more") else None
                if not isinstance(following, str) or not following or following == cursor:
                    break
                cursor = following

    def _questions(self) -> Iterator[tuple[list[str], datetime, datetime]]:
        """So many keys and so long a time as one request may ask about."""
        for first in range(0, len(self._ids), KEYS):
            start = self._since
            while start < self._now:
                end = min(start + SPAN, _ceiling(self._now))
                yield self._ids[first : first + KEYS], start, end
                start = end

    def _page(self, source: Source, ids: list[str], start: datetime, end: datetime, cursor: str | None) -> Any:
        # Both by their paths: the SDK has no binding for the legacy one, and both should be asked alike.
        from httpx2 import Response

        # The SDK writes a list as `name[]=…&name[]=…`, as both reports want it.
        query: dict[str, object] = {"starting_at": _rfc(start), "ending_at": _rfc(end), "api_key_ids": ids}
        query["group_by"] = ["api_key_id", "model", "workspace_id"]
        query |= {"limit": PAGE if source is Source.ANALYTICS else BUCKETS}
        query |= {"page": cursor} if cursor else {}
        if source is Source.ANALYTICS:
            # Always by the minute: else the range is rounded down to the hour, and counts from before the cutover.
            query |= {"time_bucket_width": "1m", "order_by": "time", "order": "asc"}
            path, headers = "/v1/organizations/analytics/usage", {"anthropic-beta": BETA}
        else:
            query |= {"bucket_width": "1m"}
            path, headers = "/v1/organizations/usage_report/messages", {}
        return _Raw(self._client.get(path, cast_to=Response, options={"params": query, "headers": headers}))

    def _ask(self, call: Callable[[], Any]) -> Mapping[str, Any]:
        outcome = self._connection.ask(self._key, call, self._note)
        if isinstance(outcome, Answered):
            return outcome.body
        reply, words = outcome.reply, outcome.reply.words
        if reply.status == 401:
            raise Refused(
                f"Anthropic refused the ADMIN key, so usage could not be read ({words}).",
                "Look at what `admin_key:` in rotate.yaml names.",
            )
        if reply.status in _SHUT:
            raise _Shut(words)
        raise Unreachable(f"Anthropic's usage report could not be read ({words}).", "It is asked again in a minute.")

    def _note(self, reply: Reply) -> None:
        if reply.request_id:
            self._requests.append(reply.request_id)


def _minute(at: datetime, rows: Sequence[Row]) -> Minute:
    return Minute(
        at=at,
        volume=sum(row.volume for row in rows),
        models=frozenset(row.model for row in rows if row.model),
        workspaces=frozenset(row.workspace for row in rows if row.workspace),
    )


def _ceiling(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0) + MINUTE


def _rfc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
