"""`rotate check`: CPU of a container's start, and how many keys a second the look at a key's text manages."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from rotator.core.hygiene import inspect
from rotator.sandbox.loopback import clean_environment
from tests.aws_world import make_key
from tests.bench.measure import Figure, compared, in_turns, spent
from tests.unit.check_world import check_world

KEYS = 5000
_LIMIT = "a hundred-thousandth of a second"


def figures(rounds: int) -> list[Figure]:
    environment = clean_environment({"ANTHROPIC_API_KEY": make_key().reveal()})
    rotate = [sys.executable, "-m", "rotator"]
    check = [*rotate, "check", "--env", "ANTHROPIC_API_KEY", "--offline", "--quiet"]
    keys = [make_key().reveal() for _ in range(KEYS)]
    pasted = [f'export ANTHROPIC_API_KEY="{key}"\n' for key in keys]

    def cpu(argv: list[str]) -> Callable[[], float]:
        def run() -> float:
            child = spent(argv, environment)
            if child.code != 0:
                raise RuntimeError(f"{argv} ended with code {child.code}")
            return child.cpu

        return run

    def each(texts: list[str]) -> Callable[[], float]:
        def run() -> float:
            began = time.process_time()
            for text in texts:
                inspect(text)
            return (time.process_time() - began) / KEYS

        return run

    found = in_turns(
        rounds,
        {
            "rotate --help": cpu([*rotate, "--help"]),
            "rotate check --offline --quiet": cpu(check),
            "hygiene, a key": each(keys),
            "hygiene, a key to be repaired": each(pasted),
            _LIMIT: lambda: 1e-5,
        },
    )
    return [
        compared(found, "rotate check --offline --quiet", "rotate --help", most=1.5),
        compared(found, "hygiene, a key", _LIMIT, most=1, unit="us", scale=1e6),
        compared(found, "hygiene, a key to be repaired", _LIMIT, most=1, unit="us", scale=1e6),
        _online(),
    ]


def _online() -> Figure:
    with check_world() as world:
        world.check()
        asked = sum(key["accepted"] + key["refused"] for key in world.server.books.traffic().values())
    return Figure(
        name="a healthy key, checked online",
        against="2 round trips",
        ratios=[asked / 2],
        value=f"{asked} requests",
        aim="<= 1x",
        met=asked <= 2,
    )
