"""What a world writes for the command line: a `rotate.yaml` as a person would, and a playbook with short waits."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rotator.sandbox.instances import Spec

CREDENTIAL = "prod-chat"

PLAYBOOK = """\
name: demo
why: The order, the gates and the proofs are those of standard; only the waits are seconds instead of hours.
adopt: {patience: 10s}
pings: {count: 3, interval: 300ms, patience: 10s, inference: true}
deploy: {waves: ordered, timeout: 60s}
observe: {interval: 500ms, timeout: 60s}
drain: {quiet_for: 2s, lag: 1s, unproven: ask}
soak: 4s
approvals: {disable: ask, archive: ask}
reenable: auto
deadline: 1h
"""


def write_playbook(directory: Path) -> Path:
    path = directory / "demo-playbook.yaml"
    path.write_text(PLAYBOOK)
    return path


def write_config(
    directory: Path,
    *,
    secrets: Sequence[str],
    admin_key_file: Path | None,
    fleet: str,
    specs: Sequence[Spec],
    hot_urls: Mapping[str, Sequence[str]],
    playbook: Path,
    vault: str = "",
) -> Path:
    """A `rotate.yaml` of this world. A JSON text is also YAML, which settles how paths and URLs are quoted.

    `admin_key_file` None: there is no Admin key. `vault`: the block of that name, or nothing.
    """
    consumers = "".join(
        _boot(spec, wave, fleet) if spec.kind == "boot" else _hot(spec, hot_urls[spec.name], fleet)
        for wave, spec in enumerate(specs, start=1)
    )
    places = "".join(f"      - {json.dumps(secret)}\n" for secret in secrets)
    admin = f"admin_key: {json.dumps(f'file:{admin_key_file}')}" if admin_key_file is not None else ""
    path = directory / "rotate.yaml"
    path.write_text(
        f"""\
version: 1
journal: {json.dumps(f"sqlite:///{directory / 'journal.db'}")}
{vault}\
credentials:
  {CREDENTIAL}:
    issuer:
      anthropic: {{{admin}}}
    secrets:
{places}\
    consumers:
{consumers}\
    playbook: {json.dumps(str(playbook))}
"""
    )
    return path


def _boot(spec: Spec, wave: int, fleet: str) -> str:
    """Reads the key at boot: a rolling deploy, one wave after the other."""
    return f"""\
      - name: {spec.name}
        wave: {wave}
        cadence: 2s
        command: {{observe: {_fleetctl("observe", spec.name)}}}
        deploy: {{command: {_fleetctl("deploy", spec.name)}}}
        probe: {{http: {{url: {json.dumps(f"{fleet}/ask/{spec.name}")}, expect: 200}}}}
"""


def _hot(spec: Spec, urls: Sequence[str], fleet: str) -> str:
    """Follows the secret by itself: observed at fixed addresses, never deployed."""
    health = json.dumps([f"{url}/healthz" for url in urls])
    return f"""\
      - name: {spec.name}
        cadence: 2s
        http: {{urls: {health}, fingerprint: anthropic_key.fingerprint}}
        probe: {{http: {{url: {json.dumps(f"{fleet}/ask/{spec.name}")}, expect: 200}}}}
"""


def _fleetctl(verb: str, name: str) -> str:
    return json.dumps([sys.executable, "-m", "rotator.sandbox.fleetctl", verb, name])
