"""Reads what surrounds a key: the variables and profiles that redirect or replace it.

The rules are the SDK's own (2.12: `_client.py`, `lib/credentials/_chain.py`). Cheap to import: a container checks its
key with this at every start.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rotator.core.check.sample import VARIABLE
from rotator.core.check.symptoms import DEFAULT_URL, Surroundings
from rotator.core.exposure import modest, redact
from rotator.model.keys import Fingerprint

_AUTH_HEADERS = {"authorization": "Authorization", "x-api-key": "x-api-key"}
_WORKSPACE = "anthropic-workspace-id"
_LOOPBACK = ("127.", "localhost", "[::1]")


def surroundings(environ: Mapping[str, str]) -> Surroundings:
    """Shows names, addresses and fingerprints only."""
    headers = custom_headers(environ)
    url, plain = _base_url(environ.get("ANTHROPIC_BASE_URL"))
    key = environ.get(VARIABLE, "").strip()
    return Surroundings(
        base_url=url,
        base_url_plain=plain,
        overriding=tuple(_AUTH_HEADERS[name] for name in headers if name in _AUTH_HEADERS),
        workspace=_shown(headers.get(_WORKSPACE)),
        api_key=modest(Fingerprint.of(key)) if key else None,
        auth_token=bool(environ.get("ANTHROPIC_AUTH_TOKEN")),
        discovered=_discovered(environ),
        proxy=_proxy(environ),
        runs_on=_runs_on(environ),
    )


def custom_headers(environ: Mapping[str, str]) -> dict[str, str]:
    """ANTHROPIC_CUSTOM_HEADERS as the SDK reads it, names in lower case. Values may be secret."""
    lines = environ.get("ANTHROPIC_CUSTOM_HEADERS", "").split("\n")
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _base_url(configured: str | None) -> tuple[str | None, bool]:
    """The address as it may be shown, None where it is Anthropic's own; and whether it is unencrypted."""
    if not configured or configured.rstrip("/") == DEFAULT_URL:
        return None, False
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(configured)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return "an address that cannot be read", False
    if parts.scheme not in ("http", "https") or not host:
        return "an address that is none (it must begin with https://)", False
    local = host.startswith(_LOOPBACK)
    return redact(f"{parts.scheme}://{host}{parts.path}".rstrip("/")), parts.scheme == "http" and not local


def _discovered(environ: Mapping[str, str]) -> str | None:
    """The SDK's order: a named profile, federation by variables, the active profile on disk."""
    if environ.get("ANTHROPIC_PROFILE"):
        return "the profile that ANTHROPIC_PROFILE names"
    token = environ.get("ANTHROPIC_IDENTITY_TOKEN_FILE") or environ.get("ANTHROPIC_IDENTITY_TOKEN")
    if token and environ.get("ANTHROPIC_FEDERATION_RULE_ID") and environ.get("ANTHROPIC_ORGANIZATION_ID"):
        return "Workload Identity Federation (ANTHROPIC_FEDERATION_RULE_ID and its like)"
    try:
        named = environ.get("ANTHROPIC_CONFIG_DIR")
        folder = Path(named) if named else Path(environ.get("HOME") or Path.home()) / ".config" / "anthropic"
        pointer = folder / "active_config"
        active = pointer.read_text(encoding="utf-8")[:256].strip() if pointer.is_file() else ""
        name = active or "default"
        there = "/" not in name and (folder / "configs" / f"{name}.json").is_file()
        return f"the {'active' if active else 'default'} profile in {folder}" if there else None
    except (OSError, ValueError, RuntimeError):
        return None


def _proxy(environ: Mapping[str, str]) -> str | None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        if environ.get(name):
            return f"the proxy that {name} names"
    return None


_PLATFORMS = (
    ("ACTIONS_ID_TOKEN_REQUEST_URL", "GitHub Actions"),
    ("GITHUB_ACTIONS", "GitHub Actions"),
    ("GITLAB_CI", "GitLab CI"),
    ("KUBERNETES_SERVICE_HOST", "Kubernetes"),
    ("AWS_LAMBDA_FUNCTION_NAME", "AWS Lambda"),
    ("ECS_CONTAINER_METADATA_URI_V4", "Amazon ECS"),
    ("K_SERVICE", "Google Cloud Run"),
)


def _runs_on(environ: Mapping[str, str]) -> str | None:
    return next((platform for variable, platform in _PLATFORMS if environ.get(variable)), None)


def _shown(value: str | None) -> str | None:
    """A workspace's id, where it looks like one."""
    return (
        value
        if value and len(value) <= 64 and value.replace("_", "").isalnum()
        else ("(unreadable)" if value else None)
    )
