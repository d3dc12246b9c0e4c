from __future__ import annotations

from pathlib import Path

import pytest

from rotator.loader import find_config
from rotator.model.errors import ConfigError


def test_the_nearest_file_above_is_found(tmp_path: Path) -> None:
    (tmp_path / "rotate.yaml").touch()
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert find_config(None, {}, deep) == tmp_path / "rotate.yaml"
    (deep.parent / "rotate.yaml").touch()
    assert find_config(None, {}, deep) == deep.parent / "rotate.yaml"


def test_the_option_wins_over_the_variable_and_the_variable_over_the_folder(tmp_path: Path) -> None:
    for name in ("rotate.yaml", "by-variable.yaml", "by-option.yaml"):
        (tmp_path / name).touch()
    environ = {"ROTATOR_CONFIG": "by-variable.yaml"}
    assert find_config("by-option.yaml", environ, tmp_path).name == "by-option.yaml"
    assert find_config(None, environ, tmp_path).name == "by-variable.yaml"
    assert find_config(None, {"ROTATOR_CONFIG": ""}, tmp_path).name == "rotate.yaml"


def test_a_named_folder_stands_for_the_file_in_it(tmp_path: Path) -> None:
    (tmp_path / "rotate.yaml").touch()
    assert find_config(str(tmp_path), {}, Path("/")) == tmp_path / "rotate.yaml"


@pytest.mark.parametrize("by", ["--config", "ROTATOR_CONFIG"])
def test_what_is_named_but_missing_is_an_error_and_nothing_else_is_tried(tmp_path: Path, by: str) -> None:
    (tmp_path / "rotate.yaml").touch()
    with pytest.raises(ConfigError, match=f"{by} names .*other.yaml") as raised:
        find_config("other.yaml" if by == "--config" else None, {"ROTATOR_CONFIG": "other.yaml"}, tmp_path)
    assert raised.value.hint == "rotate init"


def test_an_unknown_home_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="home directory"):
        find_config("~no-such-user-here/x.yaml", {}, tmp_path)


def test_nothing_found_lists_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        find_config(None, {}, tmp_path / "a")
    assert f"{tmp_path}/a/rotate.yaml\n  {tmp_path}/rotate.yaml\n" in raised.value.message
    assert raised.value.hint == "rotate init"
