"""The ways through a rotation on which a process may be killed: forward, back, and every verb of repair."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from rotator.model.keys import Label
from tests.crash.ground import Journey, Operator, Place, nothing


def forward(operator: Operator) -> None:
    operator.type("start")
    operator.type("verify")
    operator.type("finish")


def by_schedule(operator: Operator) -> None:
    """Nobody waits at a terminal: each `tick` goes as far as it can, and who is asked answers with `approve`."""
    operator.type("start", stay=0)
    operator.type("tick")


def staged_and_back(operator: Operator) -> None:
    """What is staged cannot be read back, so nothing is promoted: the one way back that a leaked key has."""
    last = list(operator.world.stores)[-1]
    operator.killer.refuses = lambda one: (one.subject, one.verb, one.args) == (last, "read", (Label.PENDING,))
    operator.type("start")
    operator.killer.refuses = nothing
    operator.type("rollback")


def deployed_and_back(operator: Operator) -> None:
    operator.type("start")
    operator.type("verify")
    operator.type("rollback")


def disabled_and_back(operator: Operator) -> None:
    """Out of the soak: the old key must be enabled before anything else."""
    operator.type("start")
    operator.type("verify")
    operator.type("finish", until=lambda: operator.did("disable"), stay=0)
    operator.type("rollback")


def resumed(operator: Operator) -> None:
    """A deploy fails for good; a person puts it right, and says so."""
    operator.killer.refuses = lambda one: one.verb == "deploy"
    operator.type("start")
    operator.killer.refuses = nothing
    operator.type("resume")
    operator.type("finish")


def accepted(operator: Operator) -> None:
    """The playbook is changed half-way, and shall count."""
    operator.type("start")
    world = operator.world
    world.playbook = replace(world.playbook, soak=world.playbook.soak * 2)
    operator.type("accept")
    operator.type("finish")


def abandoned(operator: Operator) -> None:
    """And another rotation finds its way through what the first left behind."""
    operator.killer.refuses = lambda one: one.verb == "promote"
    operator.type("start")
    operator.type("abandon")
    operator.killer.refuses = nothing
    forward(operator)


def unlocked(operator: Operator) -> None:
    """Another machine's process: nobody can see that it is dead, so a person has to say so."""
    forward(operator)


def made_equal(operator: Operator) -> None:
    """`--right`: the places that drifted are given the right key, then all are given the new one."""
    operator.type("start")
    forward(operator)


def made_equal_and_back(operator: Operator) -> None:
    """A deploy fails while the places are made equal, and it is taken back."""
    operator.killer.refuses = lambda one: one.verb == "deploy"
    operator.type("start")
    operator.killer.refuses = nothing
    operator.type("rollback")


_DRIFTED = Place(kinds=("aws", "vault", "aws"), held=(0, 1, 2))
_AWS, _VAULT = Place(kinds=("aws", "aws")), Place(kinds=("vault", "vault"))
JOURNEYS: Final = (
    Journey(name="forward", go=forward),
    Journey(name="by schedule", go=by_schedule),
    Journey(name="staged and back", go=staged_and_back),
    Journey(name="deployed and back", go=deployed_and_back, leaks=False),
    Journey(name="disabled and back", go=disabled_and_back, leaks=False),
)
"""Gone by every playbook that is shipped."""

EQUAL_AND_BACK: Final = Journey(name="made equal and back", go=made_equal_and_back, place=_DRIFTED)

REPAIRS: Final = (
    Journey(name="forward in AWS", go=forward, place=_AWS),
    Journey(name="forward in Vault", go=forward, place=_VAULT),
    Journey(name="back in AWS", go=disabled_and_back, place=_AWS),
    Journey(name="back in Vault", go=disabled_and_back, place=_VAULT),
    Journey(name="back, all waves at once", go=disabled_and_back, place=Place(together=True)),
    Journey(name="without an Admin key", go=forward, place=Place(managed=False)),
    Journey(name="with usage counted", go=forward, place=Place(counted=True)),
    Journey(name="resumed", go=resumed),
    Journey(name="accepted", go=accepted),
    Journey(name="abandoned", go=abandoned),
    Journey(name="unlocked", go=unlocked, place=Place(same_machine=False)),
    Journey(name="made equal", go=made_equal, place=_DRIFTED),
    EQUAL_AND_BACK,
)
"""Gone by one playbook: what they are about is the same in all."""
