from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from rotator.loader import load_playbook, shipped_playbooks
from rotator.model.errors import ConfigError

FOLDER = Path(__file__).parents[2] / "playbooks"
STANDARD = (FOLDER / "standard.yaml").read_text()


def parameters(data: dict[str, object], before: str = "") -> list[str]:
    names: list[str] = []
    for key, value in data.items():
        names += parameters(value, f"{before}{key}.") if isinstance(value, dict) else [before + key]
    return names


def own(folder: Path, old: str, new: str) -> str:
    assert old in STANDARD
    (folder / "own.yaml").write_text(STANDARD.replace(old, new, 1))
    return "./own.yaml"


def test_three_playbooks_are_shipped() -> None:
    assert shipped_playbooks() == ("leak", "scheduled", "standard")


@pytest.mark.parametrize("name", ["leak", "scheduled", "standard"])
def test_every_shipped_playbook_loads_and_is_named_as_its_file(name: str, tmp_path: Path) -> None:
    assert load_playbook(name, tmp_path).name == name


def test_a_planned_rotation_asks_twice_and_soaks_a_day(tmp_path: Path) -> None:
    playbook = load_playbook("standard", tmp_path)
    assert (playbook.approve_disable, playbook.approve_archive, playbook.soak) == ("ask", "ask", timedelta(days=1))
    assert (playbook.waves, playbook.reenable, playbook.drain.unproven) == ("ordered", "auto", "ask")


def test_a_schedule_differs_from_the_standard_only_in_who_says_yes(tmp_path: Path) -> None:
    scheduled = yaml.safe_load((FOLDER / "scheduled.yaml").read_text())
    standard = yaml.safe_load(STANDARD)
    assert scheduled.pop("approvals") == {"disable": "scheduled", "archive": "scheduled"}
    assert scheduled["drain"].pop("unproven") == "accept"
    del standard["approvals"], standard["drain"]["unproven"]
    for words in (scheduled, standard):
        del words["name"], words["why"]
    assert scheduled == standard


def test_a_leaked_key_is_gone_fast_and_for_good(tmp_path: Path) -> None:
    playbook, standard = load_playbook("leak", tmp_path), load_playbook("standard", tmp_path)
    assert playbook.leaked
    assert (playbook.waves, playbook.drain.unproven) == ("together", "accept")
    assert playbook.drain.quiet_for + playbook.drain.lag <= timedelta(minutes=1)
    assert playbook.soak < standard.soak


def test_the_readme_explains_every_parameter_and_every_playbook() -> None:
    readme = (FOLDER / "README.md").read_text()
    for name in parameters(yaml.safe_load(STANDARD)):
        assert f"| `{name}` |" in readme
    for name in shipped_playbooks():
        assert f"| `{name}` |" in readme


def test_a_near_name_is_suggested(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean `standard`") as raised:
        load_playbook("standart", tmp_path)
    assert "leak, scheduled, standard" in raised.value.hint


def test_ones_own_is_found_relative_to_the_configuration(tmp_path: Path) -> None:
    path = own(tmp_path, "interval: 2s", "interval: 200ms")
    assert load_playbook(path, tmp_path).pings.interval == timedelta(milliseconds=200)
    assert load_playbook("own.yaml", tmp_path) == load_playbook(str(tmp_path / "own.yaml"), "/")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("soak: 24h", "", "soak: is missing"),
        ("soak: 24h", "soak: -1s", "own.yaml:8: soak: `-1s` is not a duration"),
        ("soak: 24h", "soak: 0", "soak: must be a duration"),
        ("soak: 24h", "soak: 100d", "soak: 100d is out of bounds"),
        ("soak: 24h", "soak:", "soak: is empty"),
        ("count: 3", "count: 0", "pings.count: must be at least 1"),
        ("count: 3", "count: 101", "pings.count: must be at most 100"),
        ("inference: true", "inference: 1", "pings.inference: must be true or false"),
        ("interval: 2s", "interval: 50ms", "pings.interval: 50ms is out of bounds"),
        ("waves: ordered", "waves: orderd", "deploy.waves: must be 'ordered' or 'together', not `orderd`"),
        ("disable: ask", "disable: never", "approvals.disable: must be 'ask' or 'scheduled'"),
        ("quiet_for", "quiet", "drain.quiet: unknown key; did you mean `quiet_for`?"),
        ("deadline: 7d", "deadline: 24h", "no rotation could ever be finished"),
        ("interval: 5s", "interval: 1h", None),
        ("timeout: 2h", "timeout: 1s", "observe: the interval is longer than the timeout"),
        ("name: standard", "name: My Own", "name: this name cannot be used"),
    ],
)
def test_a_wrong_parameter_is_named(tmp_path: Path, old: str, new: str, why: str | None) -> None:
    path = own(tmp_path, old, new)
    if why is None:
        assert load_playbook(path, tmp_path)
        return
    with pytest.raises(ConfigError) as raised:
        load_playbook(path, tmp_path)
    assert why in raised.value.message


def test_an_archive_that_nobody_approves_needs_a_soak(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        STANDARD.replace("archive: ask", "archive: scheduled").replace("soak: 24h", "soak: 0s")
    )
    with pytest.raises(ConfigError, match="needs a soak"):
        load_playbook("./own.yaml", tmp_path)
