"""Who may do what in the sandbox Vault: policies as path patterns with capabilities, the most specific pattern winning.

Rules: https://developer.hashicorp.com/vault/docs/concepts/policies (priority matching; deny; `+` and the final `*`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import TypeAlias

Policy: TypeAlias = Mapping[str, Collection[str]]
"""Path pattern → capabilities: create, read, update, patch, delete, list, sudo, deny."""

CAPABILITIES = frozenset({"create", "read", "update", "patch", "delete", "list", "sudo", "deny"})

ROOT = frozenset({"root"})
DENY = frozenset({"deny"})

DEFAULT: Policy = {
    "auth/token/lookup-self": ["read"],
    "auth/token/renew-self": ["update"],
    "auth/token/revoke-self": ["update"],
    "sys/capabilities-self": ["update"],
}
"""The part of Vault's policy `default` that the sandbox serves."""


def granted(policies: Iterable[Policy], path: str) -> frozenset[str]:
    """The capabilities on a path without its leading slash; `{"deny"}` where there are none."""
    rules: dict[str, set[str]] = {}
    for policy in policies:
        for pattern, capabilities in policy.items():
            rules.setdefault(pattern, set()).update(capabilities)
    matching = [pattern for pattern in rules if _compiled(pattern).fullmatch(path)]
    if not matching:
        return DENY
    found = frozenset(rules[max(matching, key=_priority)])
    return DENY if "deny" in found or not found else found


def _priority(pattern: str) -> tuple[bool, int, bool, int, int, str]:
    """Greater is more specific: exact first, then by Vault's five rules, in their order."""
    wild = re.search(r"\+|\*$", pattern)
    pluses = sum(segment == "+" for segment in pattern.removesuffix("*").split("/"))
    first = wild.start() if wild else len(pattern)
    return wild is None, first, not pattern.endswith("*"), -pluses, len(pattern), pattern


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    """A segment `+` is any one segment; a final `*` any rest, also an empty one."""
    body, rest = (pattern[:-1], ".*") if pattern.endswith("*") else (pattern, "")
    segments = ("[^/]+" if segment == "+" else re.escape(segment) for segment in body.split("/"))
    return re.compile("/".join(segments) + rest, re.DOTALL)
