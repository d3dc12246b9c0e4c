"""Blind changes of a module's syntax tree: one at a time, each with a name that says where it is and what it does."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

_COMPARISONS: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_ARITHMETIC: Final[dict[type[ast.operator], type[ast.operator]]] = {ast.Add: ast.Sub, ast.Sub: ast.Add}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """`number`: which of the module's mutations, in the order of the walk: stable as long as `source`, a digest, is.
    `lines`: where what is changed begins and ends."""

    module: str
    function: str
    lines: tuple[int, int]
    what: str
    number: int
    source: str

    def __str__(self) -> str:
        return f"{self.module}:{self.function}: {self.what}"


def mutants(module: str, source: str) -> list[Mutant]:
    """Every mutation inside the module's functions and methods."""
    digest = sha256(source.encode()).hexdigest()[:12]
    return [
        Mutant(
            module=module,
            function=function,
            lines=(place.lineno, place.end_lineno or place.lineno),
            what=what,
            number=number,
            source=digest,
        )
        for number, (function, place, what, _) in enumerate(_sites(ast.parse(source)))
    ]


def mutated(source: str, number: int) -> ast.Module:
    tree = ast.parse(source)
    for place, (_, _, _, change) in enumerate(_sites(tree)):
        if place == number:
            change()
            return ast.fix_missing_locations(tree)
    raise LookupError(f"there is no mutation {number}")


_Site = tuple[str, ast.expr | ast.stmt, str, Callable[[], None]]


def _sites(tree: ast.Module) -> Iterator[_Site]:
    for node in tree.body:
        match node:
            case ast.FunctionDef():
                yield from _inside(node, node.name)
            case ast.ClassDef():
                for method in node.body:
                    if isinstance(method, ast.FunctionDef):
                        yield from _inside(method, f"{node.name}.{method.name}")


def _inside(function: ast.FunctionDef, name: str) -> Iterator[_Site]:
    nodes = [inner for statement in function.body for inner in ast.walk(statement)]
    strict = {id(node.value) for node in nodes if isinstance(node, ast.keyword) and node.arg == "strict"}
    for node in nodes:  # `strict=` of a zip finds bugs of ours, and says nothing of what a function does
        if isinstance(node, ast.expr | ast.stmt) and id(node) not in strict:
            for what, change in _changes(node):
                yield name, node, what, change
    for holder in [function, *nodes]:
        for field in ("body", "orelse"):
            statements = getattr(holder, field, None)
            if isinstance(statements, list):
                yield from _removals(statements, name)


def _changes(node: ast.expr | ast.stmt) -> Iterator[tuple[str, Callable[[], None]]]:
    match node:
        case ast.Compare(ops=[operator, *_]) if type(operator) in _COMPARISONS:
            text, other = ast.unparse(node), _COMPARISONS[type(operator)]()
            yield f"`{text}` with {type(other).__name__}", lambda: node.ops.__setitem__(0, other)
        case ast.BoolOp(op=boolean):
            swapped: ast.boolop = ast.Or() if isinstance(boolean, ast.And) else ast.And()
            yield f"`{ast.unparse(node)}` with {type(swapped).__name__}", lambda: setattr(node, "op", swapped)
        case ast.BinOp(op=arithmetic) if type(arithmetic) in _ARITHMETIC:
            sign = _ARITHMETIC[type(arithmetic)]()
            yield f"`{ast.unparse(node)}` with {type(sign).__name__}", lambda: setattr(node, "op", sign)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield f"`{ast.unparse(node)}` without not", lambda: setattr(node, "operand", _not(operand))
        case ast.If(test=ast.Name() | ast.Call() | ast.Attribute() as test):
            yield f"if `{ast.unparse(test)}` negated", lambda: setattr(node, "test", _not(test))
        case ast.IfExp(test=test):
            yield f"`{ast.unparse(node)}` the other way", lambda: setattr(node, "test", _not(test))
        case ast.Constant(value=bool(value)):
            yield f"`{value}` negated", lambda: setattr(node, "value", not value)
        case ast.Constant(value=int(number)):
            yield f"`{number}` plus one", lambda: setattr(node, "value", number + 1)
        case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and not value.value):
            yield f"return nothing, not `{_short(value)}`", lambda: setattr(node, "value", ast.Constant(None))


def _removals(statements: list[ast.stmt], name: str) -> Iterator[_Site]:
    for place, statement in enumerate(statements):
        match statement:
            case ast.Expr(value=ast.Constant()):
                continue
            case ast.Expr() | ast.Raise() | ast.Continue() | ast.Break() | ast.AugAssign():
                gone = ast.copy_location(ast.Pass(), statement)
                yield (
                    name,
                    statement,
                    f"without `{_short(statement)}`",
                    lambda place=place, gone=gone: statements.__setitem__(place, gone),  # type: ignore[misc]  # bound
                )


def _not(test: ast.expr) -> ast.expr:
    return ast.copy_location(ast.UnaryOp(ast.Not(), test), test)


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 60 else text[:57] + "..."
