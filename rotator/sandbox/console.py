"""What a person does in Anthropic's Console, done to the sandbox's Anthropic."""

from __future__ import annotations

from rotator.model.canonical import Json
from rotator.model.errors import OutsideError
from rotator.model.keys import KeyStatus, KeyText
from rotator.sandbox.anthropic_control import PREFIX, TOKEN_HEADER
from rotator.sandbox.serving import call

_OK = (200, 201)


class Console:
    """Holds the control token and the Admin key in memory. Every call raises `OutsideError` where it is refused."""

    def __init__(self, url: str, control_token: str, admin_key: KeyText) -> None:
        self.url = url
        self.admin_key = admin_key
        self._token = control_token
        self._ids: dict[str, str] = {}

    def new_key(self, name: str) -> KeyText:
        """A fresh active key, shown once."""
        made = _checked(
            call("POST", f"{self.url}{PREFIX}keys", headers={TOKEN_HEADER: self._token}, body={"name": name})
        )
        key = KeyText(str(made["key"]))
        self._ids[key.fingerprint.digest] = str(made["id"])
        return key

    def key_id(self, key: KeyText) -> str:
        """The id of a key made here."""
        return self._ids[key.fingerprint.digest]

    def set_status(self, key_id: str, status: KeyStatus) -> None:
        self._record("POST", key_id, {"status": status.value})

    def key_status(self, key_id: str) -> KeyStatus:
        return KeyStatus(self._record("GET", key_id)["status"])

    def open_reports(self, lag_seconds: float | None) -> None:
        """Let the Admin key read usage by key; `lag_seconds`: how late a call is counted; None: it may not read it."""
        headers = {TOKEN_HEADER: self._token}
        body: Json = {"open": "none"} if lag_seconds is None else {"open": "both", "lag_seconds": lag_seconds}
        _checked(call("POST", f"{self.url}{PREFIX}reports", headers=headers, body=body))

    def _record(self, method: str, key_id: str, body: Json = None) -> dict[str, Json]:
        url = f"{self.url}/v1/organizations/api_keys/{key_id}"
        version = {"anthropic-version": "2023-06-01"}
        return _checked(call(method, url, token=self.admin_key.reveal(), headers=version, body=body))


def _checked(answer: tuple[int, dict[str, Json]]) -> dict[str, Json]:
    status, body = answer
    if status not in _OK:
        raise OutsideError(f"The sandbox's Anthropic answered {status}: {body.get('error')}")
    return body
