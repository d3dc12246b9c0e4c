"""The same light world as the command line's tests."""

from tests.cli.conftest import aws, world

__all__ = ["aws", "world"]
