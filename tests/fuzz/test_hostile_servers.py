"""Whoever is asked, the worst may answer: server x hostility. It ends in time, in a clear refusal, and tells no key."""

from __future__ import annotations

import secrets
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Final

import botocore.endpoint
import pytest
import tenacity

from rotator.adapters.notify import AppriseNotifier
from rotator.adapters.probe.http import HttpProber
from rotator.adapters.store import aws_calls, aws_rights, vault_transport
from rotator.adapters.store.aws import AwsSecretStore
from rotator.adapters.store.fields import Document
from rotator.adapters.store.vault import VaultSecretStore
from rotator.adapters.store.vault_calls import SecretCalls as VaultCalls
from rotator.adapters.store.vault_connection import VaultConnection
from rotator.adapters.watch.http import HttpWatcher
from rotator.client import secret as client_secret
from rotator.client import vault as client_vault
from rotator.model.config import (
    AwsSecretRef,
    EnvSource,
    HttpProbe,
    HttpWatch,
    VaultAppRole,
    VaultAuth,
    VaultAws,
    VaultConfig,
    VaultJwt,
    VaultKubernetes,
    VaultSecretRef,
)
from rotator.model.errors import OutsideError
from tests.anthropic_world import StillClock
from tests.aws_world import CLAIM, REGION, make_key, version_id
from tests.fuzz.hostile import Hostile, hostile
from tests.fuzz.hostilities import HOSTILITIES, OTHERS_KEY, Pieces
from tests.vault_world import NOWHERE

# apprise's PGP part imports imghdr, deprecated in Python 3.11 and gone in 3.13.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

NEW = make_key()
TOKEN: Final = "hvs." + secrets.token_urlsafe(30)
WHOLE: Final = 0.15
"""Seconds for a request, here; `bounded.WHOLE_SECONDS` else."""
IN_ALL: Final = 5.0
"""Seconds for all requests of one call, the machine's own slowness included."""
MOST_REQUESTS: Final = 30
LONGEST: Final = 2000
"""Characters of an error and its hint: it is printed, and journaled."""

NOTIFICATION: Final = "a notification"
"""It holds no key, and is told wherever its address leads."""

Call = Callable[[], object]
AWS = AwsSecretRef(REGION, "prod/chat", "KEY")
VAULT = VaultSecretRef("secret", "prod/chat", "api_key")
MINE = EnvSource("MY_SECRET")
DOCUMENT = Document.first(NEW, "KEY", "the secret")


def aws() -> aws_calls.SecretCalls:
    return aws_calls.SecretCalls(AWS, aws_calls._connect(AWS))  # now, while the environment names this server


def vault(url: str, auth: VaultAuth | None = None) -> VaultConnection:
    """One that has still to log in: at each call, a new one."""
    environ = {"VAULT_ADDR": url} | ({} if auth else {"VAULT_TOKEN": TOKEN})
    return VaultConnection(VaultConfig(auth=auth), clock=StillClock(), environ=environ, home=NOWHERE)


def reads(url: str, auth: VaultAuth | None = None) -> Call:
    return lambda: VaultCalls(VAULT, vault(url, auth), ".pending").content()


ASKED: Final[dict[str, Callable[[str], Call]]] = {
    "AWS DescribeSecret": lambda url: aws().describe,
    "AWS GetSecretValue": lambda url: partial(aws().content, "AWSCURRENT"),
    "AWS PutSecretValue": lambda url: partial(aws().put, version_id(), DOCUMENT),
    "AWS UpdateSecretVersionStage": lambda url: partial(aws().make_current, version_id(), "before"),
    "AWS TagResource": lambda url: partial(aws().tag, version_id(), CLAIM),
    "AWS staging": lambda url: partial(AwsSecretStore(AWS, client=aws()._client).stage, version_id(), NEW, CLAIM),
    "AWS copies": lambda url: AwsSecretStore(AWS, client=aws()._client).lagging,
    "AWS, in an application": lambda url: client_secret.SecretReader(AWS).read,
    "Vault read": reads,
    "Vault pending": lambda url: lambda: VaultCalls(VAULT, vault(url), ".pending").sibling(),
    "Vault staging": lambda url: lambda: VaultSecretStore(VAULT, vault(url)).stage(version_id(), NEW, CLAIM),
    "Vault promotion": lambda url: lambda: VaultSecretStore(VAULT, vault(url)).promote(version_id(), "before"),
    "Vault write": lambda url: lambda: VaultCalls(VAULT, vault(url), ".pending").write(DOCUMENT, 1),
    "Vault rights": lambda url: lambda: vault(url).capabilities("secret/data/prod/chat"),
    "Vault token": lambda url: lambda: vault(url).life(),
    "Vault AppRole": lambda url: reads(url, VaultAppRole(role_id="r", secret_id=MINE)),
    "Vault Kubernetes": lambda url: reads(url, VaultKubernetes(role="r", token=MINE)),
    "Vault JWT": lambda url: reads(url, VaultJwt(role="r", token=MINE)),
    "Vault AWS": lambda url: reads(url, VaultAws(role="r")),
    "Vault, in an application": lambda url: client_vault.VaultReader(VAULT).read,
    NOTIFICATION: lambda url: partial(AppriseNotifier([url.replace("http", "json")], WHOLE).tell, "title", "body"),
    "a health page": lambda url: HttpWatcher(HttpWatch(urls=(url,), fingerprint="key.x"), timeout_s=WHOLE).observe,
    "a probe": lambda url: HttpProber(HttpProbe(url=url), pause=timedelta(0), timeout_s=WHOLE).measure,
}


