"""core/check/federation.py: where a consumer runs, by its addresses and by the programs that deploy it."""

from __future__ import annotations

import pytest

from rotator.core.check.federation import platforms
from rotator.model.config import CommandDeploy, CommandWatch, Consumer, HttpProbe, HttpWatch, ManualWatch

BY_HAND = ManualWatch(ask="Done?")


def page(url: str) -> HttpWatch:
    return HttpWatch(urls=(url,), fingerprint="key")


@pytest.mark.parametrize(
    ("consumer", "platform"),
    [
        (Consumer(name="a", watch=page("http://chat.prod.svc:8080/healthz")), "Kubernetes"),
        (Consumer(name="a", watch=page("http://chat.prod.svc.cluster.local/healthz")), "Kubernetes"),
        (Consumer(name="a", watch=page("https://chat-xyz.a.run.app/")), "Google Cloud"),
        (Consumer(name="a", watch=page("https://abc.lambda-url.eu-west-1.on.aws/")), "AWS"),
        (Consumer(name="a", watch=CommandWatch(observe=("/usr/bin/kubectl", "get", "pods"))), "Kubernetes"),
        (Consumer(name="a", watch=BY_HAND, deploy=CommandDeploy(command=("aws", "ecs"))), "AWS"),
        (Consumer(name="a", watch=BY_HAND, probe=HttpProbe(url="https://a.azurewebsites.net/ask")), "Azure"),
    ],
)
def test_a_platform_is_known_by_its_addresses_and_programs(consumer: Consumer, platform: str) -> None:
    assert platforms([consumer]) == {platform: ["a"]}


@pytest.mark.parametrize(
    "url", ["http://10.0.0.7/healthz", "http://localhost/", "http://chat.internal/", "http://svc/"]
)
def test_of_another_address_nothing_is_guessed(url: str) -> None:
    assert platforms([Consumer(name="a", watch=page(url)), Consumer(name="b", watch=BY_HAND)]) == {}
