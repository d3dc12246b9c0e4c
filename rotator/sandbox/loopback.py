"""The sandbox never leaves this machine: addresses are checked, and children get an environment of their own."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from rotator.model.errors import UsageError

_OWN = ("AWS_", "ANTHROPIC_", "VAULT_", "ROTATOR_")
"""Prefixes of the variables that say where the real things are and hold the keys to them: no child sees them."""


def require_loopback(url: str) -> str:
    """The URL as it is. Raises `UsageError` where its host is not a loopback address; names are refused unresolved."""
    host = urlsplit(url).hostname or ""
    try:
        safe = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        safe = False
    if not safe:
        raise UsageError(
            f"The sandbox refuses the address {host or 'without a host'}: it is not on loopback.",
            "Use 127.0.0.1. To rotate a real key, use rotate start, not the sandbox.",
        )
    return url


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without anything that points to, or opens, the real world, and with `extra`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_OWN) and not name.lower().endswith("_proxy")
    }
    return kept | {"NO_PROXY": "127.0.0.1,localhost"} | dict(extra)
