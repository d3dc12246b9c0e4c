"""The machine's clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class SystemClock:
    """`ports.Clock` by the operating system."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, duration: timedelta) -> None:
        """Nothing happens for `duration`; a negative one is over at once."""
        time.sleep(max(0.0, duration.total_seconds()))
