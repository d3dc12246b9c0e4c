"""The house's rules, as far as a machine can keep them (CONTRIBUTING). What is said of pages: `test_docs.py`.

Every rule looks at all files and names all that break it, as `path:line: what`.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

ROOT = Path(__file__).parents[2]
ROOMS = ("rotator", "tests", "examples", "playbooks", "docs", ".ci")
WRITTEN: Final = {".py", ".md", ".yaml", ".yml", ".toml", ".sh", ".json", ".service", ""}

MOST_LINES: Final = 300
SCREEN: Final = 45
"""Lines of a function's body: neither its signature, which for a command is a table of options, nor its docstring."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    path: str
    text: str

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(ast.parse(self.text)))

    @cached_property
    def functions(self) -> list[Function]:
        return [node for node in self.nodes if isinstance(node, Function)]

    @cached_property
    def comments(self) -> dict[int, str]:
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        return {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}

    def prose(self) -> Iterator[tuple[int, str]]:
        """What is written for readers: comments, and strings that stand by themselves."""
        yield from self.comments.items()
        for node in self.nodes:
            match node:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    yield node.lineno, text

    def names(self) -> Iterator[tuple[int, str]]:
        """What it gives a name to; a test's name is a sentence, and not meant here."""
        for node in self.nodes:
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    if not name.startswith("test_"):
                        yield node.lineno, name
                case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                    yield node.lineno, name


def written() -> Iterator[Path]:
    for place in (ROOT, *(ROOT / room for room in ROOMS)):
        for path in sorted(place.iterdir() if place == ROOT else place.rglob("*")):
            if path.is_file() and path.suffix in WRITTEN and "__pycache__" not in path.parts:
                yield path


FILES: Final = [Source(str(path.relative_to(ROOT)), path.read_text()) for path in written()]
SOURCES: Final = [file for file in FILES if file.path.endswith(".py")]
TESTS: Final = [file for file in SOURCES if file.path.startswith("tests/")]


def parts(name: str) -> set[str]:
    """`SecretStore` and `secret_store` are both made of `secret` and `store`."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)}


def test_no_file_has_two_rooms_in_it() -> None:
    files = [file for file in FILES if file.path.endswith((".py", ".md"))]
    assert [file.path for file in files if len(file.text.splitlines()) > MOST_LINES] == []


def test_a_function_fits_a_screen() -> None:
    long = []
    for file in SOURCES:
        for function in file.functions:
            body = function.body[1:] if ast.get_docstring(function) else function.body
            if body and (function.end_lineno or 0) - body[0].lineno >= SCREEN:
                long.append(f"{file.path}:{function.lineno}: {function.name}")
    assert long == []


def test_nothing_is_named_by_a_word_that_says_nothing() -> None:
    empty = {"util", "utils", "helper", "helpers", "common", "manager", "managers"}
    assert [file.path for file in SOURCES if parts(file.path) & empty] == []
    named = [(file.path, line, name) for file in SOURCES for line, name in file.names()]
    assert [f"{path}:{line}: {name}" for path, line, name in named if parts(name) & empty] == []


def test_nothing_is_named_by_a_word_that_means_three_things_elsewhere() -> None:
    """CONTRIBUTING: one word, one meaning. `stage` is a verb here. AWS's own parameters keep their names."""
    banned = {"provider", "providers", "target", "targets", "stages"}
    text = re.compile(r"\b(?:providers?|targets?|(?:an?|the|this|that|each|every|its) stage)\b", re.IGNORECASE)
    found = []
    for file in SOURCES:
        if not file.path.endswith(("/aws_mends.py", "/aws_world.py")):
            found += [f"{file.path}:{line}: {name}" for line, name in file.names() if parts(name) & banned]
        found += [f"{file.path}:{line}: {said}" for line, said in file.prose() if text.search(said)]
    assert found == []


def test_what_silences_a_tool_names_the_rule_and_says_why() -> None:
    found = []
    for file in SOURCES:
        for line, comment in file.comments.items():
            if re.search(r"# (?:ruff: )?(?:noqa|type: ignore|pragma)\b", comment):
                silenced = re.search(r"(?:noqa: [A-Z0-9, ]+[0-9]|type: ignore\[[\w,-]+\])(.*)", comment)
                if silenced is None or len(silenced[1].strip(" -#")) < 4:
                    found.append(f"{file.path}:{line}: {comment}")
    assert found == []


