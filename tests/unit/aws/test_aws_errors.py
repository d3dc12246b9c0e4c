"""AWS's refusals in plain words."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from rotator.adapters.store.aws import AwsSecretStore
from rotator.model.config import AwsSecretRef
from rotator.model.errors import OutsideError, Refused, Unreachable
from rotator.model.keys import Label
from rotator.sandbox.aws import Fault, SandboxAws
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


def denied(action: str, resource: str = ARN, status: int = 400) -> Fault:
    return Fault(
        status,
        "AccessDeniedException",
        f"User: arn:aws:iam::123456789012:user/deploy is not authorized to perform: {action} on resource: {resource} "
        f"because no identity-based policy allows the {action} action",
    )


@pytest.mark.parametrize(
    "operation", ["DescribeSecret", "GetSecretValue", "PutSecretValue", "TagResource", "UntagResource"]
)
def test_a_missing_permission_is_named_with_its_resource_and_who_lacks_it(
    sandbox: SandboxAws, store: AwsSecretStore, operation: str
) -> None:
    failing(sandbox, operation, denied(f"secretsmanager:{operation}"))
    with pytest.raises(Refused) as refusal:
        store.stage(version_id(), make_key(), CLAIM)
    said = refusal.value.message
    assert f"secretsmanager:{operation}" in said
    assert ARN in said
    assert "user/deploy" in said
    assert f"secretsmanager:{operation}" in refusal.value.hint


def test_a_refusal_without_a_reason_names_the_action_of_its_operation(
    sandbox: SandboxAws, store: AwsSecretStore, name: str
) -> None:
    failing(sandbox, "DescribeSecret", Fault(403, "AccessDeniedException", "no"))
    with pytest.raises(Refused, match=f"secretsmanager:DescribeSecret is not allowed on {name}"):
        store.holder()


def test_an_explicit_deny_is_said(sandbox: SandboxAws, store: AwsSecretStore) -> None:
    message = "User: me is not authorized to perform: secretsmanager:GetSecretValue with an explicit deny in a policy"
    failing(sandbox, "GetSecretValue", Fault(400, "AccessDeniedException", message))
    with pytest.raises(Refused, match="explicit deny"):
        store.read(Label.CURRENT)


@pytest.mark.parametrize("operation", ["TagResource", "UntagResource"])
def test_a_missing_permission_to_tag_is_met_before_any_effect(
    sandbox: SandboxAws, client: SecretsManagerClient, store: AwsSecretStore, name: str, operation: str
) -> None:
    before = stages_of(client, name)
    failing(sandbox, operation, denied(f"secretsmanager:{operation}"))
    with pytest.raises(Refused):
        store.stage(version_id(), make_key(), CLAIM)
    assert sandbox.calls["PutSecretValue"] == 0
    assert stages_of(client, name) == before


@pytest.mark.parametrize(
    ("operation", "fault", "permission"),
    [
        ("GetSecretValue", Fault(400, "DecryptionFailure", "can't decrypt"), "kms:Decrypt"),
        ("PutSecretValue", Fault(400, "EncryptionFailure", "can't encrypt"), "kms:GenerateDataKey"),
        ("GetSecretValue", Fault(400, "AccessDeniedException", "Access to KMS is not allowed"), "kms:Decrypt"),
        ("PutSecretValue", denied("kms:GenerateDataKey", "arn:aws:kms:eu-west-1:1:key/k"), "kms:GenerateDataKey"),
        ("GetSecretValue", Fault(400, "KMSInvalidStateException", "is disabled"), "kms:Decrypt"),
    ],
)
def test_a_kms_refusal_is_told_apart_from_one_of_secrets_manager(
    sandbox: SandboxAws, store: AwsSecretStore, operation: str, fault: Fault, permission: str
) -> None:
    failing(sandbox, operation, fault)
    with pytest.raises(Refused, match="KMS key") as refusal:
        store.stage(version_id(), make_key(), CLAIM)
    assert permission in refusal.value.message
    assert "secretsmanager:" not in refusal.value.message
    assert permission in refusal.value.hint


@pytest.mark.parametrize("code", ["UnrecognizedClientException", "ExpiredTokenException", "InvalidSignatureException"])
def test_credentials_that_aws_rejects_are_refused_with_a_hint(
    sandbox: SandboxAws, store: AwsSecretStore, code: str
) -> None:
    failing(sandbox, "GetSecretValue", Fault(400, code, "The security token included in the request is expired"))
    with pytest.raises(Refused, match="credentials") as refusal:
        store.read(Label.CURRENT)
    assert "get-caller-identity" in refusal.value.hint


@pytest.mark.parametrize(
    "fault",
    [
        Fault(400, "ThrottlingException", "Rate exceeded"),
        Fault(500, "InternalServiceError"),
        Fault(503, "SomethingNew"),
    ],
)
def test_busy_is_unreachable_and_may_be_tried_again(sandbox: SandboxAws, store: AwsSecretStore, fault: Fault) -> None:
    failing(sandbox, "GetSecretValue", fault)
    with pytest.raises(Unreachable):
        store.read(Label.CURRENT)


def test_an_unknown_refusal_is_refused_with_awss_words(sandbox: SandboxAws, store: AwsSecretStore) -> None:
    failing(sandbox, "DescribeSecret", Fault(400, "BrandNewException", "the moon is full"))
    with pytest.raises(Refused, match=r"BrandNewException.*the moon is full"):
        store.holder()


def test_a_secret_that_is_not_there_names_the_region(client: SecretsManagerClient, sandbox: SandboxAws) -> None:
    missing = AwsSecretStore(AwsSecretRef(REGION, "prod/nowhere", None), client=client)
    for call in (lambda: missing.read(Label.CURRENT), missing.holder, lambda: missing.discard(version_id())):
        with pytest.raises(Refused, match=r"no secret prod/nowhere in region eu-west-1") as refusal:
            call()
        assert "region" in refusal.value.hint


def test_the_wrong_region_reads_as_no_such_secret(sandbox: SandboxAws, name: str) -> None:
    client = client_of(sandbox, "us-east-1")
    with pytest.raises(Refused, match="us-east-1"):
        AwsSecretStore(AwsSecretRef("us-east-1", name, FIELD), client=client).read(Label.CURRENT)
    client.close()


def test_a_secret_that_is_scheduled_for_deletion_is_refused(
    client: SecretsManagerClient, store: AwsSecretStore, name: str
) -> None:
    client.delete_secret(SecretId=name)
    calls: tuple[Callable[[], object], ...] = (
        lambda: store.read(Label.CURRENT),
        lambda: store.stage(version_id(), make_key(), CLAIM),
        lambda: store.promote(version_id(), None),
        store.holder,
    )
    for call in calls:
        with pytest.raises(Refused, match="scheduled for deletion") as refusal:
            call()
        assert f"restore-secret --region eu-west-1 --secret-id {name}" in refusal.value.hint


def test_a_binary_secret_is_refused(client: SecretsManagerClient) -> None:
    name = secret_name()
    client.create_secret(Name=name, SecretBinary=b"\x00\x01")
    store = AwsSecretStore(AwsSecretRef(REGION, name, None), client=client)
    with pytest.raises(Refused, match="binary"):
        store.read(Label.CURRENT)
    with pytest.raises(Refused, match="binary"):
        store.stage(version_id(), make_key(), CLAIM)
    assert len(stages_of(client, name)) == 1


@pytest.mark.parametrize("text", ["not json", json.dumps({"OTHER": "x"}), json.dumps({FIELD: 3})])
def test_a_secret_without_the_field_is_not_touched(client: SecretsManagerClient, text: str) -> None:
    name = secret_name()
    client.create_secret(Name=name, SecretString=text)
    before = client.describe_secret(SecretId=name).get("VersionIdsToStages")
    with pytest.raises(Refused):
        AwsSecretStore(AwsSecretRef(REGION, name, FIELD), client=client).stage(version_id(), make_key(), CLAIM)
    assert client.describe_secret(SecretId=name).get("VersionIdsToStages") == before
    assert tags_of(client, name) == {}


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        ("PutSecretValue", denied("secretsmanager:PutSecretValue")),
        ("PutSecretValue", Fault(500, "InternalServiceError", after=True)),
        ("PutSecretValue", Fault(400, "ResourceExistsException", "in use")),
    ],
)
def test_no_key_is_in_an_error_or_anything_chained_to_it(
    sandbox: SandboxAws, store: AwsSecretStore, operation: str, fault: Fault
) -> None:
    key = make_key()
    failing(sandbox, operation, fault)
    with pytest.raises(OutsideError) as caught:
        store.stage(version_id(), key, CLAIM)
    said = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    for text in (key.reveal(), "hunter2-sentinel"):
        assert text not in said + caught.value.message + caught.value.hint


def test_a_validation_error_that_repeats_the_value_is_not_passed_on(sandbox: SandboxAws, store: AwsSecretStore) -> None:
    key = make_key()
    echo = f"1 validation error detected: Value '{key.reveal()}' at 'secretString' failed"
    failing(sandbox, "PutSecretValue", Fault(400, "ValidationException", echo))
    with pytest.raises(Refused, match="ValidationException") as refusal:
        store.stage(version_id(), key, CLAIM)
    assert key.reveal() not in refusal.value.message
    with pytest.raises(Refused) as refusal:
        store.stage("too short for AWS", key, CLAIM)
    assert refusal.value.__context__ is None
