"""What Vault says when it refuses, in plain words. API: https://developer.hashicorp.com/vault/api-docs#http-status-codes

Nothing that could hold a secret's text is passed on: a request's body and a response's data are never quoted.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from rotator.client.bounded import MAX_BODY, too_long
from rotator.core.exposure import plain
from rotator.model.errors import OutsideError, Refused, StoreConflict, Unreachable
from rotator.model.keys import never_pickled

_SECRET_LIKE = re.compile(r"sk-[\w-]+|\b(?:hv[sbr]|[sbr])\.[\w-]{8,}")  # keys, and Vault's own tokens
_QUOTED_LIMIT = 300  # characters of Vault's own text in ours
_UNREPLICATED, _STANDBY, _DR_SECONDARY, _PERFORMANCE_STANDBY = 412, 429, 472, 473
_SETTING_UP = "non-versioned to versioned data"
"""In the 400 of a KV version 2 mount that is not ready yet: after it was made, and in OpenBao after every unsealing.
https://github.com/hashicorp/vault-plugin-secrets-kv/issues/75"""
_AGAIN = "Repeat the command: it takes up where it stopped."


@dataclass(frozen=True, slots=True)
class Place:
    """Which Vault: named in every message."""

    address: str
    namespace: str | None

    def __str__(self) -> str:
        return f"Vault at {self.address}" + (f", namespace {self.namespace}" if self.namespace else "")

    @property
    def namespace_hint(self) -> str:
        asked = f"Is {self.namespace} the right namespace" if self.namespace else "Does the secret live in a namespace"
        return f"{asked} (VAULT_NAMESPACE, or `namespace` under `vault` in rotate.yaml)?"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `text` may hold keys and tokens: never shown."""

    status: int
    text: str = field(repr=False)

    __reduce__ = never_pickled

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object; empty where there is none."""
        try:
            found = json.loads(self.text)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def part(self, *names: str) -> dict[str, Any]:
        """The body's `data` or `auth`, or what is in it; empty where there is no such object."""
        found: Any = self.body
        for name in names:
            found = found.get(name) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}

    @property
    def setting_up(self) -> bool:
        return self.status == 400 and _SETTING_UP in self.errors

    @property
    def errors(self) -> str:
        """Vault's own words."""
        said = self.body.get("errors")
        return "; ".join(str(one) for one in said) if isinstance(said, list) else ""


class CasMismatch(StoreConflict):
    """Another version has become the current one since the one that was read."""


class Unanswered(Unreachable):
    """A write without a clear answer: only another look tells whether it took effect."""


def answered(answer: Answer, call: str, place: Place) -> OutsideError:
    """Our error for an answer that is none of success, 403 and a plain 404. `call`: `POST secret/data/prod/chat`."""
    said = answer.errors.lower()
    match answer.status:
        case 200 | 404 if not answer.body:
            return no_answer(f"{call} at {place.address}")
        case 400 if "check-and-set parameter did not match" in said:
            return CasMismatch(f"{call}: the secret has another version than the one that was read.")
        case 400 if "check-and-set parameter required" in said:
            return Refused(
                f"{place} demands check-and-set for {call}, and did not get it.",
                "This is a fault of rotator: it always sends it. Look for a proxy that changes requests.",
            )
        case 400 if answer.setting_up:
            return Unreachable(
                f"{place}: the mount that {call} goes to is still being set up.",
                f"It is ready within moments. {_AGAIN}",
            )
        case 400 if "https server" in answer.text.lower():
            return Refused(f"{place} speaks TLS: it must be addressed by https://.", "Correct VAULT_ADDR.")
        case 400 if "dr secondary" in said:
            return _dr_secondary(call, place)
        case 404 if "namespace not found" in said:
            return Refused(f"{place}: there is no such namespace.", place.namespace_hint)
        case 404 if "no handler for route" in said or "route entry not found" in said:
            return Refused(
                f"{place} has nothing mounted where {call} went.",
                f"Check the mount's name, the part after vault:// in the reference. {place.namespace_hint}",
            )
        case 405:
            return Refused(
                f"{place} does not know {call}: no KV version 2 secrets engine is mounted there.",
                "Name a KV version 2 mount (`vault secrets list -detailed` shows them).",
            )
        case 301 | 302 | 303 | 307 | 308:
            return Refused(
                f"{place} sends {call} on to another host. Nothing was sent there: a token, or a key, would go along.",
                "Is it a standby that passes nothing on? Then let VAULT_ADDR name the active node, or the cluster.",
            )
        case 501:
            return Refused(f"{place} is not initialised.", "Check VAULT_ADDR; a new Vault needs `vault operator init`.")
        case status if status >= 500 or status in (_UNREPLICATED, _STANDBY, _DR_SECONDARY, _PERFORMANCE_STANDBY):
            return _unable(answer, call, place)
    return Refused(f"{place} refused {call} ({answer.status}).{quote(answer.errors)}", place.namespace_hint)


