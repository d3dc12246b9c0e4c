"""Keeps what other libraries would log of a secret out of every log (law 6)."""

from __future__ import annotations

import logging


class Unlogged(logging.Filter):
    """On a library's logger: what it would tell of a secret's text, at DEBUG, is not told.

    A host program may well log at that level, and knows nothing of the secrets that we read in it.
    """

    def __init__(self, word: str) -> None:
        """`word`: stands in every message that holds the text of a secret."""
        super().__init__()
        self._word = word

    def filter(self, record: logging.LogRecord) -> bool:
        if self._word in record.getMessage():
            record.msg, record.args = "(not logged: it holds the text of a secret)", ()
        return True
