"""moto's Secrets Manager, mended where it was measured to differ from AWS. Imports moto: import this module late.

Numbers in comments are those of the measured faults (facts: "AWS Secrets Manager"):
1 after AWSCURRENT moved, a read without a label returns the old value; 2 after a rollback a default put leaves two
current versions; 3 the same token with other data overwrites a pending version; 4 an invalid MoveTo with a valid
RemoveFrom strips the label; 5 attached labels duplicate; 6 unlabelled versions are listed; 7 a deleted secret can be
written. Also: no limits of size and tags.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any

from moto.core.base_backend import BackendDict
from moto.secretsmanager import models, responses
from moto.secretsmanager.exceptions import (
    InvalidParameterException,
    InvalidRequestException,
    OperationNotPermittedOnReplica,
    ResourceExistsException,
    SecretNotFoundException,
)

_VALUE_LIMIT = 65536  # bytes: Secrets Manager quotas
_TAGS_LIMIT, _TAG_VALUE_LIMIT = 50, 256
_TAG_VALUE = re.compile(r"[\w\s.:/=+\-@]*")  # close to AWS's [\p{L}\p{Z}\p{N}_.:/=+\-@]*
_ACCOUNT = "123456789012"  # moto's one account, whatever the credentials
_CURRENT, _PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"


class MendedBackend(models.SecretsManagerBackend):
    """Secrets Manager of one region."""

    # moto finds a service's URLs by its backend class's module.
    __module__ = models.__name__

    def put_secret_value(
        self,
        secret_id: str,
        secret_string: str | None,
        secret_binary: str | None,
        client_request_token: str,
        version_stages: list[str],
    ) -> str:
        secret = self._writable(secret_id)
        version_id = self._from_client_request_token(client_request_token)
        self._add_version(secret, version_id, secret_string, secret_binary, version_stages)
        return str(secret.to_short_dict(include_version_stages=True, version_id=version_id))

    def update_secret(
        self,
        secret_id: str,
        secret_string: str | None = None,
        secret_binary: str | None = None,
        client_request_token: str | None = None,
        kms_key_id: str | None = None,
        description: str | None = None,
    ) -> str:
        secret = self._writable(secret_id)
        secret.update(description or secret.description, secret.tags, kms_key_id, int(time.time()))
        has_value = secret_string is not None or secret_binary is not None
        if has_value:
            version_id = self._from_client_request_token(client_request_token)
            self._add_version(secret, version_id, secret_string, secret_binary, [_CURRENT])
        return str(secret.to_short_dict(include_version_id=has_value))

    def _writable(self, secret_id: str) -> Any:
        if secret_id not in self.secrets:
            raise SecretNotFoundException
        secret = self.secrets[secret_id]
        if isinstance(secret, models.ReplicaSecret):
            raise OperationNotPermittedOnReplica
        if secret.is_deleted():  # 7
            raise InvalidRequestException(
                "You can't perform this operation on the secret because it was marked for deletion."
            )
        return secret

    def _add_version(
        self, secret: Any, version_id: str, string: str | None, binary: str | None, stages: Iterable[str]
    ) -> None:
        if len((string or binary or "").encode()) > _VALUE_LIMIT:
            raise InvalidParameterException(f"The secret value must be at most {_VALUE_LIMIT} bytes.")
        known = secret.versions.get(version_id)
        if known is not None:
            if (known.get("secret_string"), known.get("secret_binary")) == (string, binary):
                return  # AWS ignores the repeat, its labels included
            raise ResourceExistsException(  # 3
                f"You can't use ClientRequestToken {version_id} because that value is already in use for a version "
                f"of secret {secret.arn}."
            )
        wanted = dict.fromkeys(stages)
        if not secret.versions:
            wanted[_CURRENT] = None
        version: dict[str, Any] = {"createdate": int(time.time()), "version_id": version_id, "version_stages": []}
        version |= {"secret_string": string} if string is not None else {}
        version |= {"secret_binary": binary} if binary is not None else {}
        secret.versions[version_id] = version
        secret.last_changed_date = version["createdate"]
        for label in wanted:
            _attach(secret, label, version_id)

    def update_secret_version_stage(
        self, secret_id: str, version_stage: str, remove_from_version_id: str | None, move_to_version_id: str | None
    ) -> tuple[str, str]:
        secret = self._writable(secret_id)
        # Everything is checked before anything is changed (4).
        for version_id in (remove_from_version_id, move_to_version_id):
            if version_id and version_id not in secret.versions:
                raise InvalidParameterException(f"Not a valid version: {version_id}")
        carrier = _carrier(secret.versions, version_stage)
        if remove_from_version_id and carrier != remove_from_version_id:
            raise InvalidParameterException(
                f"The staging label {version_stage} is not attached to version {remove_from_version_id}."
            )
        if not remove_from_version_id and carrier and carrier != move_to_version_id:
            raise InvalidParameterException(
                f"The parameter RemoveFromVersionId can't be empty. Staging label {version_stage} is currently "
                f"attached to version {carrier}, so you must explicitly reference that version in RemoveFromVersionId."
            )
        if version_stage == _CURRENT and not move_to_version_id:
            raise InvalidParameterException("You can't remove AWSCURRENT without moving it to another version.")
        if move_to_version_id:
            _attach(secret, version_stage, move_to_version_id)
        else:
            secret.versions[remove_from_version_id]["version_stages"].remove(version_stage)
        return secret.arn, secret.name

    def list_secret_version_ids(self, secret_id: str) -> str:
        if secret_id not in self.secrets:
            raise SecretNotFoundException
        secret = self.secrets[secret_id]
        versions = [
            {"VersionId": id, "VersionStages": version["version_stages"], "CreatedDate": version["createdate"]}
            for id, version in secret.versions.items()
            if version["version_stages"]  # 6
        ]
        return json.dumps({"ARN": secret.arn, "Name": secret.name, "Versions": versions})

    def tag_resource(self, arn: str, tags: dict[str, str]) -> None:
        secret = self._writable(arn)
        if any(len(value) > _TAG_VALUE_LIMIT or not _TAG_VALUE.fullmatch(value) for value in tags.values()):
            raise InvalidParameterException("A tag's value is too long or has characters that are not allowed.")
        if len({tag["Key"] for tag in secret.tags or []} | set(tags)) > _TAGS_LIMIT:
            raise InvalidParameterException(f"A secret can have at most {_TAGS_LIMIT} tags.")
        super().tag_resource(arn, tags)

    def untag_resource(self, arn: str, tag_keys: list[str]) -> None:
        self._writable(arn)
        super().untag_resource(arn, tag_keys)


def _carrier(versions: Mapping[str, Any], label: str) -> str | None:
    return next((id for id, version in versions.items() if label in version["version_stages"]), None)


def _attach(secret: Any, label: str, version_id: str) -> None:
    """A label is on one version at most, once (5); moving AWSCURRENT takes AWSPREVIOUS along."""
    carrier = _carrier(secret.versions, label)
    if carrier == version_id:
        return
    if carrier:
        secret.versions[carrier]["version_stages"].remove(label)
    secret.versions[version_id]["version_stages"].append(label)
    if label != _CURRENT:
        return
    secret.set_default_version_id(version_id)  # 1, 2
    if carrier:
        _attach(secret, _PREVIOUS, carrier)
    elif _PREVIOUS in secret.versions[version_id]["version_stages"]:
        secret.versions[version_id]["version_stages"].remove(_PREVIOUS)


def _labelled(secret: Any) -> dict[str, list[str]]:
    """Only versions with a label are described (6)."""
    return {id: v["version_stages"] for id, v in secret.versions.items() if v["version_stages"]}


def install() -> None:
    """Put the mended backend in moto's place, empty. moto keeps one set of backends in each process."""
    backends = BackendDict(MendedBackend, "secretsmanager")
    module: Any
    for module in (models, responses):  # both hold the name; Any, for it is not meant to be replaced
        module.secretsmanager_backends = backends
    secret_class: Any = models.FakeSecret
    secret_class._form_version_ids_to_stages = _labelled


def set_replication(region: str, secret_id: str, replica: str, status: str, message: str) -> None:
    """Change what DescribeSecret in `region` says of one replica of a secret. Raises `KeyError` for an unknown one."""
    secret: Any = models.secretsmanager_backends[_ACCOUNT][region].secrets[secret_id]
    copies = {copy.region: copy for copy in secret.replicas}
    copies[replica].config |= {"Status": status, "StatusMessage": message}
