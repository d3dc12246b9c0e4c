"""Floor 3: one file a step. A step is an effect (inspect, apply, undo) or a gate (measure); nothing is both.

`context.py` is what each is given; `retire.py` and `needs.py` are what several of them, and the command line, ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rotator.model.plan import StepId
from rotator.steps.adopt import Adopt
from rotator.steps.archive import Archive
from rotator.steps.context import Context, Effect, Gate, Ports
from rotator.steps.deploy import Deploy
from rotator.steps.disable import Disable
from rotator.steps.drain import Drain
from rotator.steps.observe import Observe
from rotator.steps.pings import Pings
from rotator.steps.probe import Probe
from rotator.steps.promote import Promote
from rotator.steps.soak import Soak
from rotator.steps.stage import Stage
from rotator.steps.test import Test
from rotator.steps.tidy import Tidy

_EFFECTS: Final[Mapping[str, Effect]] = {
    "stage": Stage(),
    "promote": Promote(),
    "deploy": Deploy(),
    "disable": Disable(),
    "archive": Archive(),
    "tidy": Tidy(),
}

_GATES: Final[Mapping[str, Gate]] = {
    "adopt": Adopt(),
    "test": Test(),
    "observe": Observe(),
    "probe": Probe(),
    "pings": Pings(),
    "drain": Drain(),
    "soak": Soak(),
}


def effect_of(step: StepId) -> Effect:
    return _EFFECTS[step.verb]


def gate_of(step: StepId) -> Gate:
    return _GATES[step.verb]


__all__ = ["Context", "Effect", "Gate", "Ports", "effect_of", "gate_of"]