def test_whatever_catches_everything_says_why() -> None:
    found = []
    for file in SOURCES:
        for node in file.nodes:
            match node:
                case ast.ExceptHandler(type=None):
                    caught = "Exception"
                case ast.ExceptHandler(type=ast.expr() as kinds):
                    caught = ast.unparse(kinds)
                case ast.Call(func=ast.Name(id="suppress") | ast.Attribute(attr="suppress")):
                    caught = ast.unparse(node)
                case _:
                    continue
            if re.search(r"\b(?:Base)?Exception\b", caught) and node.lineno not in file.comments:
                found.append(f"{file.path}:{node.lineno}")
    assert found == []


def test_nothing_could_be_a_key() -> None:
    """Keys are made at run time, so that no scanner, and no reader, has to wonder."""
    key = re.compile(
        r"sk-ant-[\w-]{20,}|sk-(?:proj|or)-[\w-]{16,}|(?:AKIA|ASIA|ABSK)[A-Za-z0-9+/]{12,}|ya29\.[\w-]{16,}"
        r"|hv[sb]\.[\w-]{20,}|gh[pousr]_\w{20,}|-----BEGIN [A-Z ]*PRIVATE KEY"
    )
    assert [f"{file.path}: {match[0][:8]}…" for file in FILES for match in key.finditer(file.text)] == []


def test_a_test_sleeps_only_between_two_looks() -> None:
    """A fixed sleep is too long on one machine and too short on another: look, in a loop that has a bound."""
    found = []
    for file in TESTS:
        loops = [node for node in file.nodes if isinstance(node, ast.While | ast.For)]
        inside = {inner for loop in loops for inner in ast.walk(loop)}
        calls = [node for node in file.nodes if isinstance(node, ast.Call) and node not in inside]
        found += [f"{file.path}:{call.lineno}" for call in calls if ast.unparse(call.func) in ("time.sleep", "sleep")]
    assert found == []


def test_nothing_is_mocked() -> None:
    """Fakes stand at the ports, real protocols at the edges. `patch` is for what is Python's own: `sys.argv`."""
    mocks = {"Mock", "MagicMock", "AsyncMock", "create_autospec", "mocker", "respx", "vcr"}
    found = []
    for file in TESTS:
        named = [(node.lineno, node.id) for node in file.nodes if isinstance(node, ast.Name)]
        named += [(node.lineno, node.arg) for node in file.nodes if isinstance(node, ast.arg)]
        found += [f"{file.path}:{line}: {name}" for line, name in named if name in mocks]
    assert found == []


def test_the_name_of_a_test_is_a_sentence_and_its_own() -> None:
    for file in TESTS:
        names = [function.name for function in file.functions if function.name.startswith("test_")]
        assert [name for name in names if len(name.split("_")) < 4] == [], file.path
        assert len(names) == len(set(names)), file.path


def test_every_file_of_the_product_says_first_what_is_in_it() -> None:
    product = [file for file in SOURCES if file.path.startswith("rotator/")]
    assert [file.path for file in product if file.text and not ast.get_docstring(ast.parse(file.text))] == []


def test_the_facts_that_the_code_cites_are_in_the_pages() -> None:
    pages = [file.text for file in FILES if file.path.startswith("docs/facts/")]
    sections = [re.split(r" \(| \[| a faithful", name)[0] for name in re.findall(r"^## (.+)$", "\n".join(pages), re.M)]
    for file in SOURCES:
        for line, text in file.prose():
            for cited in re.findall(r"[Ff]acts: \"?([A-Z][^\n]*)", text):
                assert any(cited.startswith(section) for section in sections), f"{file.path}:{line}: {cited}"


def test_make_help_names_every_rule_of_the_makefile() -> None:
    text = (ROOT / "Makefile").read_text()
    rules = set(re.findall(r"^([a-z]+):", text, re.MULTILINE))
    phony = re.search(r"^\.PHONY: (.+)$", text, re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == rules
    said = subprocess.run(["make", "-sC", str(ROOT), "help"], capture_output=True, text=True, check=True).stdout
    assert {line.split()[0] for line in said.splitlines()} == rules


def test_contributing_says_what_is_in_every_room_and_every_folder_of_tests() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    places = [*(ROOT / "rotator").iterdir(), *(place for place in (ROOT / "tests").iterdir() if place.is_dir())]
    rooms = [place for place in places if not place.name.startswith("_") and place.suffix != ".typed"]
    assert [place.name for place in rooms if f"`{place.relative_to(ROOT).with_suffix(place.suffix)}`" not in text] == []
