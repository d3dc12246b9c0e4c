"""A service that looks into the secret again every two seconds. It needs no deploy.

    python edge.py PORT

Example 03 does this better: with `rotator.client` a 401 is met with the new key at once.
"""

from __future__ import annotations

import sys
import time

import anthropic
from chat import read_key
from web import MESSAGE, serve

REFRESH = 2.0  # seconds


class Source:
    def __init__(self) -> None:
        self._key, self._read_at = read_key(), time.monotonic()

    def key(self) -> str:
        if time.monotonic() - self._read_at > REFRESH:
            self._key, self._read_at = read_key(), time.monotonic()
        return self._key


if __name__ == "__main__":
    source = Source()
    serve(
        int(sys.argv[1]),
        source.key,
        lambda: anthropic.Anthropic(api_key=source.key()).messages.create(**MESSAGE),
    )
