"""Hypothesis asserts no times here: machines are shared, and a slow example is not a wrong one."""

from hypothesis import settings

settings.register_profile("rotator", deadline=None)
settings.load_profile("rotator")
