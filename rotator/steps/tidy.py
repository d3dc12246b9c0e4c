"""Effect: take our pending label and our claim off the secret. The new key stays current."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from rotator.model.canonical import Json
from rotator.model.errors import Refused
from rotator.model.rotation import Standing
from rotator.steps.context import Context


class Tidy:
    def inspect(self, context: Context) -> Standing:
        holding = context.store.holder()
        ours = holding is not None and holding.version_id == context.version_id(context.step.subject)
        return Standing.PARTIAL if ours else Standing.APPLIED

    def apply(self, context: Context) -> Mapping[str, Json]:
        context.store.discard(context.version_id(context.step.subject))
        return {}

    def undo(self, context: Context) -> Mapping[str, Json]:
        raise Refused("a tidied secret has no pending version to bring back")

    def patience(self, context: Context) -> timedelta:
        return timedelta(minutes=2)
