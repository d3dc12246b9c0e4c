"""Telling people, through apprise (https://github.com/caronc/apprise) or not at all."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from threading import Thread
from typing import Any

from rotator.client.bounded import while_bound
from rotator.model.errors import ConfigError

TELL_SECONDS = 20.0
"""Longest that one message may hold a rotation up, all addresses together."""

_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())  # without a handler of the program's own, logging would print to stderr


class Silent:
    """`ports.Notifier` that tells nobody."""

    def tell(self, title: str, body: str) -> None:
        pass


class AppriseNotifier:
    """`ports.Notifier` to apprise addresses (`slack://…`, `mailto://…`, `json://…`)."""

    def __init__(self, urls: Sequence[str], limit_seconds: float = TELL_SECONDS) -> None:
        """Raises `ConfigError` where apprise is not installed or does not know an address."""
        try:
            import apprise
        except ImportError:
            raise ConfigError(
                "`notify:` in rotate.yaml needs a package that is not installed", "pip install 'rotator[notify]'"
            ) from None
        logging.getLogger("apprise").addHandler(logging.NullHandler())
        self._limit_seconds = limit_seconds
        self._channels: list[Any] = []
        for number, url in enumerate(urls, start=1):
            channel = apprise.Apprise()
            if not channel.add(url):
                # Addresses hold tokens: only the scheme is shown.
                raise ConfigError(
                    f"address {number} under `notify:` ({_scheme(url)}) is none that apprise understands",
                    "Its form is at https://github.com/caronc/apprise/wiki.",
                )
            self._channels.append((_scheme(url), channel))

    def tell(self, title: str, body: str) -> None:
        """Send to every address at once; what fails or outlasts the limit is logged and left."""
        # Daemon threads: an address that never answers must not keep the program from ending.
        everyone = Thread(target=self._tell_all, args=(title, body), name="notify", daemon=True)
        everyone.start()
        everyone.join(self._limit_seconds)
        if everyone.is_alive():
            _log.warning("a notification did not get through within %g s: %s", self._limit_seconds, title)

    def _tell_all(self, title: str, body: str) -> None:
        from urllib3 import poolmanager

        threads = [
            Thread(target=_tell, args=(scheme, channel, title, body), name=f"notify {scheme}", daemon=True)
            for scheme, channel in self._channels
        ]
        # apprise's plugins call requests' own functions, which take no session of ours: so meanwhile all of urllib3 is
        # bounded. What else of this process goes through it, to Vault, has bounds of its own.
        with while_bound(poolmanager, TELL_SECONDS):
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()


def _tell(scheme: str, channel: Any, title: str, body: str) -> None:
    try:
        delivered = channel.notify(title=title, body=body)
    except Exception as error:  # a plugin's failure is never the rotation's; its text may hold the address
        _log.warning("a notification by %s failed (%s): %s", scheme, type(error).__name__, title)
        return
    if not delivered:
        _log.warning("a notification by %s was not delivered: %s", scheme, title)


def _scheme(url: str) -> str:
    scheme, found, _ = url.partition("://")
    return f"{scheme}://" if found else "without a scheme"
