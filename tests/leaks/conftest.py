"""The same light world as the command line's tests."""

from tests.cli.conftest import aws, rotate, world

__all__ = ["aws", "rotate", "world"]
