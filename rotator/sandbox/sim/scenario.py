"""What a seed draws: a fleet, secrets, a playbook, an operator and faults. Frozen: a run changes nothing of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum
from random import Random
from typing import Final, Literal

from rotator.model.config import (
    AnthropicConfig,
    AwsSecretRef,
    CommandDeploy,
    CommandWatch,
    Consumer,
    Credential,
    Drain,
    HttpProbe,
    ManualWatch,
    Pings,
    Playbook,
    SecretRef,
    VaultSecretRef,
)
from rotator.sandbox.sim.faults import Fault, draw_faults, draw_more

NAME: Final = "prod-chat"
MAX_INSTANCES: Final = 30
CADENCES: Final = (5, 60, 600)
"""Seconds for which a consumer may stay quiet."""
_DRIFTS: Final = 11
"""The secrets of every eleventh seed do not hold one key to begin with: of none that was found broken before."""

_KINDS: Final[tuple[Literal["aws", "vault"], ...]] = ("aws", "vault")


class Style(Enum):
    """How the operator behaves until the world heals."""

    STEADY = "steady"  # the next command, when it is time
    IMPATIENT = "impatient"  # any command, at once
    ABSENT = "absent"  # starts it; from then on only `tick`
    QUITTER = "quitter"  # rolls back or abandons at some moment


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedConsumer:
    """One consumer and how its rollouts behave. Times in seconds."""

    config: Consumer
    kind: Literal["boot", "hot"]
    instances: int
    secret: int
    """Which of the secrets it reads."""
    pace: int
    """A rollout replaces one instance every so many seconds; 0: all at once."""
    linger: int
    """For so long a replaced instance goes on terminating, with the key that it has."""
    reload_after: int
    """A hot instance notices a change after so many seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    seed: int
    secrets: int
    kinds: tuple[Literal["aws", "vault"], ...]
    """Where each of the secrets is kept."""
    managed: bool
    playbook: Playbook
    consumers: tuple[SimulatedConsumer, ...]
    style: Style
    same_machine: bool
    """Whether a process that was killed is known to be dead at once; else its lease has to run out."""
    slow_change: int
    """For so many seconds a key goes on as before its status changed."""
    faults: tuple[Fault, ...]
    held: tuple[int, ...] = ()
    """Which key each secret holds to begin with, where they hold several; 0 is the right one. Empty: all hold one."""

    @property
    def credential(self) -> Credential:
        refs = tuple(_ref(kind, number) for number, kind in enumerate(self.kinds))
        consumers = tuple(consumer.config for consumer in self.consumers)
        return Credential(name=NAME, issuer=AnthropicConfig(), secrets=refs, consumers=consumers)


def _ref(kind: Literal["aws", "vault"], number: int) -> SecretRef:
    if kind == "vault":
        return VaultSecretRef("secret", f"prod/{number}", "key")
    return AwsSecretRef("eu-west-1", f"prod/{number}", None)


def drift(scenario: Scenario) -> Scenario:
    """The same, but its secrets do not hold one key to begin with."""
    random = Random(f"drift {scenario.seed}")
    secrets = max(scenario.secrets, 2)
    held = [0, 1, *random.choices((0, 1, 2), k=secrets - 2)]
    random.shuffle(held)
    consumers = tuple(replace(one, secret=random.randrange(secrets)) for one in scenario.consumers)
    kinds = (*scenario.kinds, random.choice(_KINDS))[:secrets]
    playbook = replace(scenario.playbook, name="drawn", reenable="auto")  # a leaked key is written nowhere else
    return replace(scenario, secrets=secrets, kinds=kinds, held=tuple(held), consumers=consumers, playbook=playbook)


def draw(seed: int) -> Scenario:
    """The scenario of this seed, always the same one."""
    scenario = _draw(seed)
    return drift(scenario) if seed % _DRIFTS == 0 else scenario


