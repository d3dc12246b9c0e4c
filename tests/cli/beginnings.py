"""How far many of these tests go before what they are about."""

from __future__ import annotations

from tests.cli.conftest import Rotate
from tests.cli.small_world import Ran, SmallWorld

SAID = ["--by", "ann", "--reason", "planned"]
BOTH = "The new key is current; the old key is active as well. Nothing was lost."


def start(rotate: Rotate, world: SmallWorld) -> Ran:
    return rotate("start", "prod-chat", "--key-file", "-", "--json", stdin=world.new.reveal() + "\n")


def to_the_question(rotate: Rotate, world: SmallWorld) -> Ran:
    assert start(rotate, world).code == 0
    assert rotate("verify", "prod-chat").code == 0
    return rotate("finish", "prod-chat", "--json")
