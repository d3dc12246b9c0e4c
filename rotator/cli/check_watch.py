"""`rotate check --watch`: again and again; what changes is shown, and whoever `notify:` names is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from rotator.cli.check_result import Result, Shown
from rotator.cli.screen import write
from rotator.core.check.diagnosis import Finding
from rotator.model.errors import UsageError
from rotator.wiring import Workplace


def watch(place: Workplace, check: Callable[[], Result], every: str, shown: Shown) -> NoReturn:
    """Shows the first round, then only those that differ from the one before."""
    from rotator.loader import parse_duration

    try:
        interval = parse_duration(every)
    except ValueError as wrong:
        raise UsageError(f"--every: {wrong}", "--every 1m") from None
    notifier = place.notifier()
    before: Result | None = None
    while True:
        result = check()
        if before is None or result.told != before.told:
            at = f"{place.clock.now():%Y-%m-%d %H:%M:%S} UTC "
            shown.show(result, at)
            if before is not None:
                body = "\n".join(result.brief) or _well(before)
                if shown.quiet and not result.brief and not shown.json:
                    write(f"{at}rotate check: {body}")
                notifier.tell(f"rotate check: {result.finding.value}", body)
        before = result
        place.clock.sleep(interval)


def _well(before: Result) -> str:
    again = before.finding is not Finding.FINE or before.brief
    return "All is well again." if again else "What is held has changed; all is well."