def _draw(seed: int) -> Scenario:
    random = Random(seed)
    secrets = random.choice((1, 1, 2, 3))
    consumers = _fleet(random, secrets)
    names = tuple(consumer.config.name for consumer in consumers)
    return Scenario(
        seed=seed,
        secrets=secrets,
        kinds=tuple(Random(f"kinds {seed}").choices(_KINDS, k=secrets)),
        managed=random.random() < 0.8,
        playbook=_playbook(random),
        consumers=consumers,
        style=random.choice((Style.STEADY, Style.STEADY, Style.IMPATIENT, Style.ABSENT, Style.QUITTER)),
        same_machine=random.random() < 0.6,
        slow_change=random.choice((0, 0, 0, 2, 20)),
        faults=draw_faults(random, names) + draw_more(Random(f"more {seed}"), names),
    )


def _fleet(random: Random, secrets: int) -> tuple[SimulatedConsumer, ...]:
    count = random.choice((1, 2, 2, 3, 3, 4, 6))
    left = random.choice((count, count + 2, count + 5, MAX_INSTANCES))
    found = []
    for number in range(count):
        instances = random.randint(1, max(1, left - (count - number - 1)))
        left -= instances
        found.append(_consumer(random, number, min(instances, 12), secrets))
    return tuple(found)


def _consumer(random: Random, number: int, instances: int, secrets: int) -> SimulatedConsumer:
    name = ("chat", "batch", "edge", "admin", "cron", "bot")[number]
    kind: Literal["boot", "hot"] = "hot" if random.random() < 0.35 else "boot"
    manual = random.random() < 0.08
    slow = random.random() < 0.3
    config = Consumer(
        name=name,
        watch=ManualWatch(ask=f"Does {name} use the new key?") if manual else CommandWatch(observe=("observe", name)),
        wave=random.choice((1, 1, 2, 3)),
        cadence=timedelta(seconds=random.choice(CADENCES)),
        required=number == 0 or random.random() < 0.85,
        deploy=CommandDeploy(command=("deploy", name)) if kind == "boot" and not manual else None,
        probe=HttpProbe(url="http://127.0.0.1/ask") if random.random() < 0.6 else None,
    )
    return SimulatedConsumer(
        config=config,
        kind=kind,
        instances=instances,
        secret=random.randrange(secrets),
        pace=random.choice((1, 5, 20)) if slow else 0,
        linger=random.choice((0, 0, 10, 60)),
        reload_after=random.choice((0, 3, 30)),
    )


def _playbook(random: Random) -> Playbook:
    """Windows from seconds to days. Intervals stay below a minute, as in every playbook that is shipped."""
    interval = random.choice((2, 5, 5, 30))
    unit = random.choice((1, 1, 60, 3600))
    leaked = random.random() < 0.15
    return Playbook(
        name="leak" if leaked else "drawn",
        why="A seed drew it.",
        adopt_patience=timedelta(seconds=random.choice((10, 60))),
        pings=Pings(
            count=random.choice((1, 2, 3)),
            interval=timedelta(seconds=random.choice((1, 2))),
            patience=timedelta(seconds=60),
            inference=random.random() < 0.5,
        ),
        waves=random.choice(("ordered", "together")),
        deploy_timeout=timedelta(minutes=random.choice((1, 30))),
        observe_interval=timedelta(seconds=interval),
        observe_timeout=timedelta(seconds=interval * random.choice((5, 40))),
        drain=Drain(
            quiet_for=timedelta(seconds=unit * random.choice((5, 20))),
            lag=timedelta(seconds=unit * random.choice((0, 5))),
            unproven=random.choice(("ask", "ask", "accept", "accept", "refuse" if random.random() < 0.1 else "ask")),
        ),
        soak=timedelta(seconds=unit * random.choice((5, 24, 48))),
        approve_disable=random.choice(("ask", "scheduled")),
        approve_archive=random.choice(("ask", "scheduled")),
        reenable="never" if leaked else "auto",
        deadline=timedelta(days=random.choice((1, 7))),
    )
