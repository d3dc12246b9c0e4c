"""The sandbox Vault's KV version 2, through hvac, against the facts page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hvac.exceptions import InvalidPath, InvalidRequest

from rotator.sandbox.vault import SandboxVault
from tests.anthropic_world import StillClock
from tests.unit.vault_sandbox import Connect, clients, raw

PATH = "prod/anthropic"
MISMATCH = "check-and-set parameter did not match the current version"
REQUIRED = "check-and-set parameter required for this call"


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def vault(clock: StillClock) -> Iterator[SandboxVault]:
    with SandboxVault(now=clock.now) as vault:
        yield vault


@pytest.fixture
def connect(vault: SandboxVault) -> Iterator[Connect]:
    with clients(vault) as connect:
        yield connect


@pytest.fixture
def kv(connect: Connect) -> Any:
    return connect().secrets.kv.v2


def read(kv: Any, version: int | None = None, path: str = PATH) -> Any:
    return kv.read_secret_version(path, version=version, raise_on_deleted_version=True)["data"]


def written(kv: Any, value: str, cas: int | None = None) -> int:
    number: int = kv.create_or_update_secret(PATH, {"api_key": value, "other": 1}, cas=cas)["data"]["version"]
    return number


def test_each_write_is_a_version_and_each_is_read_by_its_number(kv: Any) -> None:
    assert [written(kv, "one"), written(kv, "two")] == [1, 2]
    assert read(kv)["data"] == {"api_key": "two", "other": 1}
    assert read(kv, 1)["data"]["api_key"] == "one"
    assert read(kv)["metadata"] == {
        "version": 2,
        "created_time": "2026-11-23T12:00:00.000000Z",
        "deletion_time": "",
        "destroyed": False,
        "custom_metadata": None,
    }


def test_an_answer_has_the_envelope_that_clients_expect(kv: Any) -> None:
    written(kv, "one")
    answer = kv.read_secret_version(PATH, raise_on_deleted_version=True)
    assert set(answer) == {
        *("request_id", "lease_id", "renewable", "lease_duration", "data", "wrap_info", "warnings", "auth")
    }


def test_check_and_set_zero_only_creates(kv: Any) -> None:
    assert written(kv, "one", cas=0) == 1
    with pytest.raises(InvalidRequest) as caught:
        written(kv, "two", cas=0)
    assert caught.value.errors == [MISMATCH]


def test_check_and_set_writes_over_the_current_version_only(kv: Any) -> None:
    written(kv, "one")
    assert written(kv, "two", cas=1) == 2
    with pytest.raises(InvalidRequest, match=MISMATCH):
        written(kv, "three", cas=1)
    assert read(kv)["data"]["api_key"] == "two"


def test_check_and_set_counts_a_softly_deleted_version_as_the_current_one(kv: Any) -> None:
    written(kv, "one")
    kv.delete_latest_version_of_secret(PATH)
    with pytest.raises(InvalidRequest, match=MISMATCH):
        written(kv, "two", cas=0)
    assert written(kv, "two", cas=1) == 2


def test_a_secret_that_requires_check_and_set_refuses_a_write_without(kv: Any) -> None:
    kv.update_metadata(PATH, cas_required=True)
    with pytest.raises(InvalidRequest, match=REQUIRED):
        written(kv, "one")
    assert written(kv, "one", cas=0) == 1


def test_a_mount_that_requires_check_and_set_refuses_a_write_without(kv: Any) -> None:
    kv.configure(max_versions=5, cas_required=True)
    with pytest.raises(InvalidRequest, match=REQUIRED):
        written(kv, "one")
    assert kv.read_configuration()["data"] == {"max_versions": 5, "cas_required": True, "delete_version_after": "0s"}


def test_a_check_and_set_that_is_no_number_is_refused(kv: Any) -> None:
    with pytest.raises(InvalidRequest, match="error parsing check-and-set parameter"):
        kv.create_or_update_secret(PATH, {}, cas="latest")


def test_absent_is_a_bare_404(kv: Any) -> None:
    with pytest.raises(InvalidPath) as caught:
        read(kv)
    assert caught.value.json == {"errors": []}
    with pytest.raises(InvalidPath):
        kv.read_secret_metadata(PATH)


def test_a_version_that_never_was_is_a_bare_404(kv: Any) -> None:
    written(kv, "one")
    with pytest.raises(InvalidPath) as caught:
        read(kv, 7)
    assert caught.value.json == {"errors": []}


def test_softly_deleted_is_a_404_that_says_when(kv: Any, clock: StillClock) -> None:
    written(kv, "one")
    clock.sleep(timedelta(minutes=1))
    kv.delete_latest_version_of_secret(PATH)
    with pytest.raises(InvalidPath) as caught:
        read(kv)
    assert caught.value.json["data"]["data"] is None
    assert caught.value.json["data"]["metadata"]["deletion_time"] == "2026-11-23T12:01:00.000000Z"
    assert caught.value.json["data"]["metadata"]["destroyed"] is False
    assert kv.read_secret_version(PATH, raise_on_deleted_version=False)["data"]["metadata"]["version"] == 1


def test_undelete_brings_back_what_was_softly_deleted(kv: Any) -> None:
    written(kv, "one")
    written(kv, "two")
    kv.delete_secret_versions(PATH, [1, 2])
    kv.undelete_secret_versions(PATH, [1])
    assert read(kv, 1)["data"]["api_key"] == "one"
    with pytest.raises(InvalidPath):
        read(kv, 2)


def test_destroyed_is_a_404_that_says_so_and_cannot_be_undone(kv: Any, vault: SandboxVault) -> None:
    written(kv, "one")
    kv.destroy_secret_versions(PATH, [1])
    kv.undelete_secret_versions(PATH, [1])
    with pytest.raises(InvalidPath) as caught:
        read(kv)
    assert caught.value.json["data"]["metadata"]["destroyed"] is True
    assert vault.books.kv().secrets[PATH].versions[1].data == {}


def test_deleting_what_is_not_there_is_no_error(kv: Any) -> None:
    kv.delete_latest_version_of_secret(PATH)
    kv.delete_secret_versions(PATH, [3])
    kv.undelete_secret_versions(PATH, [3])
    kv.destroy_secret_versions(PATH, [3])
    kv.delete_metadata_and_all_versions(PATH)


def test_ten_versions_are_kept_and_older_ones_vanish_without_a_trace(kv: Any) -> None:
    for number in range(12):
        written(kv, str(number))
    metadata = kv.read_secret_metadata(PATH)["data"]
    assert sorted(map(int, metadata["versions"])) == list(range(3, 13))
    assert (metadata["current_version"], metadata["oldest_version"], metadata["max_versions"]) == (12, 3, 0)
    with pytest.raises(InvalidPath) as caught:
        read(kv, 2)
    assert caught.value.json == {"errors": []}


@pytest.mark.parametrize(("of_mount", "of_secret", "kept"), [(2, 0, 2), (0, 1, 1), (3, 2, 3), (2, 3, 3)])
def test_the_larger_of_the_two_version_limits_counts(kv: Any, of_mount: int, of_secret: int, kept: int) -> None:
    kv.configure(max_versions=of_mount)
    kv.update_metadata(PATH, max_versions=of_secret)
    for number in range(5):
        written(kv, str(number))
    assert len(kv.read_secret_metadata(PATH)["data"]["versions"]) == kept


def test_custom_metadata_is_told_by_every_answer_and_replaced_as_a_whole(kv: Any) -> None:
    kv.update_metadata(PATH, custom_metadata={"rotation": "r-1", "by": "ana"})
    assert kv.read_secret_metadata(PATH)["data"]["current_version"] == 0
    written(kv, "one")
    kv.update_metadata(PATH, custom_metadata={"rotation": "r-2"})
    assert read(kv)["metadata"]["custom_metadata"] == {"rotation": "r-2"}


def test_a_refused_change_of_metadata_changes_nothing(kv: Any) -> None:
    kv.update_metadata(PATH, custom_metadata={"rotation": "r-1"})
    with pytest.raises(InvalidRequest, match="custom_metadata validation failed"):
        kv.update_metadata(PATH, max_versions=3, custom_metadata={"rotation": "x" * 513})
    metadata = kv.read_secret_metadata(PATH)["data"]
    assert (metadata["max_versions"], metadata["custom_metadata"]) == (0, {"rotation": "r-1"})


def test_deleting_the_metadata_leaves_no_trace_and_numbers_begin_again(kv: Any) -> None:
    written(kv, "one")
    written(kv, "two")
    kv.delete_metadata_and_all_versions(PATH)
    with pytest.raises(InvalidPath):
        kv.read_secret_metadata(PATH)
    assert written(kv, "three", cas=0) == 1


def test_a_version_deletes_itself_after_its_time(kv: Any, clock: StillClock) -> None:
    kv.update_metadata(PATH, delete_version_after="1h30m")
    written(kv, "one")
    assert kv.read_secret_metadata(PATH)["data"]["delete_version_after"] == "1h30m0s"
    clock.sleep(timedelta(minutes=89))
    assert read(kv)["metadata"]["deletion_time"] == "2026-11-23T13:30:00.000000Z"
    clock.sleep(timedelta(minutes=1))
    with pytest.raises(InvalidPath):
        read(kv)


def test_hvac_patches_by_reading_and_writing_with_check_and_set(kv: Any, vault: SandboxVault) -> None:
    written(kv, "one")
    vault.calls.clear()
    with pytest.warns(DeprecationWarning, match="raise_on_deleted_version"):
        kv.patch(PATH, {"api_key": "two"})
    assert read(kv)["data"] == {"api_key": "two", "other": 1}
    assert vault.calls == {f"GET secret/data/{PATH}": 2, f"POST secret/data/{PATH}": 1}


def test_vaults_own_patch_merges_under_check_and_set(kv: Any, vault: SandboxVault) -> None:
    written(kv, "one")
    merge = {"content_type": "application/merge-patch+json"}
    body = {"options": {"cas": 1}, "data": {"api_key": "two", "other": None, "new": {"deep": 1}}}
    assert raw(vault, "PATCH", f"/v1/secret/data/{PATH}", body, **merge)[0] == 200
    assert read(kv)["data"] == {"api_key": "two", "new": {"deep": 1}}
    status, answer, _ = raw(vault, "PATCH", f"/v1/secret/data/{PATH}", body, **merge)
    assert (status, answer) == (400, {"errors": [MISMATCH]})
    assert raw(vault, "PATCH", f"/v1/secret/data/{PATH}", body)[0] == 415
    assert raw(vault, "PATCH", "/v1/secret/data/absent", {"data": {}}, **merge)[0] == 404
    kv.delete_latest_version_of_secret(PATH)
    assert raw(vault, "PATCH", f"/v1/secret/data/{PATH}", {"data": {}}, **merge)[0] == 404


def test_metadata_can_be_patched_too(kv: Any, vault: SandboxVault) -> None:
    kv.update_metadata(PATH, custom_metadata={"rotation": "r-1", "by": "ana"})
    body = {"custom_metadata": {"by": None, "at": "noon"}}
    merge = {"content_type": "application/merge-patch+json"}
    assert raw(vault, "PATCH", f"/v1/secret/metadata/{PATH}", body, **merge)[0] == 204
    assert kv.read_secret_metadata(PATH)["data"]["custom_metadata"] == {"rotation": "r-1", "at": "noon"}


def test_a_secrets_value_is_seen_without_http_and_never_in_a_repr(kv: Any, vault: SandboxVault) -> None:
    written(kv, "one-and-only")
    books = vault.books.kv()
    assert books.value(PATH) == {"api_key": "one-and-only", "other": 1}
    assert "one-and-only" not in repr(books.secrets)
    kv.delete_latest_version_of_secret(PATH)
    assert (books.value(PATH), books.value("absent")) == (None, None)
