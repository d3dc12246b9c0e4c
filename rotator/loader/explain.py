"""pydantic's findings → problems in plain words, with the nearest known name."""

from __future__ import annotations

from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from rotator.loader.document import Document
from rotator.loader.fields import OURS
from rotator.loader.problems import Place, Problem, nearest
from rotator.loader.shape import NOT_YET

_PLAIN = {
    "missing": "is missing",
    "string_type": "must be text: put it in quotes",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be a mapping of names to values",
    "model_type": "must be a mapping of names to values",
}


def explain(error: ValidationError, root: type[BaseModel], document: Document) -> list[Problem]:
    """Every finding of one validation. Values are repeated only where a known word was expected."""
    return [_problem(details, root, document) for details in error.errors(include_url=False)]


def _problem(details: ErrorDetails, root: type[BaseModel], document: Document) -> Problem:
    place: Place = tuple(part for part in details["loc"] if part != "[key]")
    context: dict[str, Any] = details.get("ctx", {})
    hint = ""
    match details["type"]:
        case "extra_forbidden":
            text = _unknown(str(place[-1]), _fields(root, place))
        case "literal_error":
            text = f"must be {context['expected']}" + _found(details["input"])
        case t if t == OURS:
            text, hint = str(context["message"]), str(context["hint"])
        case "value_error":
            text = str(context["error"])
        case "greater_than_equal":
            text = f"must be at least {context['ge']}"
        case "less_than_equal":
            text = f"must be at most {context['le']}"
        case "too_short":
            text = f"needs at least {context['min_length']}"
        case "too_long" | "string_too_long":
            text = f"has more than {context['max_length']}"
        case other:
            text = _PLAIN.get(other, details["msg"])
    return Problem(place, document.line(place), text, hint)


def _unknown(name: str, known: list[str]) -> str:
    if name in NOT_YET and _KINDS.intersection(known):
        return "not supported yet by this version; use " + " or ".join(f"`{k}`" for k in known if k in _KINDS)
    meant = nearest(name, known)
    if meant:
        return f"unknown key; did you mean `{meant}`?"
    return "unknown key; known here: " + ", ".join(known)


_KINDS = frozenset({"http", "command", "manual", "anthropic"})


def _found(value: object) -> str:
    return f", not `{value}`" if isinstance(value, (str, int)) and len(str(value)) <= 30 else ""


def _fields(root: type[BaseModel], place: Place) -> list[str]:
    """The keys that are known where the last part of the place stands."""
    current, skip = root, False
    for part in place[:-1]:
        field = None if skip else current.model_fields.get(str(part))
        skip = False
        if field is not None:
            current = _model_in(field.annotation) or current
            skip = get_origin(field.annotation) in (dict, list)  # the next part is a name or a number, not a field
    return list(current.model_fields)


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
