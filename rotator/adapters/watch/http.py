"""Observes a consumer over HTTP: one URL an instance, whose JSON answer says which key it holds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import urlsplit

from rotator.adapters.page import TIMEOUT_S, NoPage, Page, fetch
from rotator.adapters.watch.observation import LONGEST_FINGERPRINT
from rotator.core.exposure import exposes_key
from rotator.model.config import HttpWatch
from rotator.model.errors import Refused
from rotator.model.measure import Instance


class HttpWatcher:
    """Whatever goes wrong for one instance makes it unknown, never absent: it may be alive and hold the old key."""

    def __init__(self, config: HttpWatch, timeout_s: float = TIMEOUT_S) -> None:
        import jmespath

        self._urls = config.urls
        self._headers = dict(config.headers)
        self._timeout_s = timeout_s
        self._fingerprint = jmespath.compile(config.fingerprint)

    def observe(self) -> Sequence[Instance]:
        """One instance a URL, in their order; the id is the URL.

        Raises `Refused` where a page shows the whole text of a key: that is heard of before anything else.
        """
        pages = fetch(self._urls, self._headers, self._timeout_s)
        again = [number for number, page in enumerate(pages) if _is_weather(page)]
        if again:  # once more: a restart drops connections for a moment
            retried = fetch([self._urls[number] for number in again], self._headers, self._timeout_s)
            for number, page in zip(again, retried, strict=True):
                pages[number] = page
        return [
            Instance(id=url, fingerprint=self._read(url, page)) for url, page in zip(self._urls, pages, strict=True)
        ]

    def _read(self, url: str, page: Page | NoPage) -> str | None:
        if isinstance(page, NoPage) or page.status != 200 or not page.whole:
            return None
        import jmespath

        try:
            said = self._fingerprint.search(json.loads(page.body))
        except (ValueError, RecursionError, jmespath.exceptions.JMESPathError):
            return None
        except (TypeError, LookupError, AttributeError, ArithmeticError):
            return None  # jmespath's own functions let these through: `merge(@, nothing)`, `contains(text, number)`
        if not isinstance(said, str):
            return None
        if exposes_key(said):
            parts = urlsplit(url)
            raise Refused(
                f"{parts.scheme}://{parts.netloc}{parts.path} shows the whole text of the key that it holds",
                "Let it report a fingerprint (12 hex digits, or the first 16 and last 4 characters), "
                "and treat that key as exposed.",
            )
        said = said.strip()
        return said if said and len(said) <= LONGEST_FINGERPRINT and said.isprintable() else None


def _is_weather(page: Page | NoPage) -> bool:
    return isinstance(page, NoPage) or page.status >= 500 or page.status in {408, 425, 429}
