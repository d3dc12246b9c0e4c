"""Where Workload Identity Federation would serve in place of a static key: said once, with the link. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from urllib.parse import urlsplit

from rotator.model.config import CommandWatch, Consumer, HttpWatch

LINK = "https://platform.claude.com/docs/en/manage-claude/workload-identity-federation"

_HOSTS = {
    ".svc": "Kubernetes",
    ".cluster.local": "Kubernetes",
    ".amazonaws.com": "AWS",
    ".on.aws": "AWS",
    ".run.app": "Google Cloud",
    ".azurewebsites.net": "Azure",
    ".azurecontainerapps.io": "Azure",
}
_PROGRAMS = {
    "kubectl": "Kubernetes",
    "helm": "Kubernetes",
    "oc": "Kubernetes",
    "aws": "AWS",
    "gcloud": "Google Cloud",
    "az": "Azure",
}
"""Whose program observes or deploys a consumer, there it runs."""


def offer(platform: str, who: Sequence[str]) -> str:
    """`who`: what runs there, for a person."""
    return (
        f"{platform} can vouch for what runs there ({', '.join(who)}): with Workload Identity Federation there is no "
        "static key to rotate."
    )


def platforms(consumers: Sequence[Consumer]) -> Mapping[str, Sequence[str]]:
    """Each platform that can be recognised, with the consumers that run on it, by their addresses and programs."""
    found: dict[str, list[str]] = {}
    for consumer in consumers:
        platform = next(_signs(consumer), None)
        if platform is not None:
            found.setdefault(platform, []).append(consumer.name)
    return found


def _signs(consumer: Consumer) -> Iterator[str]:
    watch = consumer.watch
    urls = [*(watch.urls if isinstance(watch, HttpWatch) else ()), *((consumer.probe.url,) if consumer.probe else ())]
    for url in urls:
        host = urlsplit(url).hostname or ""
        yield from (platform for end, platform in _HOSTS.items() if host.endswith(end))
    commands = [
        *((watch.observe,) if isinstance(watch, CommandWatch) else ()),
        *((consumer.deploy.command,) if consumer.deploy else ()),
    ]
    for command in commands:
        platform = _PROGRAMS.get(PurePath(command[0]).name)
        if platform is not None:
            yield platform
