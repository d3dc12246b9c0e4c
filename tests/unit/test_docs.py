"""Documentation is tested like code: what it names exists, and what exists is named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from rotator.cli import commands
from rotator.loader import load_config, load_playbook
from rotator.model import errors
from rotator.model.decision import Exit
from rotator.model.event import Kind

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md", "playbooks/*.md")
    for path in ROOT.glob(pattern)
    if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
)
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
_COMMAND = re.compile(r"(?:^|\s)rotate ([a-z]+)(?: ([a-z]+))?([^\n;]*)")

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def known() -> dict[str, Any]:
    """Every command, groups spelled out: `config check`."""
    app = typer.Typer()
    commands.register(app)
    top: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # a group, by its type
    found: dict[str, Any] = {}
    for name, command in top.items():
        inner = getattr(command, "commands", None)
        found |= {name: command} if inner is None else {f"{name} {verb}": one for verb, one in inner.items()}
    return found


KNOWN = known()


def options(command: Any) -> set[str]:
    return {word for parameter in command.params for word in parameter.opts} | {"--help", "-h"}


def code(text: str) -> Iterator[str]:
    """What a reader would type or copy: fenced blocks, their wrapped lines joined, and spans."""
    for block in _FENCED.finditer(text):
        yield block[2].replace("\\\n", " ")
    yield from (span[1] for span in _SPAN.finditer(_FENCED.sub("", text)))


def prose(text: str) -> str:
    return _LINK.sub("", _SPAN.sub("", _FENCED.sub("", text)))


def slug(heading: str) -> str:
    """An anchor as GitHub makes it."""
    kept = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
    return kept.strip().replace(" ", "-")


@every_page
def test_every_command_and_option_that_a_page_names_exists(page: Path) -> None:
    for text in code(page.read_text()):
        for first, second, rest in _COMMAND.findall(text):
            name = f"{first} {second}" if f"{first} {second}" in KNOWN else first
            if name not in KNOWN:
                assert any(one.startswith(f"{first} ") for one in KNOWN), f"rotate {first} does not exist: {text}"
                assert not second or f"{first} {second}" in KNOWN, f"rotate {first} {second} does not exist"
                continue
            unknown = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", rest)) - options(KNOWN[name])
            assert not {word for word in unknown if word.startswith("--")} - {"--key"}, f"rotate {name}{rest}"


def test_the_reference_names_every_command_with_every_option_of_its_own() -> None:
    reference = (ROOT / "docs/reference/commands.md").read_text()
    missing = [name for name in KNOWN if f"`rotate {name}" not in reference]
    assert missing == []
    everywhere = {"--config", "--json", "--by", "--reason", "--help", "-h"}
    for name, command in KNOWN.items():
        rows = [line for line in reference.splitlines() if line.startswith(f"| `rotate {name}")]
        assert len(rows) == 1, name
        if name.startswith("sandbox"):
            continue  # their help says it; the reference names what example 01 needs
        long = {word for word in options(command) - everywhere if word.startswith("--")}
        assert {word for word in long if word not in rows[0]} == set(), name


def test_the_readme_names_every_command_that_rotates_or_repairs() -> None:
    text = (ROOT / "README.md").read_text()
    missing = [
        name
        for name in ("demo", "init", "config check", "plan", "start", "verify", "finish", "status", "rollback")
        if f"rotate {name}" not in text
    ]
    assert missing == []


def test_the_exit_codes_page_lists_exactly_the_codes_that_there_are() -> None:
    page = (ROOT / "docs/reference/exit-codes.md").read_text()
    listed = [int(number) for number in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)]
    assert listed == [int(code) for code in Exit]


def test_the_readme_lists_exactly_the_exit_codes_that_there_are() -> None:
    text = (ROOT / "README.md").read_text().partition("## Exit codes")[2].partition("## ")[0]
    listed = re.findall(r"(?:^|· )(\d+) ", " ".join(text.split()))
    assert [int(number) for number in listed] == [int(code) for code in Exit]


def test_the_exit_codes_page_names_every_word_of_an_error() -> None:
    page = (ROOT / "docs/reference/exit-codes.md").read_text()
    words = {one.code for one in vars(errors).values() if isinstance(one, type) and hasattr(one, "code")}
    for file in (ROOT / "rotator/cli").rglob("*.py"):
        words |= set(re.findall(r'\btell\(\s*"(\w+)"', file.read_text()))
    assert {"interrupted", "bug"} < words
    assert {word for word in words - {"error"} if f"`{word}`" not in page} == set()


def test_the_journal_page_lists_exactly_the_kinds_of_events_that_there_are() -> None:
    table = (ROOT / "docs/reference/journal.md").read_text().partition("| kind | means |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert {word for row in rows for word in _SPAN.findall(row)} == {kind.value for kind in Kind}


def test_the_readme_asks_for_exactly_the_permissions_that_are_used() -> None:
    source = (ROOT / "rotator/adapters/store/aws_calls.py").read_text()
    used = set(re.findall(r"_do\(\s*\"(\w+)\"", source))
    text = (ROOT / "README.md").read_text()
    assert set(re.findall(r'"secretsmanager:(\w+)"', text)) == used


@every_page
def test_every_make_rule_and_every_module_that_a_page_names_exists(page: Path) -> None:
    rules = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for text in code(page.read_text()):
        assert set(re.findall(r"(?:^|\s|@)make ([a-z]+)", text)) <= rules, text
        for module in re.findall(r"python3? -m ((?:rotator|tests)[\w.]*)", text):
            path = ROOT / module.replace(".", "/")
            assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), text


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    text = _FENCED.sub("", page.read_text())
    for link in _LINK.findall(text):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        goal = (page.parent / path).resolve() if path else page
        assert goal.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)$", _FENCED.sub("", goal.read_text()), re.MULTILINE)
            assert anchor in {slug(heading) for heading in headings}, link


@every_page
def test_words_that_mean_three_things_elsewhere_are_not_used(page: Path) -> None:
    """DESIGN section 1. `stage` is a verb here: what is done to a pending version."""
    text = prose(page.read_text())
    assert re.findall(r"\b(?:providers?|targets?|stages)\b", text, re.IGNORECASE) == []
    assert re.findall(r"\b(?:an?|the|this|that|each|every|one|which|next|last) stage\b", text, re.IGNORECASE) == []


@pytest.mark.parametrize("page", ["README.md", "docs/reference/rotate-yaml.md"])
def test_a_whole_rotate_yaml_in_a_page_is_one(page: str, tmp_path: Path) -> None:
    wholes = [
        block[2]
        for block in _FENCED.finditer((ROOT / page).read_text())
        if block[1] == "yaml" and block[2].startswith("version:")
    ]
    assert wholes
    for text in wholes:
        (tmp_path / "rotate.yaml").write_text(text)
        config = load_config(tmp_path / "rotate.yaml")
        for credential in config.credentials.values():
            assert load_playbook(credential.playbook, tmp_path)
