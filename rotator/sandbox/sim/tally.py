"""What one run met, by name: each name is a row of the coverage table, its first word the group in which it stands."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, TypeAlias

from rotator.model.config import ManualWatch
from rotator.model.decision import Ask, Close, Decision, Do, Stop, Undo, Wait
from rotator.model.event import Event, Kind
from rotator.model.keys import KeyStatus
from rotator.sandbox.sim.faults import Fault
from rotator.sandbox.sim.scenario import Scenario

if TYPE_CHECKING:
    from rotator.sandbox.sim.crossing import Operation

Met: TypeAlias = Counter[str]
"""How often each was met."""

EDITS: Final = {
    "secret_edited": "operator edits the secret",
    "key_edited": "operator edits the key",
    "plan_edited": "operator edits rotate.yaml",
    "playbook_edited": "operator edits the playbook",
}
"""What people change half-way, by the fault that makes them."""

SIZES: Final = ((1, "fleet of one instance"), (9, "fleet of 2 to 9 instances"), (30, "fleet of 10 to 30 instances"))
"""The most instances of a world, and what it is called."""

LIMITED: Final = "key limit reached when enabling again"

_STATUSES: Final = {KeyStatus.ACTIVE: "enable", KeyStatus.INACTIVE: "disable", KeyStatus.ARCHIVED: "archive"}


def drawn(met: Met, scenario: Scenario) -> None:
    """What stands there from the beginning."""
    met[f"secrets in {' and '.join(sorted(set(scenario.kinds)))}"] += 1
    if scenario.held:
        met["secrets drifted"] += 1
    met[f"operator {scenario.style.value}"] += 1
    instances = sum(one.instances for one in scenario.consumers)
    met[next(name for most, name in SIZES if instances <= most)] += 1
    for one in scenario.consumers:
        watched = "observed by a person" if isinstance(one.config.watch, ManualWatch) else one.kind
        met[f"fleet {watched}"] += 1
        met[f"fleet of cadence {one.config.cadence.total_seconds():.0f}s"] += 1


def struck(met: Met, fault: Fault) -> None:
    met[f"fault {fault.kind}"] += 1
    if fault.kind in EDITS:
        met[EDITS[fault.kind]] += 1


def killed(met: Met, moment: str, operation: Operation) -> None:
    """`moment`: before or after."""
    what = _STATUSES[operation.args[1]] if operation.verb == "set_status" else operation.verb
    met[f"killed {moment} {what}"] += 1
    if what == "append":
        met[f"killed {moment} append of {operation.args[1].kind.value}"] += 1


def logged(met: Met, event: Event) -> None:
    if event.kind is Kind.FAILED and event.step == "disable" and "limit of active" in str(event.data.get("error")):
        met[LIMITED] += 1


def decided(met: Met, decision: Decision) -> None:
    match decision:
        case Do(step):
            met[f"do {step.verb}"] += 1
        case Undo(step, _):
            met[f"undo {step.verb}"] += 1
        case Ask(asked, _):
            met[f"ask {asked.partition(':')[0]}"] += 1
        case Stop(exit_code, _):
            met[f"stop {exit_code.name.lower()}"] += 1
        case Wait():
            met["wait"] += 1
        case Close(completed):
            met["close completed" if completed else "close rolled back"] += 1
