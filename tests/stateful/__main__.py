"""`python -m tests.stateful [LIVES [PLANT]]`: so many lives of the machine; prints what was met, as JSON.

A process of its own: what Hypothesis tries depends on the numbers in the modules that are loaded, and among tests those
are never the same twice. With the name of a plant (`tests/planted`), by which the machine has to fail.
"""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from typing import Final

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.planted.plants import PLANTS
from tests.stateful.operators import Operators

LIVES: Final = 120
_STEPS: Final = 20


def main(lives: int, plants: list[str]) -> None:
    chosen = settings(
        max_examples=lives,
        stateful_step_count=_STEPS,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate,) if plants else (Phase.generate, Phase.shrink),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    with ExitStack() as sown:
        for plant in PLANTS:
            if plant.name in plants:
                sown.enter_context(plant.sown())
        run_state_machine_as_test(Operators, settings=chosen)
    print(json.dumps(Operators.met, indent=1, sort_keys=True))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else LIVES, sys.argv[2:])
