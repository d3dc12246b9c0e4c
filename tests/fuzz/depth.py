"""How deep the fuzz tests go: shallow in `make test`, deeper by `make fuzz`, which sets ROTATOR_FUZZ."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final

from hypothesis import HealthCheck, settings

TIMES: Final = int(os.environ.get("ROTATOR_FUZZ", "1"))
"""How many times the shallow number of examples are tried."""


def examples(shallow: int) -> Callable[[Any], Any]:
    """Decorates a `@given` test. In `make test` the same examples on every run; deeper, new ones each time."""
    return settings(
        max_examples=shallow * TIMES,
        derandomize=TIMES == 1,
        deadline=None,  # two slow cores, shared: a hang is found by the test's own time-out
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
    )
