"""What a world writes is what an operator could have written: the real loader takes it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from rotator.loader import load_config, load_playbook
from rotator.model.config import CommandDeploy, CommandWatch, HttpProbe, HttpWatch
from rotator.sandbox.instances import DEFAULT_FLEET
from rotator.sandbox.world_files import CREDENTIAL, write_config, write_playbook

FLEET = "http://127.0.0.1:7000"


def test_the_loader_takes_the_configuration_and_its_playbook(tmp_path: Path) -> None:
    odd = tmp_path / 'a "quoted": folder #1'
    odd.mkdir()
    path = write_config(
        odd,
        secrets=["aws-sm://eu-west-1/prod/anthropic#ANTHROPIC_API_KEY"],
        admin_key_file=odd / "admin.key",
        fleet=FLEET,
        specs=DEFAULT_FLEET,
        hot_urls={"edge": ["http://127.0.0.1:7001", "http://127.0.0.1:7002"]},
        playbook=write_playbook(odd),
    )
    credential = load_config(path).credentials[CREDENTIAL]
    assert str(credential.issuer.admin_key) == f"file:{odd / 'admin.key'}"
    chat, worker, edge = credential.consumers
    assert (chat.wave, worker.wave, chat.cadence) == (1, 2, timedelta(seconds=2))
    assert isinstance(chat.watch, CommandWatch)
    assert chat.watch.observe[-2:] == ("observe", "chat-api")
    assert isinstance(chat.deploy, CommandDeploy)
    assert chat.probe == HttpProbe(url=f"{FLEET}/ask/chat-api")
    assert isinstance(edge.watch, HttpWatch)
    assert edge.watch.urls == ("http://127.0.0.1:7001/healthz", "http://127.0.0.1:7002/healthz")
    assert edge.deploy is None

    playbook = load_playbook(credential.playbook, odd)
    assert (playbook.name, playbook.soak) == ("demo", timedelta(seconds=4))
    assert playbook.observe_interval == timedelta(milliseconds=500)
