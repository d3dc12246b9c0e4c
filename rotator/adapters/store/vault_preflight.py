"""What can be known before a rotation starts: our token's rights, and whether the history will hold the old key."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rotator.adapters.store.vault_calls import SecretCalls
from rotator.core.exposure import plain
from rotator.model.config import VaultSecretRef
from rotator.model.errors import Refused

_DEFAULT_MAX_VERSIONS = 10  # https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2
_FEW_VERSIONS = 4
"""With fewer, a couple of edits of other fields during the rotation drop the old key's version."""
_LONGEST_TIME = 40  # characters
_NO_TIME = re.compile(r"-?(0[hms])*0?s?")


def rights(
    ref: VaultSecretRef, pending_suffix: str = ".pending", *, first: bool = False
) -> Mapping[str, tuple[str, ...]]:
    """The least that a rotation of this secret needs: path → capabilities. `first`: the path is still to be made."""
    mount, path, sibling = ref.mount, ref.path, f"{ref.path}{pending_suffix}"
    own = ("create", "read", "update") if first else ("read", "update")
    return {
        f"{mount}/data/{path}": own,
        f"{mount}/metadata/{path}": own,
        f"{mount}/data/{sibling}": ("create", "read", "update"),
        f"{mount}/metadata/{sibling}": ("delete",),
        f"{mount}/config": ("read",),
    }


def policy(refs: Sequence[VaultSecretRef], pending_suffix: str = ".pending", *, first: bool = False) -> str:
    """The least privileged policy for rotating these secrets, in Vault's own language."""
    wanted: dict[str, tuple[str, ...]] = {}
    for ref in refs:
        wanted |= rights(ref, pending_suffix, first=first)
    return "".join(f'path "{path}" {{\n  capabilities = [{_listed(words)}]\n}}\n' for path, words in wanted.items())


def preflight(calls: SecretCalls) -> Sequence[str]:
    """Warnings, as sentences. Raises `Refused` where a later step would surely fail."""
    first = calls.content() is None
    wanted = rights(calls.ref, calls.sibling_path.removeprefix(calls.ref.path), first=first)
    try:
        held = calls.connection.capabilities(*wanted)
    except Refused:  # the token has just read the secret: it is alive, only without Vault's policy `default`
        return (
            f"What the token may do with {calls.ref} cannot be told: it may not ask sys/capabilities-self. "
            "`rotate config policy vault` prints what it must be allowed.",
        )
    lacking = {path: _lacking(words, held.get(path, ())) for path, words in wanted.items()}
    config, metadata = f"{calls.ref.mount}/config", calls.path("metadata")
    readable = {path: "read" not in lacking[path] for path in (config, metadata)}
    for path in (config, metadata):  # without these the rotation itself gets along
        lacking[path] = tuple(word for word in lacking[path] if word != "read")
    if any(lacking.values()):
        shown = "; ".join(f"{path} needs {', '.join(words)}" for path, words in lacking.items() if words)
        raise Refused(
            f"The token may not do in {calls.connection.place} what a rotation of {calls.ref} needs: {shown}.",
            "Add these capabilities to its policy: `rotate config policy vault` prints the whole of it.",
        )
    return _history(
        calls,
        calls.settings("metadata") if readable[metadata] else None,
        calls.settings("config") if readable[config] else None,
    )


def _history(
    calls: SecretCalls, secret: Mapping[str, object] | None, mount: Mapping[str, object] | None
) -> Sequence[str]:
    if secret is None or mount is None:
        return (
            f"Whether {calls.ref} keeps enough versions for a rollback cannot be told: the token may not read "
            f"{calls.path('metadata')} and {calls.ref.mount}/config.",
        )
    # The larger of the two counts: AddVersion in vault-plugin-secrets-kv, path_data.go.
    kept = max(_number(secret.get("max_versions")), _number(mount.get("max_versions"))) or _DEFAULT_MAX_VERSIONS
    if kept < 2:
        raise Refused(
            f"{calls.ref} keeps one version only (max_versions): the promotion would drop the old key, and no rollback "
            "could bring it back.",
            f"`vault kv metadata put -mount={calls.ref.mount} -max-versions=10 {calls.ref.path}`, then start again.",
        )
    warnings = []
    if kept < _FEW_VERSIONS:
        warnings.append(
            f"{calls.ref} keeps {kept} versions only (max_versions): {kept - 1} edits of other fields during the "
            "rotation drop the old key's version, and with it the rollback."
        )
    for origin, said in ((str(calls.ref), secret), (f"the mount {calls.ref.mount}/", mount)):
        after = plain(str(said.get("delete_version_after") or "0s"), _LONGEST_TIME)
        if not _NO_TIME.fullmatch(after) and not after.startswith("-"):
            warnings.append(
                f"Versions of {origin} delete themselves after {after} (delete_version_after), the new key's too: "
                "then readers get nothing, and a rollback finds no old key."
            )
    return tuple(warnings)


def _lacking(wanted: Sequence[str], held: Sequence[str]) -> tuple[str, ...]:
    return () if "root" in held else tuple(word for word in wanted if word not in held)


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)
