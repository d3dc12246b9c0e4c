"""Law 7, at every measurement: it may say no more than what its process was told since it began to measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from rotator.model.event import Event
from rotator.model.keys import Fingerprint, Holding, KeyText
from rotator.model.measure import Cause, Instance, Ping, Verdict
from rotator.model.plan import Plan, PlannedConsumer, StepId

if TYPE_CHECKING:
    from rotator.sandbox.sim.crossing import Operation
    from rotator.sandbox.sim.world import SimulatedWorld


@dataclass(slots=True)
class Heard:
    """What the ports answered to one process since its last decision, true or not."""

    instances: dict[str, Sequence[Instance]] = field(default_factory=dict)
    pings: list[tuple[KeyText, Ping]] = field(default_factory=list)
    probes: dict[str, Ping] = field(default_factory=dict)
    holders: dict[str, Holding | None] = field(default_factory=dict)

    def note(self, operation: Operation, answer: Any) -> None:
        match operation.verb:
            case "observe":
                self.instances[operation.subject] = answer
            case "ping":
                self.pings.append((operation.args[0], answer))
            case "measure":
                self.probes[operation.subject] = answer
            case "holder":
                self.holders[operation.subject] = answer

    def forget(self) -> None:
        self.instances.clear()
        self.pings.clear()
        self.probes.clear()
        self.holders.clear()


class HeardLaws:
    def __init__(self, world: SimulatedWorld) -> None:
        self._world = world

    def measured(self, heard: Heard, event: Event) -> None:
        """`event`: a measurement by the process that heard this, journaled or only known to it."""
        gate, plan = StepId.parse(event.step or ""), self._world.laws.log.plan
        if plan is None:
            return
        if event.data["verdict"] == Verdict.PASSED.value:
            self._passed(gate, heard, event, plan)
        if gate.verb == "soak" and event.data["verdict"] != Verdict.FAILED.value:
            self._unmissed(heard, plan)

    def _passed(self, gate: StepId, heard: Heard, event: Event, plan: Plan) -> None:
        match gate.verb:
            case "observe":
                self._moved(gate, heard, plan.consumer(gate.subject))
            case "probe":
                self._holds(_accepted(heard.probes.get(gate.subject)), gate, "its last probe was not answered")
            case "adopt":
                self._holds(any(_accepted(ping) for _, ping in heard.pings), gate, "no ping was accepted")
                facts = cast("Mapping[str, Any]", event.data["facts"])
                again = facts["new"]["digest"] == self._world.old.fingerprint.digest
                self._holds(not again, gate, "the old key was adopted as its own replacement")
                if plan.right is not None:  # somebody may have put another key there since it was called right
                    self._world.new = self._world.key_with(Fingerprint.from_json(facts["new"]))
            case "test":
                self._pinged(gate, heard, 1)
            case "pings":
                self._pinged(gate, heard, plan.playbook.pings.count)
            case "soak":
                self._pinged(gate, heard, 1)
                for consumer in plan.consumers:
                    if consumer.required:
                        self._moved(gate, heard, consumer)
                        answered = not consumer.probes or _accepted(heard.probes.get(consumer.name))
                        self._holds(answered, gate, f"no request through {consumer.name} was answered")

    def _moved(self, gate: StepId, heard: Heard, consumer: PlannedConsumer) -> None:
        """Every instance that was told of, terminating ones included, says that it holds the wanted key."""
        if consumer.asks is not None:
            self._holds(self._world.laws.log.answered(consumer.name), gate, f"nobody has answered for {consumer.name}")
            return
        wanted = {self._world.new.fingerprint.digest}
        if gate.verb == "observe" and self._world.laws.log.turned:
            wanted.add(self._world.old.fingerprint.digest)
        said = {one.fingerprint for one in heard.instances.get(consumer.name, ())}
        self._holds(len(said) == 1 and said <= wanted, gate, f"{consumer.name} said that it holds {said or 'nothing'}")

    def _pinged(self, gate: StepId, heard: Heard, count: int) -> None:
        made = [ping for key, ping in heard.pings if key == self._world.new]
        enough = len(made) >= count and all(_accepted(ping) for ping in made)
        self._holds(enough, gate, f"{len(made)} of {count} pings were made, or one was not accepted")

    def _unmissed(self, heard: Heard, plan: Plan) -> None:
        """Law 1: whoever is told, in the soak, that somebody misses the old key, says so."""
        old = self._world.old.fingerprint.digest
        for consumer in plan.consumers:
            if not consumer.required:
                continue
            holds = any(one.fingerprint == old for one in heard.instances.get(consumer.name, ()))
            probe = heard.probes.get(consumer.name)
            if holds or (probe is not None and probe.cause is Cause.UNAUTHENTICATED):
                self._world.laws.fail(f"law 1: {consumer.name} misses the old key, and the soak does not say so")

    def _holds(self, condition: bool, gate: StepId, otherwise: str) -> None:
        if not condition:
            self._world.laws.fail(f"law 7: {gate} passed, although {otherwise}")


def _accepted(ping: Ping | None) -> bool:
    return ping is not None and ping.verdict is Verdict.PASSED
