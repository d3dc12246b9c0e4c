"""As much of JSON Schema (2020-12) as this repository's own schemas use: enough to test that a document fits one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}
_KNOWN: Final = {
    "type",
    "const",
    "enum",
    "pattern",
    "minimum",
    "properties",
    "required",
    "additionalProperties",
    "items",
}
_SAID: Final = {"$schema", "$defs", "title", "description", "$ref", "anyOf"}


def misfits(value: Any, schema: dict[str, Any], root: dict[str, Any], path: str = "$") -> Iterator[str]:
    """Where the value is not as the schema says, as paths with reasons."""
    assert set(schema) <= _KNOWN | _SAID, f"{path}: a word of JSON Schema that this does not know"
    if "$ref" in schema:
        yield from misfits(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root, path)
    if "anyOf" in schema and all(list(misfits(value, one, root, path)) for one in schema["anyOf"]):
        yield f"{path}: fits none of anyOf"
    if "type" in schema and not _is(value, schema["type"]):
        yield f"{path}: {type(value).__name__} is not {schema['type']}"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{path}: is not {schema['const']}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value} is none of {schema['enum']}"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{path}: {value} does not match {schema['pattern']}"
    if "minimum" in schema and value < schema["minimum"]:
        yield f"{path}: {value} is too small"
    yield from _within(value, schema, root, path)


def _within(value: Any, schema: dict[str, Any], root: dict[str, Any], path: str) -> Iterator[str]:
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{path}: has no {name}"
    properties = schema.get("properties", {})
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in properties:
                yield from misfits(inner, properties[name], root, f"{path}.{name}")
            elif schema.get("additionalProperties") is False:
                yield f"{path}: {name} is not foreseen"
    if isinstance(value, list) and "items" in schema:
        for number, inner in enumerate(value):
            yield from misfits(inner, schema["items"], root, f"{path}[{number}]")


def _is(value: Any, wanted: str | list[str]) -> bool:
    names = [wanted] if isinstance(wanted, str) else wanted
    return any(isinstance(value, _TYPES[name]) and not (name == "integer" and value is True) for name in names)
