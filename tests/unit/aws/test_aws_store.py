"""What is AWS's own: lost replies, the first read after a write, tags, replicas, places."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from rotator.adapters.store.aws import AwsSecretStore
from rotator.model.config import AwsSecretRef
from rotator.model.errors import Refused, StoreConflict, Unreachable
from rotator.model.keys import Claim, Label
from rotator.sandbox.aws import Fault, SandboxAws, no_faults
from tests.aws_world import (
    CLAIM,
    FIELD,
    REGION,
    client_of,
    failing,
    make_key,
    secret_name,
    stages_of,
    tags_of,
    version_id,
)

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod"


# Lost replies


@pytest.mark.parametrize("operation", ["TagResource", "PutSecretValue"])
def test_staging_again_after_a_lost_reply_ends_as_if_nothing_had_happened(
    sandbox: SandboxAws, client: SecretsManagerClient, store: AwsSecretStore, name: str, operation: str
) -> None:
    new, key = version_id(), make_key()
    failing(sandbox, operation, Fault(500, "InternalServiceError", after=True), times=1)
    with pytest.raises(Unreachable):
        store.stage(new, key, CLAIM)
    store.stage(new, key, CLAIM)
    assert stages_of(client, name)[new] == {"AWSPENDING"}
    assert len(stages_of(client, name)) == 2


def test_a_promotion_whose_first_answer_was_lost_is_recognised(
    sandbox: SandboxAws, client: SecretsManagerClient, store: AwsSecretStore, name: str
) -> None:
    old, new = next(iter(stages_of(client, name))), version_id()
    store.stage(new, make_key(), CLAIM)
    # What botocore's own second attempt gets, where the first one moved the label and its answer was lost.
    failing(sandbox, "UpdateSecretVersionStage", Fault(400, "InvalidParameterException", after=True))
    store.promote(new, old)
    assert stages_of(client, name) == {new: {"AWSCURRENT", "AWSPENDING"}, old: {"AWSPREVIOUS"}}
    store.discard(new)
    assert stages_of(client, name) == {new: {"AWSCURRENT"}, old: {"AWSPREVIOUS"}}


def test_a_current_version_that_changes_at_the_last_moment_is_a_conflict(
    sandbox: SandboxAws, client: SecretsManagerClient, store: AwsSecretStore, name: str
) -> None:
    old, new, theirs = next(iter(stages_of(client, name))), version_id(), version_id()
    store.stage(new, make_key(), CLAIM)

    def meanwhile(operation: str) -> None:
        """Their write comes between our look and our move."""
        if operation == "UpdateSecretVersionStage":
            sandbox.faults = no_faults
            client.put_secret_value(SecretId=name, SecretString=json.dumps({FIELD: "x"}), ClientRequestToken=theirs)

    sandbox.faults = meanwhile
    with pytest.raises(StoreConflict, match=f"{theirs}.*became current meanwhile"):
        store.promote(new, old)
    assert stages_of(client, name) == {old: {"AWSPREVIOUS"}, new: {"AWSPENDING"}, theirs: {"AWSCURRENT"}}


def test_a_new_version_that_cannot_be_read_at_once_is_asked_for_again(
    sandbox: SandboxAws, store: AwsSecretStore
) -> None:
    new, key = version_id(), make_key()
    seen = []

    def late(operation: str) -> Fault | None:
        seen.append(operation)
        after_put = "PutSecretValue" in seen and operation == "GetSecretValue"
        return Fault(400, "ResourceNotFoundException") if after_put and seen.count("GetSecretValue") < 4 else None

    sandbox.faults = late
    store.stage(new, key, CLAIM)
    assert seen.count("GetSecretValue") == 4


# Tags


def test_the_tags_say_which_rotation_by_whom_and_when_beside_the_others(
    client: SecretsManagerClient, store: AwsSecretStore, name: str
) -> None:
    new = version_id()
    store.stage(new, make_key(), CLAIM)
    assert tags_of(client, name) == {
        "team": "chat",
        "rotator:rotation": "rot-1",
        "rotator:by": "alice@host",
        "rotator:at": "2026-11-23T12:00:00+00:00",
        "rotator:version": new,
    }
    store.discard(new)
    assert tags_of(client, name) == {"team": "chat"}


def test_a_name_that_is_no_legal_tag_is_made_one(store: AwsSecretStore) -> None:
    claim = Claim(rotation="r", by="Zoë (laptop) <z@x>\n" + "y" * 300, at=datetime(2026, 1, 1, tzinfo=UTC))
    store.stage(version_id(), make_key(), claim)
    holding = store.holder()
    assert holding is not None
    assert holding.claim is not None
    assert holding.claim.by.startswith("Zoë _laptop_ _z@x__yyy")
    assert len(holding.claim.by) == 256


def test_a_discard_that_died_between_label_and_tags_is_completed_by_its_repeat(
    sandbox: SandboxAws, client: SecretsManagerClient, store: AwsSecretStore, name: str
) -> None:
    new = version_id()
    store.stage(new, make_key(), CLAIM)
    failing(sandbox, "UntagResource", Fault(500, "InternalServiceError"), times=1)
    with pytest.raises(Unreachable):
        store.discard(new)
    assert store.holder() is None
    store.discard(new)
    assert tags_of(client, name) == {"team": "chat"}


# Others who rotate


def test_awss_own_rotation_is_refused_by_its_function(client: SecretsManagerClient, sandbox: SandboxAws) -> None:
    name = secret_name()
    client.create_secret(Name=name, SecretString="bare")
    client.rotate_secret(SecretId=name, RotationRules={"AutomaticallyAfterDays": 30})
    with pytest.raises(Refused, match="own rotation is on") as refusal:
        AwsSecretStore(AwsSecretRef(REGION, name, None), client=client).stage(version_id(), make_key(), CLAIM)
    assert "cancel-rotate-secret" in refusal.value.hint


def test_a_pending_label_that_aws_left_on_the_current_version_is_nobodys(
    client: SecretsManagerClient, store: AwsSecretStore, name: str
) -> None:
    old, new = next(iter(stages_of(client, name))), version_id()
    client.update_secret_version_stage(SecretId=name, VersionStage="AWSPENDING", MoveToVersionId=old)
    assert store.holder() is None
    store.stage(new, make_key(), CLAIM)
    assert stages_of(client, name) == {old: {"AWSCURRENT"}, new: {"AWSPENDING"}}


def test_a_foreign_pending_version_is_named_even_where_it_cannot_be_read(
    client: SecretsManagerClient, store: AwsSecretStore, name: str
) -> None:
    theirs = version_id()
    client.put_secret_value(SecretId=name, SecretBinary=b"x", ClientRequestToken=theirs, VersionStages=["AWSPENDING"])
    with pytest.raises(StoreConflict, match=f"{theirs}.*an unknown time"):
        store.stage(version_id(), make_key(), CLAIM)


def test_custom_labels_are_left_alone(client: SecretsManagerClient, store: AwsSecretStore, name: str) -> None:
    old, new = next(iter(stages_of(client, name))), version_id()
    client.update_secret_version_stage(SecretId=name, VersionStage="blue", MoveToVersionId=old)
    store.stage(new, make_key(), CLAIM)
    store.promote(new, old)
    store.discard(new)
    assert stages_of(client, name) == {old: {"AWSPREVIOUS", "blue"}, new: {"AWSCURRENT"}}


# Places


def test_a_secret_may_be_named_by_its_arn(client: SecretsManagerClient, name: str) -> None:
    arn = client.describe_secret(SecretId=name)["ARN"]
    old, new, key = next(iter(stages_of(client, name))), version_id(), make_key()
    store = AwsSecretStore(AwsSecretRef(REGION, arn, FIELD), client=client)
    store.stage(new, key, CLAIM)
    store.promote(new, old)
    store.discard(new)
    current = store.read(Label.CURRENT)
    assert current is not None
    assert current.key == key


def test_an_arn_of_another_region_is_refused_before_any_call() -> None:
    with pytest.raises(Refused, match="names region us-east-1, the reference region eu-west-1"):
        AwsSecretStore(AwsSecretRef(REGION, ARN.replace(REGION, "us-east-1"), None)).read(Label.CURRENT)


def test_replicas_lag_until_all_are_in_sync(
    sandbox: SandboxAws, client: SecretsManagerClient, store: AwsSecretStore, name: str
) -> None:
    client.replicate_secret_to_regions(
        SecretId=name, AddReplicaRegions=[{"Region": "us-east-1"}, {"Region": "eu-central-1"}]
    )
    assert list(store.lagging()) == []
    sandbox.replication(name, "us-east-1", "InProgress")
    assert list(store.lagging()) == ["us-east-1"]
    sandbox.replication(name, "us-east-1", "InSync")
    assert list(store.lagging()) == []


def test_a_failed_replication_is_refused_with_awss_reason(
    sandbox: SandboxAws, client: SecretsManagerClient, store: AwsSecretStore, name: str
) -> None:
    client.replicate_secret_to_regions(SecretId=name, AddReplicaRegions=[{"Region": "us-east-1"}])
    sandbox.replication(name, "us-east-1", "Failed", "the KMS key does not exist there")
    with pytest.raises(Refused, match="us-east-1 failed: the KMS key does not exist there"):
        store.lagging()


def test_a_replica_is_read_and_not_written(sandbox: SandboxAws, client: SecretsManagerClient, name: str) -> None:
    client.replicate_secret_to_regions(SecretId=name, AddReplicaRegions=[{"Region": "us-east-1"}])
    there = client_of(sandbox, "us-east-1")
    replica = AwsSecretStore(AwsSecretRef("us-east-1", name, FIELD), client=there)
    assert replica.read(Label.CURRENT) is not None
    with pytest.raises(Refused, match="primary region, eu-west-1"):
        replica.stage(version_id(), make_key(), CLAIM)
    with pytest.raises(Refused, match="primary region, eu-west-1"):
        replica.warnings()  # known before a rotation begins
    there.close()