def no_answer(call: str) -> Refused:
    """Our error for an answer without the form that Vault's have."""
    return Refused(
        f"What answered {call} is no Vault.",
        "Check VAULT_ADDR, and whether a proxy or a sign-in page stands in front of it.",
    )


def _unable(answer: Answer, call: str, place: Place) -> Unreachable:
    """It may be otherwise in a moment, without anybody changing anything here."""
    said, status = answer.errors.lower(), answer.status
    if "sealed" in said:
        return Unreachable(
            f"{place} is sealed: it answers nobody until it is unsealed.",
            "`vault status` shows it; whoever keeps it unseals it (`vault operator unseal`). Then repeat the command.",
        )
    if status == _UNREPLICATED:
        return Unreachable(
            f"{place} has not replicated yet what {call} rests on (412).", f"It catches up within seconds. {_AGAIN}"
        )
    if status == _PERFORMANCE_STANDBY:
        return Unreachable(
            f"{place} is a performance standby and did not pass {call} on to the active node (473).",
            f"Point VAULT_ADDR at the cluster's own address. {_AGAIN}",
        )
    if status == _DR_SECONDARY:
        return _dr_secondary(call, place)
    if "standby" in said or "not active" in said or "active cluster node" in said:
        return Unreachable(
            f"{place} is a standby and knows no active node to pass {call} on to ({status}).",
            f"A new one is elected within seconds; else point VAULT_ADDR at the active node. {_AGAIN}",
        )
    if status == _STANDBY:
        return Unreachable(f"{place} limits the rate of requests, and refused {call} (429).", _AGAIN)
    return Unreachable(f"{place} did not carry out {call} ({status}).", _AGAIN)


def _dr_secondary(call: str, place: Place) -> Unreachable:
    return Unreachable(
        f"{place} is a disaster-recovery secondary: it does not answer {call}.",
        "Point VAULT_ADDR at the primary cluster.",
    )


def unanswered(failure: Exception, call: str, place: Place) -> OutsideError:
    """Our error where nothing came back. The failure's own text is left out: it may hold the request."""
    from requests import exceptions as http

    kind = type(failure).__name__
    if too_long(failure):
        return Refused(f"The answer of {place} is longer than {MAX_BODY} bytes.", "Is VAULT_ADDR really a Vault?")
    if isinstance(failure, http.SSLError) and "WRONG_VERSION_NUMBER" in str(failure):
        return Refused(f"{place} does not speak TLS there.", "Check VAULT_ADDR: is it http://, or another port?")
    if isinstance(failure, http.SSLError):
        return Refused(
            f"The TLS connection to {place} was not trusted.",
            "Name the authority that signed its certificate: VAULT_CACERT, or `ca_cert` under `vault` in rotate.yaml.",
        )
    if isinstance(failure, http.ConnectionError | http.Timeout | http.ChunkedEncodingError | http.ContentDecodingError):
        return Unreachable(
            f"{place} did not answer {call} ({kind}).", "Check the network and VAULT_ADDR, then repeat the command."
        )
    if isinstance(failure, http.TooManyRedirects):
        return Unreachable(f"{place} sends {call} round in circles.", "Check the nodes' `api_addr` and VAULT_ADDR.")
    if isinstance(failure, OSError) and not isinstance(failure, http.RequestException):
        return Refused(
            f"The certificates for {place} cannot be read ({kind}).",
            "Check VAULT_CACERT, VAULT_CAPATH, and `ca_cert` under `vault` in rotate.yaml.",
        )
    return Refused(f"{call} could not be sent to {place} ({kind}).", "Check VAULT_ADDR: https://HOST:8200.")


def denied(call: str, path: str, needed: tuple[str, ...], held: tuple[str, ...], place: Place) -> Refused:
    """403, after the token's capabilities on the path have been asked for."""
    missing = tuple(one for one in needed if one not in held and "root" not in held)
    has = ", ".join(one for one in held if one != "deny") or "nothing"
    if not missing:
        return Refused(
            f"{place} forbids {call}, although the token's policies allow {', '.join(needed)} there.",
            "Another rule is in the way: a parameter constraint, Sentinel, a control group, or the token's CIDRs.",
        )
    wanted = ", ".join(f'"{one}"' for one in missing)
    return Refused(
        f"The token may not {' or '.join(missing)} {path} in {place}: it may do {has} there.",
        f'Add to its policy: path "{path}" {{ capabilities = [{wanted}] }}. {place.namespace_hint}',
    )


def quote(said: str) -> str:
    if not said:
        return ""
    return " Vault says: " + plain(_SECRET_LIKE.sub("(a secret)", " ".join(said.split())), _QUOTED_LIMIT)
