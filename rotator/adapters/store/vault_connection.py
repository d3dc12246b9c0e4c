"""One Vault: its address, our token and its life, and what a refusal means.

The environment wins over rotate.yaml, as it does for the journal: VAULT_ADDR, VAULT_NAMESPACE, VAULT_CACERT and
VAULT_TOKEN.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import RLock

from rotator.adapters.store import vault_errors, vault_login
from rotator.adapters.store.vault_errors import Answer, Place, Unanswered
from rotator.adapters.store.vault_login import Token, TokenLife
from rotator.adapters.store.vault_transport import Ask, Transport
from rotator.model.config import VaultConfig
from rotator.model.errors import ConfigError, Refused, Unreachable
from rotator.ports import Clock

_RENEW_BELOW = 0.5  # of a token's life
_MARGIN = timedelta(seconds=30)
"""A token with less left than this is not begun with: the request would outlive it."""
_CAPABILITIES = "sys/capabilities-self"
_NEEDED = {"GET": ("read",), "LIST": ("list",), "DELETE": ("delete",)}
_WRITING = ("create", "update")  # which of them a write is, only Vault knows
_LONGEST_WORD = 20  # of a capability
_OVER = timedelta(0)


class VaultConnection:
    """Connects and logs in at its first request. May be shared by threads."""

    def __init__(
        self,
        config: VaultConfig | None = None,
        *,
        clock: Clock,
        environ: Mapping[str, str] | None = None,
        home: Path | None = None,
    ) -> None:
        self._config = config or VaultConfig()
        self._clock = clock
        self._environ = os.environ if environ is None else environ
        self._home = home
        self._lock = RLock()
        self._token: Token | None = None
        found = self._environ.get
        mine, its_key = found("VAULT_CLIENT_CERT"), found("VAULT_CLIENT_KEY")
        self.place = Place(
            (found("VAULT_ADDR") or self._config.address or "").rstrip("/"),
            found("VAULT_NAMESPACE") or self._config.namespace,
        )
        self._transport = Transport(
            self.place,
            authority=found("VAULT_CACERT") or found("VAULT_CAPATH") or self._config.ca_cert,
            mine=(mine, its_key) if mine and its_key else None,
        )

    def close(self) -> None:
        """Let the connections go. The next request makes new ones; the token stays."""
        self._transport.close()

    def life(self) -> TokenLife:
        """Of our token, as Vault says at this moment. Logs in where that is still to be done."""
        token = self._usable()
        return TokenLife(token.origin, token.remaining(self._clock.now()), token.renewable, lasts=self._logs_in(token))

    def read(self, ask: Ask) -> Answer:
        """A request that changes nothing: repeated, bounded, while Vault does not answer or cannot.

        Returns a success or a plain 404; raises an `OutsideError` for everything else.
        """
        answer = self._transport.again(ask, self._usable().text)
        return self._judged(self._forbidden(answer, ask) if answer.status == 403 else answer, ask)

    def write(self, ask: Ask) -> Answer:
        """A request that changes something: sent once. Raises `Unanswered` where only another look can tell."""
        token = self._usable().text
        try:
            answer = self._transport.once(ask, token)
            if answer.status == 403:  # nothing was done
                answer = self._forbidden(answer, ask)
            return self._judged(answer, ask)
        except Unreachable as unclear:
            told = Unanswered(unclear.message, unclear.hint)
        raise told

    def capabilities(self, *paths: str) -> dict[str, tuple[str, ...]]:
        """What our token may do, by path."""
        answer = self.read(_asking(*paths))
        return {path: _held(answer, path) for path in paths}

    # The token

    def _usable(self) -> Token:
        with self._lock:
            token, now = self._token, self._clock.now()
            if token is None:
                token = self._first()
            remaining = token.remaining(now)
            if remaining is not None and token.renewable and remaining < token.life * _RENEW_BELOW:
                token = self._renewed(token)
                remaining = token.remaining(now)
            if remaining is not None and remaining < _MARGIN:
                if self._logs_in(token):
                    token = self._logged_in()
                elif remaining <= _OVER:
                    raise self._expired(token)
            self._token = token
            return token

    def _first(self) -> Token:
        token = vault_login.given(self._environ, self._home or Path.home())
        from_file = token is not None and token.origin != "VAULT_TOKEN"
        if token is None or (from_file and self._config.auth is not None):
            # A file that some `vault login` left behind must not outrank what rotate.yaml says.
            return self._logged_in()
        answer = self._transport.again(Ask("GET", "auth/token/lookup-self"), token.text)
        # Forbidden: by a policy, or for the token is dead; the request that it is for will tell.
        return vault_login.looked_up(token, answer, self._clock.now()) if answer.ok else token

    def _logged_in(self) -> Token:
        if self._config.auth is None:
            raise ConfigError(
                f"There is no token for {self.place}.",
                "Set VAULT_TOKEN, run `vault login`, or give rotate.yaml an `auth:` block under `vault`.",
            )
        login = vault_login.login(self._config.auth)
        answer = self._transport.again(login, None)
        if answer.ok:
            return vault_login.granted(answer, f"the login at {login.path}", self._clock.now())
        if answer.status in (400, 403):
            raise Refused(
                f"{self.place} refused the login at {login.path}.{vault_errors.quote(answer.errors)}",
                f"Check the role and its secret under `vault: auth:` in rotate.yaml. {self.place.namespace_hint}",
            )
        raise vault_errors.answered(answer, str(login), self.place)

    def _renewed(self, token: Token) -> Token:
        answer = self._transport.again(Ask("POST", "auth/token/renew-self", "{}"), token.text)
        if not answer.ok:
            return replace(token, renewable=False)
        renewed = vault_login.granted(answer, token.origin, self._clock.now())
        # At its longest life a renewal gives nothing more: asking at every request would not help.
        gained = (
            renewed.expires_at is None or token.expires_at is None or renewed.expires_at > token.expires_at + _MARGIN
        )
        return renewed if gained else replace(renewed, renewable=False)

    def _logs_in(self, token: Token) -> bool:
        return self._config.auth is not None and token.origin.startswith("the login")

    def _expired(self, token: Token) -> Refused:
        instead = ", or unset it, so that rotate.yaml's `auth:` is used" if self._config.auth else ""
        return Refused(
            f"The token from {token.origin} for {self.place} has expired, or was never a token there.",
            f"Get a new one (`vault login`, VAULT_TOKEN){instead}; then repeat. {self.place.namespace_hint}",
        )

    # Refusals

    def _forbidden(self, answer: Answer, ask: Ask) -> Answer:
        """After a 403: a dead token is replaced once where we can; else the missing capability is named."""
        token = self._usable()
        asked = self._transport.again(_asking(ask.path), token.text)
        if asked.ok:
            held = _held(asked, ask.path)
            raise vault_errors.denied(str(ask), ask.path, _NEEDED.get(ask.method, _WRITING), held, self.place)
        if not self._logs_in(token):
            raise self._expired(token)
        with self._lock:
            if self._token == token:  # else another thread was faster
                self._token = self._logged_in()
        answer = self._transport.once(ask, self._usable().text)
        if answer.status == 403:
            raise self._expired(self._usable())
        return answer

    def _judged(self, answer: Answer, ask: Ask) -> Answer:
        told = answer.status == 204 or bool(
            answer.body
        )  # a proxy's page, of whatever status, is none of Vault's answers
        if told and (answer.ok or (answer.status == 404 and not answer.errors)):
            return answer
        raise vault_errors.answered(answer, str(ask), self.place)


def _asking(*paths: str) -> Ask:
    return Ask("POST", _CAPABILITIES, json.dumps({"paths": paths}))


def _held(answer: Answer, path: str) -> tuple[str, ...]:
    said = answer.part("data").get(path) or answer.body.get(path)
    words = said if isinstance(said, list) else []
    return tuple(one for one in words if isinstance(one, str) and one.isalpha() and len(one) <= _LONGEST_WORD)
