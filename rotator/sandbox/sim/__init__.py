"""Simulated years: the whole engine, unchanged, under a virtual clock and a world that a seed draws.

`simulate(seed)` draws a fleet, a playbook, an operator and a handful of faults, lets them meet, checks the
laws (README) after every operation, then heals the world and demands an end. The same seed gives the same run.
"""

from rotator.sandbox.sim.run import Report, simulate

__all__ = ["Report", "simulate"]
