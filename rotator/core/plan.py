"""The order of the steps. Policy is parameters (a playbook); order is code, and it stands here.

    EXPAND    adopt → stage → test → promote → deploy, wave by wave, each observed before the next
    OVERLAP   observe → probe → pings
    CONTRACT  drain → disable → soak → archive → tidy

Several secrets: all are staged, then all tested, before any is promoted. Where they do not hold one key to begin with,
a rotation before the rotation gives those that drifted the key of the `right` one: the same steps, and nothing retired.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from itertools import groupby

from rotator.model.config import Consumer, Credential, ManualWatch, Playbook
from rotator.model.plan import Phase, Plan, PlannedConsumer, PlannedStep, StepId

ADOPT = StepId("adopt")
PINGS = StepId("pings")
DRAIN = StepId("drain")
DISABLE = StepId("disable")
SOAK = StepId("soak")
ARCHIVE = StepId("archive")


def build(
    credential: Credential,
    playbook: Playbook,
    *,
    first: bool,
    managed: bool,
    right: str | None = None,
    drifted: Collection[str] = (),
) -> Plan:
    """The plan of one rotation: `first` where there is no old key, `managed` where an Admin key is at hand.

    With `right`, the secrets that `drifted` are brought to the key of that one.
    """
    secrets = tuple(str(secret) for secret in credential.secrets)
    consumers = tuple(_planned(consumer) for consumer in credential.consumers)
    if right is not None:
        right, secrets = right if right in secrets else None, tuple(one for one in secrets if one in drifted)
    return arrange(credential.name, playbook, secrets, consumers, first=first, managed=managed, right=right)


def arrange(
    credential: str,
    playbook: Playbook,
    secrets: tuple[str, ...],
    consumers: tuple[PlannedConsumer, ...],
    *,
    first: bool,
    managed: bool,
    right: str | None = None,
) -> Plan:
    """The plan whose steps follow from this policy, these secrets and these consumers."""
    return Plan(
        credential=credential,
        playbook=playbook,
        secrets=secrets,
        consumers=consumers,
        first=first,
        managed=managed,
        steps=_steps(secrets, consumers, ordered=playbook.waves == "ordered", retires=not first and right is None),
        right=right,
    )


@lru_cache(maxsize=64)
def _steps(
    secrets: tuple[str, ...], consumers: tuple[PlannedConsumer, ...], *, ordered: bool, retires: bool
) -> tuple[PlannedStep, ...]:
    """Kept: every command arranges a plan twice, as it was journaled and as today's configuration has it."""
    steps = (*_expand(secrets, consumers, ordered), *_overlap(consumers), *_contract(secrets, consumers, retires))
    return tuple(_without_repeats(steps))


def _planned(consumer: Consumer) -> PlannedConsumer:
    return PlannedConsumer(
        name=consumer.name,
        wave=consumer.wave,
        cadence=consumer.cadence,
        required=consumer.required,
        deploys=consumer.deploy is not None,
        probes=consumer.probe is not None,
        asks=consumer.watch.ask if isinstance(consumer.watch, ManualWatch) else None,
    )


def _expand(secrets: Sequence[str], consumers: Sequence[PlannedConsumer], ordered: bool) -> Iterator[PlannedStep]:
    tests = tuple(StepId("test", secret) for secret in secrets)
    yield PlannedStep(id=ADOPT, phase=Phase.EXPAND, effect=False)
    for secret in secrets:
        yield PlannedStep(id=StepId("stage", secret), phase=Phase.EXPAND, effect=True)
    for test in tests:
        yield PlannedStep(id=test, phase=Phase.EXPAND, effect=False)
    for secret in secrets:
        yield PlannedStep(id=StepId("promote", secret), phase=Phase.EXPAND, effect=True, needs=tests)
    waves = waves_of(consumers) if ordered else [tuple(consumers)]
    for number, wave in enumerate(waves, start=1):
        for consumer in wave:
            if consumer.deploys:
                yield PlannedStep(id=StepId("deploy", consumer.name), phase=Phase.EXPAND, effect=True)
        if number < len(waves):
            for consumer in wave:
                yield PlannedStep(id=StepId("observe", consumer.name), phase=Phase.EXPAND, effect=False)


def waves_of(consumers: Sequence[PlannedConsumer]) -> list[tuple[PlannedConsumer, ...]]:
    """The consumers by wave, in order of the wave's number; within one, in the configuration's order."""
    ordered = sorted(consumers, key=lambda consumer: consumer.wave)
    return [tuple(wave) for _, wave in groupby(ordered, key=lambda consumer: consumer.wave)]


def _overlap(consumers: Sequence[PlannedConsumer]) -> Iterator[PlannedStep]:
    for gate in overlap_gates(consumers):
        yield PlannedStep(id=gate, phase=Phase.OVERLAP, effect=False)


def overlap_gates(consumers: Sequence[PlannedConsumer]) -> tuple[StepId, ...]:
    """What must hold while both keys work, before the old one may go."""
    return (
        *(StepId("observe", consumer.name) for consumer in consumers),
        *(StepId("probe", consumer.name) for consumer in consumers if consumer.probes),
        PINGS,
    )


def _contract(secrets: Sequence[str], consumers: Sequence[PlannedConsumer], retires: bool) -> Iterator[PlannedStep]:
    if retires:
        gates = (*overlap_gates(consumers), DRAIN)
        yield PlannedStep(id=DRAIN, phase=Phase.CONTRACT, effect=False)
        yield PlannedStep(id=DISABLE, phase=Phase.CONTRACT, effect=True, needs=gates)
        yield PlannedStep(id=SOAK, phase=Phase.CONTRACT, effect=False)
        yield PlannedStep(id=ARCHIVE, phase=Phase.CONTRACT, effect=True, needs=(SOAK,))
    for secret in secrets:
        yield PlannedStep(id=StepId("tidy", secret), phase=Phase.CONTRACT, effect=True)


def _without_repeats(steps: Sequence[PlannedStep]) -> Iterator[PlannedStep]:
    """A wave that was observed before the next one is not a step of OVERLAP again: `disable` needs it fresh anyway."""
    seen: set[StepId] = set()
    for step in steps:
        if step.id not in seen:
            seen.add(step.id)
            yield step
