from __future__ import annotations

import secrets

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotator.loader import parse_secret, parse_source
from rotator.model.config import AwsSecretRef, EnvSource, FileSource, VaultSecretRef
from rotator.model.errors import ConfigError

ARN = "arn:aws:secretsmanager:eu-west-1:123:secret:prod/x-AbCdEf"


def test_an_aws_secret_has_region_name_and_field() -> None:
    ref = parse_secret("aws-sm://eu-west-1/prod/anthropic#ANTHROPIC_API_KEY")
    assert ref == AwsSecretRef("eu-west-1", "prod/anthropic", "ANTHROPIC_API_KEY")


def test_without_a_field_the_whole_string_is_the_key() -> None:
    assert parse_secret("aws-sm://us-gov-west-1/a") == AwsSecretRef("us-gov-west-1", "a", None)


def test_an_arn_may_stand_for_the_name() -> None:
    assert parse_secret(f"aws-sm://eu-west-1/{ARN}#F") == AwsSecretRef("eu-west-1", ARN, "F")


def test_a_vault_secret_has_mount_path_and_field() -> None:
    assert parse_secret("vault://secret/prod/anthropic#api_key") == VaultSecretRef(
        "secret", "prod/anthropic", "api_key"
    )


@pytest.mark.parametrize(
    "text", ["aws-sm://eu-west-1/a", f"aws-sm://eu-west-1/{ARN}", "aws-sm://eu-west-1/a/b#c", "vault://kv/a/b#c"]
)
def test_a_reference_is_written_as_it_was_read(text: str) -> None:
    assert str(parse_secret(text)) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("prod/anthropic", "not a secret reference"),
        ("aws-sm:/eu-west-1/a", "not a secret reference"),
        ("aws_sm://eu-west-1/a", "neither"),
        ("aws-sm://prod/anthropic", "not the name of an AWS region"),
        ("aws-sm://eu-west-1", "name is missing"),
        ("aws-sm://eu-west-1/", "name is missing"),
        ("aws-sm://eu-west-1/a b", "does not allow"),
        ("aws-sm://eu-west-1/a#", "field after `#`"),
        ("aws-sm://eu-west-1/a#b#c", "field after `#`"),
        (f"aws-sm://us-east-1/{ARN}", "ARN says another"),
        ("aws-sm://eu-west-1/arn:aws:s3:::bucket", "not the ARN of a secret"),
        ("vault://secret/a", "needs `#FIELD`"),
        ("vault://secret#f", "mount or path"),
        ("vault://secret//a#f", "mount or path"),
        ("vault://secret/../sys#f", "no parts"),
        ("aws-sm://eu-west-1/" + "a" * 3000, "longer than"),
    ],
)
def test_a_wrong_reference_says_which_part_is_wrong(text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as raised:
        parse_secret(text)
    assert raised.value.hint


def test_a_value_is_read_from_a_variable_a_file_or_a_secret() -> None:
    assert parse_source("env:ADMIN_KEY") == EnvSource("ADMIN_KEY")
    assert parse_source("file:/run/key") == parse_source("file:///run/key") == FileSource("/run/key")
    assert parse_source("aws-sm://eu-west-1/a") == AwsSecretRef("eu-west-1", "a", None)


@pytest.mark.parametrize("text", ["env:", "env:A-B", "env:1A", "file:", "file: /x", "", "ADMIN_KEY"])
def test_a_wrong_source_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_source(text)


def test_a_value_in_place_of_its_source_is_never_repeated() -> None:
    value = secrets.token_urlsafe(30)
    for parse in (parse_source, parse_secret):
        with pytest.raises(ConfigError) as raised:
            parse(value)
        assert value not in raised.value.message + raised.value.hint


@settings(deadline=None, derandomize=True, max_examples=80)
@given(st.text() | st.text().map(lambda text: "aws-sm://eu-west-1/" + text) | st.text().map(lambda t: "vault://" + t))
def test_any_text_is_a_reference_that_survives_or_a_config_error(text: str) -> None:
    try:
        ref = parse_secret(text)
    except ConfigError:
        return
    assert parse_secret(str(ref)) == ref
