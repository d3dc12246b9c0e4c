"""Observes a consumer with a command of the operator's own, which prints an observation as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from rotator.adapters.process import last_lines, run, shown
from rotator.adapters.watch.observation import Exposed, Malformed, parse_observation
from rotator.model.config import CommandWatch
from rotator.model.errors import Refused, Unreachable
from rotator.model.measure import Instance

TIMEOUT = timedelta(seconds=60)
KEEP = 2 << 20
"""Bytes of an observation: some ten thousand instances."""
_HINT = 'It prints {"instances": [{"id": "…", "fingerprint": "…" or null, "since": "…", "terminating": false}]}.'


class CommandWatcher:
    """Runs the argv in the configuration file's folder (`cwd`), no shell; `ROTATOR_CONSUMER` names the consumer."""

    def __init__(self, config: CommandWatch, consumer: str, cwd: str, timeout: timedelta = TIMEOUT) -> None:
        self._argv = config.observe
        self._consumer = consumer
        self._cwd = cwd
        self._timeout = timeout

    def observe(self) -> Sequence[Instance]:
        """What the command said.

        Raises `Unreachable` where it failed or hung (it may do better the next time), `Refused` where it is missing or
        what it printed is no observation: that is mended by a person.
        """
        ended = run(
            self._argv, cwd=self._cwd, timeout=self._timeout, extra={"ROTATOR_CONSUMER": self._consumer}, keep=KEEP
        )
        command = shown(self._argv)
        if ended.code != 0:
            raise Unreachable(
                f"{self._consumer} cannot be observed: {command} ended with code {ended.code}"
                + last_lines(ended.err or ended.out),
                "Run the command by hand to see what is wrong.",
            )
        if ended.cut:
            raise Refused(f"{command}, which observes {self._consumer}, printed more than {KEEP >> 20} MiB", _HINT)
        try:
            return parse_observation(ended.out)
        except Malformed as wrong:
            raise Refused(f"what {command} prints is not an observation of {self._consumer}: {wrong}", _HINT) from None
        except Exposed as exposed:
            raise Refused(
                f"{command} prints the whole text of the key that instance {exposed} of {self._consumer} holds",
                "Let it print a fingerprint (12 hex digits, or the first 16 and last 4 characters), "
                "and treat that key as exposed.",
            ) from None
