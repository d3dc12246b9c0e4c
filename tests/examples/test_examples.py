"""Every example is loaded, its scripts compile, and the commands of its README that reach no other system are run."""

from __future__ import annotations

import importlib.util
import json
import re
import string
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from rotator.cli import commands
from rotator.core.hygiene import inspect
from rotator.core.plan import ARCHIVE, DISABLE, build
from rotator.loader import load_config, load_playbook
from rotator.model.config import CommandDeploy
from rotator.model.keys import Fingerprint

EXAMPLES = Path(__file__).parents[2] / "examples"
FOLDERS = sorted(path for path in EXAMPLES.iterdir() if path.is_dir() and not path.name.startswith((".", "_")))
every_example = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
every_rotation = pytest.mark.parametrize(
    "folder", [folder for folder in FOLDERS if (folder / "rotate.yaml").is_file()], ids=lambda folder: folder.name
)


def rotate(*words: str) -> tuple[int, str]:
    app = typer.Typer()
    commands.register(app)
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, result.output


def test_there_are_examples_and_the_index_names_each() -> None:
    index = (EXAMPLES / "README.md").read_text()
    assert len(FOLDERS) >= 3
    assert [folder.name for folder in FOLDERS if f"({folder.name}/README.md)" not in index] == []


@every_rotation
def test_its_configuration_makes_a_plan_that_ends_with_the_old_key_archived(folder: Path) -> None:
    config = load_config(folder / "rotate.yaml")
    for credential in config.credentials.values():
        playbook = load_playbook(credential.playbook, folder)
        plan = build(credential, playbook, first=False, managed=True)
        steps = [step.id for step in plan.steps]
        assert steps.index(DISABLE) < steps.index(ARCHIVE)


@every_example
def test_its_readme_names_files_that_are_there(folder: Path) -> None:
    text = (folder / "README.md").read_text()
    named = set(re.findall(r"\]\(([\w.-]+)\)", text)) | set(re.findall(r"\bpython (\w+\.py)\b", text))
    assert {name for name in named if not [*folder.rglob(name)]} == set()


@every_example
def test_its_scripts_compile(folder: Path) -> None:
    for script in folder.rglob("*.py"):
        compile(script.read_text(), str(script), "exec")


@every_rotation
def test_its_deploy_commands_are_there(folder: Path) -> None:
    for credential in load_config(folder / "rotate.yaml").credentials.values():
        for consumer in credential.consumers:
            if isinstance(consumer.deploy, CommandDeploy):
                program, script = consumer.deploy.command
                assert program == "python"
                assert (folder / script).is_file()


@every_rotation
def test_config_check_and_plan_accept_it(folder: Path) -> None:
    code, said = rotate("config", "check", "--config", str(folder))
    assert (code, "is fine" in said) == (0, True), said
    code, said = rotate("plan", "prod-chat", "--config", str(folder), "--json")
    assert code == 0, said
    assert json.loads(said)["steps"][0]["step"] == "adopt"


def test_the_crontab_runs_a_command_that_exists() -> None:
    (line,) = [
        line for line in (EXAMPLES / "02-unattended/crontab").read_text().splitlines() if not line.startswith("#")
    ]
    *when, command = line.split(maxsplit=5)
    assert len(when) == 5
    verb = command.split()[1]
    code, said = rotate(verb, "--help")
    assert (code, "--config" in said) == (0, True)


def test_the_services_of_the_first_example_tell_the_fingerprint_that_rotate_expects() -> None:
    path = EXAMPLES / "01-rotate-on-aws/web.py"
    spec = importlib.util.spec_from_file_location("example_web", path)
    assert spec is not None
    assert spec.loader is not None
    web = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(web)
    key = inspect("sk-ant-" + "api99-" + (string.ascii_letters * 2)[:93] + "AA").key
    assert key is not None
    assert web.fingerprint(key.reveal()) == Fingerprint.of(key.reveal()).digest == key.fingerprint.digest
