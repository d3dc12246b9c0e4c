"""Change a module's running code without touching its source: compile a changed copy, exchange the functions' code.

The functions stay the objects that everybody has imported; only what they do is exchanged, and put back at the end.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import CodeType, FunctionType, ModuleType


class NotPlanted(Exception):
    """The sources changed under a plant: its text is not there exactly once, or no function holds it."""


def source_of(module: ModuleType) -> str:
    return Path(module.__file__ or "").read_text(encoding="utf-8")


@contextmanager
def planted(name: str, old: str, new: str) -> Iterator[None]:
    """Inside, the module `name` runs as if `old` were `new` in its source. Raises `NotPlanted`."""
    module = import_module(name)
    source = source_of(module)
    times = source.count(old)
    if times != 1:
        raise NotPlanted(f"{name} holds this text {times} times, not once; plant it anew:\n{old}")
    with exchanged(module, compiled(source, name), compiled(source.replace(old, new), name)):
        yield


def compiled(source: str, name: str) -> CodeType:
    return compile(source, f"<planted {name}>", "exec", dont_inherit=True)


@contextmanager
def exchanged(module: ModuleType, before: CodeType, after: CodeType) -> Iterator[None]:
    """Inside, every function whose code differs between the two runs as in `after`."""
    was = functions(before)
    differing = {path: code for path, code in functions(after).items() if was.get(path) != code}
    touched = [(live(module, path), code) for path, code in differing.items() if path in was]
    if not touched:
        raise NotPlanted(f"no function of {module.__name__} differs")
    kept = [(function, function.__code__) for function, _ in touched]
    try:
        for function, code in touched:
            function.__code__ = code
        forget(module)
        yield
    finally:
        for function, code in kept:
            function.__code__ = code
        forget(module)


def forget(module: ModuleType) -> None:
    """What the module keeps of earlier calls was found by the other code."""
    for kept in vars(module).values():
        if hasattr(kept, "cache_clear"):
            kept.cache_clear()


def functions(code: CodeType) -> Mapping[str, CodeType]:
    """Module-level functions and methods by qualified name; what is nested in one is part of it."""
    found: dict[str, CodeType] = {}
    for const in code.co_consts:
        if not isinstance(const, CodeType) or const.co_name.startswith("<"):
            continue
        if const.co_flags & inspect.CO_OPTIMIZED:
            found[const.co_qualname] = const
        else:  # a class's body
            found |= functions(const)
    return found


def live(module: ModuleType, path: str) -> FunctionType:
    owner: object = module
    *classes, last = path.split(".")
    for name in classes:
        owner = getattr(owner, name)
    found = inspect.getattr_static(owner, last)
    if isinstance(found, property):
        found = found.fget
    found = getattr(found, "__func__", found)
    found = inspect.unwrap(found)
    if not isinstance(found, FunctionType):
        raise NotPlanted(f"{module.__name__}.{path} is no function")
    return found