@dataclass
class Asked:
    name: str
    server: Hostile
    elsewhere: Hostile
    """A trap: where the server's redirects lead."""
    call: Call


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    """The product's own wiring, with a shorter bound on time and no pauses; nobody's AWS, nobody's Vault."""
    with pytest.MonkeyPatch.context() as patch:
        for module, bound in ((aws_calls, "WHOLE_SECONDS"), (aws_rights, "WHOLE_SECONDS")):
            patch.setattr(module, bound, WHOLE)
        for module, bound in ((vault_transport, "WHOLE_SECONDS"), (client_secret, "_WHOLE"), (client_vault, "_WHOLE")):
            patch.setattr(module, bound, WHOLE)
        no_wait = SimpleNamespace(sleep=lambda seconds: None)
        patch.setattr(tenacity.nap, "time", no_wait)
        patch.setattr(botocore.endpoint, "time", no_wait)
        for name in ("AWS_PROFILE", "VAULT_NAMESPACE", "VAULT_CACERT"):
            patch.delenv(name, raising=False)
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patch.setenv(name, "/dev/null")
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        for name in ("AWS_SECRET_ACCESS_KEY", "VAULT_TOKEN", "MY_SECRET"):
            patch.setenv(name, TOKEN)
        yield patch


@pytest.fixture(scope="module")
def everybody(patch: pytest.MonkeyPatch) -> Iterator[list[Asked]]:
    """Each with a server of its own, so that they can wait together."""
    with ExitStack() as stack:
        made = []
        for name, make in ASKED.items():
            server, elsewhere = stack.enter_context(hostile()), stack.enter_context(hostile(host="127.0.0.2"))
            patch.setenv("AWS_ENDPOINT_URL", server.url)
            patch.setenv("VAULT_ADDR", server.url)
            made.append(Asked(name, server, elsewhere, make(server.url)))
        yield made


@pytest.mark.parametrize("hostility", HOSTILITIES)
def test_whoever_is_asked_the_worst_answer_ends_in_time_in_a_clear_refusal(
    everybody: list[Asked], hostility: str
) -> None:
    with ThreadPoolExecutor(len(everybody)) as together:
        found = together.map(partial(harm, HOSTILITIES[hostility]), everybody)
        assert [harmed for harmed in found if harmed] == []


@pytest.mark.parametrize(
    "hostility",
    ["everything is 5", "1 GB streamed", "silence", "leads to another host, 302", "XML", "XML that unfolds"],
)
def test_a_simulator_that_answers_the_worst_leaves_the_rights_untried(
    patch: pytest.MonkeyPatch, hostility: str
) -> None:
    """IAM's and STS's clients take half a second to make, at each call: a few of the table's columns must do."""
    with hostile() as server, hostile(host="127.0.0.2") as elsewhere:
        patch.setenv("AWS_ENDPOINT_URL", server.url)
        asked = Asked("AWS STS and IAM", server, elsewhere, lambda: list(aws_rights.rehearsed(AWS)))
        assert harm(HOSTILITIES[hostility], asked) is None


def harm(pieces: Pieces, asked: Asked) -> str | None:
    """What came of it that may not; None where nothing did."""
    asked.server.restart(lambda head, number: pieces(asked.elsewhere.url))
    began = time.monotonic()
    try:
        said = repr(asked.call())
    except OutsideError as error:
        told = error.message + error.hint
        if len(told) > LONGEST or not all(line.isprintable() for line in told.splitlines()):
            return f"{asked.name} tells {told!r}"
        said = told + "".join(traceback.format_exception(error))
    except Exception as error:  # whatever it is, it is a traceback on somebody's screen
        return f"{asked.name} ends with {error!r}"
    if time.monotonic() - began > IN_ALL or len(asked.server.heads) > MOST_REQUESTS:
        return f"{asked.name} took {time.monotonic() - began:.1f} s and {len(asked.server.heads)} requests"
    if asked.elsewhere.heads and asked.name != NOTIFICATION:
        return f"{asked.name} went on to another host"
    shown = [hidden for hidden in (NEW.reveal(), TOKEN, OTHERS_KEY) if hidden in said]
    return f"{asked.name} shows a key or a token" if shown else None
