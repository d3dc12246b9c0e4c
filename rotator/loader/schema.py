"""JSON Schema of `rotate.yaml`, for editors."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from rotator.loader.durations import format_duration
from rotator.loader.shape import ConfigShape


def config_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of `rotate.yaml`. The rules between its parts are beyond a schema."""
    schema = ConfigShape.model_json_schema(schema_generator=_Generator)
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema, "title": "rotate.yaml"}


class _Generator(GenerateJsonSchema):
    """As the loader has it: what may be left out is not written as `null`, and durations are text."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> dict[str, Any]:
        inner = self.generate_inner(schema["schema"])
        match schema.get("default"):
            case None:
                return inner
            case timedelta() as duration:
                return {**inner, "default": format_duration(duration)}
            case default:
                return {**inner, "default": default}

    def field_title_should_be_set(self, schema: object) -> bool:
        return False
