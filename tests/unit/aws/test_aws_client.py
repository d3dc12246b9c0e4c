"""The store's own client: by whose rules it connects, and what it says where it cannot."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from rotator.adapters.store.aws import AwsSecretStore
from rotator.model.config import AwsSecretRef
from rotator.model.errors import Refused, Unreachable
from rotator.model.keys import KeyText, Label
from rotator.sandbox.aws import SandboxAws
from tests.aws_world import (
    FIELD,
    REGION,
    client_of,
)

if TYPE_CHECKING:
    pass


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> pytest.MonkeyPatch:
    """No credentials and no configuration but what a test sets."""
    for variable in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    nowhere = tmp_path_factory.mktemp("aws") / "absent"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(nowhere))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(nowhere))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


def test_its_own_client_follows_awss_variables(environment: pytest.MonkeyPatch, sandbox: SandboxAws, name: str) -> None:
    for variable, value in sandbox.environment.items():
        environment.setenv(variable, value)
    environment.setenv("AWS_DEFAULT_REGION", "us-east-1")  # the reference's region wins
    version = AwsSecretStore(AwsSecretRef(REGION, name, FIELD)).read(Label.CURRENT)
    assert version is not None
    assert isinstance(version.key, KeyText)


def test_without_credentials_it_says_so(environment: pytest.MonkeyPatch, sandbox: SandboxAws) -> None:
    environment.setenv("AWS_ENDPOINT_URL", sandbox.url)
    with pytest.raises(Refused, match="no usable AWS credentials") as refusal:
        AwsSecretStore(AwsSecretRef(REGION, "x", None)).read(Label.CURRENT)
    assert "AWS_PROFILE" in refusal.value.hint


def test_an_unknown_profile_is_a_matter_of_credentials(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AWS_PROFILE", "no-such-profile")
    with pytest.raises(Refused, match="ProfileNotFound"):
        AwsSecretStore(AwsSecretRef(REGION, "x", None)).read(Label.CURRENT)


def test_an_endpoint_that_is_no_url_is_refused(environment: pytest.MonkeyPatch, sandbox: SandboxAws) -> None:
    for variable, value in sandbox.environment.items():
        environment.setenv(variable, value)
    environment.setenv("AWS_ENDPOINT_URL", "not a url")
    with pytest.raises(Refused) as refusal:
        AwsSecretStore(AwsSecretRef(REGION, "x", None)).read(Label.CURRENT)
    assert "AWS_ENDPOINT_URL" in refusal.value.hint


def test_nobody_listening_is_unreachable(environment: pytest.MonkeyPatch, sandbox: SandboxAws) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        url = f"http://127.0.0.1:{closed_soon.getsockname()[1]}"
    client = client_of(sandbox, url=url)
    with pytest.raises(Unreachable, match=f"did not answer GetSecretValue for x at {url}"):
        AwsSecretStore(AwsSecretRef(REGION, "x", None), client=client).read(Label.CURRENT)
