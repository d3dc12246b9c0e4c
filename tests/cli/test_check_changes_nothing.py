"""`rotate check` changes nothing, ever: stores, Anthropic, journal and files stay as they are; no write is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from rotator.model.keys import KeyStatus
from rotator.sandbox.anthropic_faults import Fault, FaultRule
from rotator.sandbox.aws import SandboxAws
from tests.aws_world import make_key
from tests.cli.conftest import Rotate
from tests.cli.small_world import SmallWorld
from tests.unit.gateway import gateway

NAME = "ANTHROPIC_API_KEY"
READS = {"DescribeSecret", "GetSecretValue", "GetCallerIdentity", "SimulatePrincipalPolicy"}


def state(world: SmallWorld) -> Mapping[str, Any]:
    """Everything that a rotation changes. The consumers' notes are the test's own: observing them writes one."""
    described = world.client.describe_secret(SecretId=world.secret)
    versions = {
        id: (labels, world.client.get_secret_value(SecretId=world.secret, VersionId=id)["SecretString"])
        for id, labels in described["VersionIdsToStages"].items()
    }
    files = [path for path in world.directory.rglob("*") if path.is_file() and world.notes not in path.parents]
    return {
        "versions": versions,
        "tags": described.get("Tags", []),
        "changed": described.get("LastChangedDate"),
        "records": world.anthropic.books.records(world.anthropic.books.default.id),
        "holds": dict(world.holds),
        "files": {path: path.read_bytes() for path in files},
    }


@contextmanager
def unchanged(world: SmallWorld, aws: SandboxAws) -> Iterator[None]:
    """A gateway sees every request to Anthropic, and passes on GETs only."""
    with gateway(world.anthropic.url) as between:
        world.extra["ANTHROPIC_BASE_URL"] = between.url
        before = state(world)
        counted = dict(aws.calls)
        yield
        asked = {name for name, count in aws.calls.items() if count != counted.get(name, 0)}
        assert asked <= READS
        assert state(world) == before
        assert not [words for words in world.asked if words.startswith("deploy")]
        assert between.seen
        assert between.refused == []


def of_every_kind(world: SmallWorld, rotate: Rotate) -> list[int]:
    world.extra |= {NAME: world.old.reveal(), "ANTHROPIC_ADMIN_KEY": world.admin.reveal()}
    return [
        rotate("check", "prod-chat").code,
        rotate("check", "prod-chat", "--json").code,
        rotate("check", "--all", "--quiet").code,
        rotate("check", "--secret", world.reference()).code,
        rotate("check", "--secret", world.reference(field="wrong")).code,
        rotate("check", "--env", NAME).code,
        rotate("check", "--env", NAME, "--offline").code,
        rotate("check", "prod-chat", "--key-file", "-", stdin=make_key().reveal()).code,
    ]


def test_before_any_rotation_not_even_a_journal_is_made(world: SmallWorld, rotate: Rotate, aws: SandboxAws) -> None:
    with unchanged(world, aws):
        codes = of_every_kind(world, rotate)
    assert not world.journal.exists()
    assert codes == [0, 0, 0, 0, 5, 0, 0, 5]


def test_in_the_middle_of_a_rotation(world: SmallWorld, rotate: Rotate, aws: SandboxAws) -> None:
    assert rotate(*world.start_key_file()).code == 0
    world.asked.clear()
    with unchanged(world, aws):
        of_every_kind(world, rotate)


@pytest.mark.parametrize("status", [KeyStatus.INACTIVE, KeyStatus.ARCHIVED])
def test_with_a_dead_key(world: SmallWorld, rotate: Rotate, aws: SandboxAws, status: KeyStatus) -> None:
    world.set_status(world.old_id, status)
    with unchanged(world, aws):
        assert 1 not in of_every_kind(world, rotate)


def test_where_everything_is_broken(world: SmallWorld, rotate: Rotate, aws: SandboxAws) -> None:
    world.on["observe api"] = lambda: "1\nno"
    world.anthropic.rules.replace([FaultRule(fault=Fault(status=500))])
    world.client.put_secret_value(SecretId=world.secret, SecretString='"{', VersionStages=["AWSPENDING"])
    world.journal.write_bytes(b"SQLite format 3\0 and no more of it")
    with unchanged(world, aws):
        assert 1 not in of_every_kind(world, rotate)


def test_the_bundle_is_the_one_thing_that_is_written_and_only_where_it_was_asked_for(
    world: SmallWorld, rotate: Rotate, aws: SandboxAws, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    world.set_status(world.old_id, KeyStatus.INACTIVE)
    with unchanged(world, aws):
        rotate("check", "prod-chat", "--bundle", str(elsewhere / "bundle.json"))
    assert [path.name for path in elsewhere.iterdir()] == ["bundle.json"]
