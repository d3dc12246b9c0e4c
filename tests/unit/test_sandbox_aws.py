"""The AWS sandbox behaves as AWS does where moto was measured not to, and fails on demand."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from rotator.sandbox.aws import Fault, SandboxAws, no_faults, serve
from tests.aws_world import REGION, client_of, secret_name, stages_of, version_id

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxAws]:
    with SandboxAws() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: SandboxAws) -> Iterator[SandboxAws]:
    yield running
    running.faults = no_faults


@pytest.fixture(scope="module")
def client(running: SandboxAws) -> Iterator[SecretsManagerClient]:
    client = client_of(running)
    yield client
    client.close()


@pytest.fixture
def old() -> str:
    return version_id()


@pytest.fixture
def new() -> str:
    return version_id()


@pytest.fixture
def name(client: SecretsManagerClient, old: str, new: str) -> str:
    """A secret with a current version and a pending one."""
    name = secret_name()
    client.create_secret(Name=name, SecretString="old", ClientRequestToken=old)
    client.put_secret_value(SecretId=name, SecretString="new", ClientRequestToken=new, VersionStages=["AWSPENDING"])
    return name


def move(client: SecretsManagerClient, name: str, to: str, away_from: str) -> None:
    client.update_secret_version_stage(
        SecretId=name, VersionStage="AWSCURRENT", MoveToVersionId=to, RemoveFromVersionId=away_from
    )


def refused_with(code: str) -> pytest.RaisesExc[ClientError]:
    return pytest.RaisesExc(ClientError, check=lambda error: error.response["Error"]["Code"] == code)


def test_a_read_without_a_stage_follows_the_current_label(
    client: SecretsManagerClient, name: str, old: str, new: str
) -> None:
    assert client.get_secret_value(SecretId=name)["SecretString"] == "old"
    move(client, name, new, old)
    assert client.get_secret_value(SecretId=name)["SecretString"] == "new"
    assert client.get_secret_value(SecretId=name)["VersionId"] == new


def test_a_default_put_after_a_rollback_leaves_one_current_version(
    client: SecretsManagerClient, name: str, old: str, new: str
) -> None:
    second, third = version_id(), version_id()
    client.put_secret_value(SecretId=name, SecretString="second", ClientRequestToken=second)
    move(client, name, old, second)
    client.put_secret_value(SecretId=name, SecretString="third", ClientRequestToken=third)
    assert stages_of(client, name) == {third: {"AWSCURRENT"}, old: {"AWSPREVIOUS"}, new: {"AWSPENDING"}}


def test_an_update_makes_a_current_version_like_a_default_put(
    client: SecretsManagerClient, name: str, old: str, new: str
) -> None:
    third = version_id()
    client.update_secret(SecretId=name, SecretString="third", ClientRequestToken=third)
    assert stages_of(client, name) == {third: {"AWSCURRENT"}, old: {"AWSPREVIOUS"}, new: {"AWSPENDING"}}


def test_a_pending_version_is_never_overwritten_by_a_put_with_its_token(
    client: SecretsManagerClient, name: str, new: str
) -> None:
    with refused_with("ResourceExistsException"):
        client.put_secret_value(
            SecretId=name, SecretString="other", ClientRequestToken=new, VersionStages=["AWSPENDING"]
        )
    client.put_secret_value(SecretId=name, SecretString="new", ClientRequestToken=new, VersionStages=["AWSPENDING"])
    assert client.get_secret_value(SecretId=name, VersionStage="AWSPENDING")["SecretString"] == "new"


def test_a_move_to_an_unknown_version_changes_no_label(client: SecretsManagerClient, name: str, old: str) -> None:
    before = stages_of(client, name)
    with refused_with("InvalidParameterException"):
        move(client, name, version_id(), old)
    assert stages_of(client, name) == before


def test_a_repeated_move_is_refused_and_changes_no_label(
    client: SecretsManagerClient, name: str, old: str, new: str
) -> None:
    move(client, name, new, old)
    before = stages_of(client, name)
    with refused_with("InvalidParameterException"):
        move(client, name, new, old)
    assert stages_of(client, name) == before == {new: {"AWSCURRENT", "AWSPENDING"}, old: {"AWSPREVIOUS"}}


def test_the_current_label_cannot_be_moved_without_saying_from_where_or_be_removed(
    client: SecretsManagerClient, name: str, old: str, new: str
) -> None:
    with refused_with("InvalidParameterException"):
        client.update_secret_version_stage(SecretId=name, VersionStage="AWSCURRENT", MoveToVersionId=new)
    with refused_with("InvalidParameterException"):
        client.update_secret_version_stage(SecretId=name, VersionStage="AWSCURRENT", RemoveFromVersionId=old)
    assert "AWSCURRENT" in stages_of(client, name)[old]


def test_a_label_that_is_attached_twice_is_there_once(client: SecretsManagerClient, name: str, old: str) -> None:
    for _ in range(2):
        client.update_secret_version_stage(SecretId=name, VersionStage="blue", MoveToVersionId=old)
    assert sorted(client.describe_secret(SecretId=name)["VersionIdsToStages"][old]) == ["AWSCURRENT", "blue"]


def test_a_version_without_labels_is_not_listed(client: SecretsManagerClient, name: str, old: str, new: str) -> None:
    client.update_secret_version_stage(SecretId=name, VersionStage="AWSPENDING", RemoveFromVersionId=new)
    assert stages_of(client, name) == {old: {"AWSCURRENT"}}
    assert [v["VersionId"] for v in client.list_secret_version_ids(SecretId=name)["Versions"]] == [old]


def test_a_deleted_secret_cannot_be_written(client: SecretsManagerClient, name: str, old: str, new: str) -> None:
    client.delete_secret(SecretId=name)
    with refused_with("InvalidRequestException"):
        client.put_secret_value(SecretId=name, SecretString="x")
    with refused_with("InvalidRequestException"):
        client.update_secret(SecretId=name, SecretString="x")
    with refused_with("InvalidRequestException"):
        move(client, name, new, old)
    client.restore_secret(SecretId=name)
    assert client.get_secret_value(SecretId=name)["SecretString"] == "old"


def test_the_first_version_of_all_is_current_at_once(client: SecretsManagerClient) -> None:
    name, first = secret_name(), version_id()
    client.create_secret(Name=name)
    client.put_secret_value(SecretId=name, SecretString="first", ClientRequestToken=first, VersionStages=["AWSPENDING"])
    assert stages_of(client, name) == {first: {"AWSPENDING", "AWSCURRENT"}}
    assert client.get_secret_value(SecretId=name)["SecretString"] == "first"


def test_values_and_tags_have_awss_limits(client: SecretsManagerClient, name: str) -> None:
    client.put_secret_value(SecretId=name, SecretString="x" * 65536)
    with refused_with("InvalidParameterException"):
        client.put_secret_value(SecretId=name, SecretString="x" * 65537)
    with refused_with("InvalidParameterException"):
        client.tag_resource(SecretId=name, Tags=[{"Key": "k", "Value": "no (brackets)"}])
    client.tag_resource(SecretId=name, Tags=[{"Key": f"k{n}", "Value": "v"} for n in range(50)])
    with refused_with("InvalidParameterException"):
        client.tag_resource(SecretId=name, Tags=[{"Key": "one more", "Value": "v"}])


def test_a_fault_comes_in_the_place_of_the_operation(
    sandbox: SandboxAws, client: SecretsManagerClient, name: str, old: str, new: str
) -> None:
    sandbox.faults = lambda operation: Fault(503, "ServiceUnavailable") if operation.startswith("Update") else None
    with refused_with("ServiceUnavailable"):
        move(client, name, new, old)
    assert "AWSCURRENT" in stages_of(client, name)[old]


def test_a_fault_afterwards_loses_the_reply_and_not_the_effect(
    sandbox: SandboxAws, client: SecretsManagerClient, name: str, old: str, new: str
) -> None:
    sandbox.faults = lambda operation: Fault(500, "X", after=True) if operation.startswith("Update") else None
    with refused_with("X"):
        move(client, name, new, old)
    assert "AWSCURRENT" in stages_of(client, name)[new]


def test_every_request_is_counted_by_operation(sandbox: SandboxAws, client: SecretsManagerClient, name: str) -> None:
    sandbox.calls.clear()
    client.describe_secret(SecretId=name)
    client.get_secret_value(SecretId=name)
    client.get_secret_value(SecretId=name)
    assert sandbox.calls == {"DescribeSecret": 1, "GetSecretValue": 2}


def test_many_readers_and_a_writer_at_once_are_served(
    client: SecretsManagerClient, name: str, old: str, new: str
) -> None:
    def read(_: int) -> str:
        return client.get_secret_value(SecretId=name)["SecretString"]

    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(read, range(20))
        move(client, name, new, old)
        assert set(answers) <= {"old", "new"}
    assert read(0) == "new"


def test_a_started_sandbox_is_empty_and_a_stopped_one_is_gone() -> None:
    sandbox = SandboxAws(region="us-west-2")
    with pytest.raises(RuntimeError, match="not running"):
        _ = sandbox.url
    for _ in range(2):
        with sandbox:
            assert sandbox.url.startswith("http://127.0.0.1:")
            client = client_of(sandbox, "us-west-2")
            assert client.list_secrets()["SecretList"] == []
            client.create_secret(Name="left behind", SecretString="x")
            client.close()
    sandbox.stop()


def test_serve_says_when_it_is_ready_and_serves_until_it_is_stopped() -> None:
    ready, running = Event(), []

    def started(sandbox: SandboxAws) -> None:
        running.append(sandbox)
        ready.set()

    thread = Thread(target=serve, kwargs={"ready": started})
    thread.start()
    assert ready.wait(10)
    with urllib.request.urlopen(running[0].url + "/moto-api/", timeout=5) as answer:
        assert answer.status == 200
    assert running[0].region == REGION
    running[0].stop()
    thread.join(10)
    assert not thread.is_alive()
