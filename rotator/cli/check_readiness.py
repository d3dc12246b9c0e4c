"""Would a rotation work? Tries each thing that its plan needs, without effect, and says what could not be tried."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rotator.core.holders import Holders
from rotator.core.readiness import Answer, Tried
from rotator.model.config import AwsSecretRef, Credential
from rotator.model.errors import OutsideError, RotatorError
from rotator.model.keys import Label
from rotator.model.measure import Verdict

if TYPE_CHECKING:
    from rotator.cli.check_key import Checked
    from rotator.ports import SecretStore
    from rotator.steps import Ports
    from rotator.wiring import Workplace


def readiness(
    place: Workplace, credential: Credential, ports: Ports, held: Holders, key: Checked | None
) -> Iterator[Tried]:
    yield from _playbook(place, credential)
    for ref in credential.secrets:
        yield from _store(ref, ports.stores[str(ref)], str(ref))
        yield _way_back(str(ref), held)
    for consumer in credential.consumers:
        yield from _consumer(place, credential, consumer.name, ports, held)
    yield from _books(place, credential, key)


def _playbook(place: Workplace, credential: Credential) -> Iterator[Tried]:
    try:
        playbook = place.playbook(credential)
        place.plan(credential, playbook)
    except RotatorError as error:
        yield Tried(part="plan", what="playbook", answer=Answer.NO, why=error.message, fix=error.hint)
    else:
        yield Tried(part="plan", what=f"playbook {playbook.name}, journal", answer=Answer.YES)


def _store(ref: object, store: SecretStore, part: str) -> Iterator[Tried]:
    if isinstance(ref, AwsSecretRef):
        from rotator.adapters.store.aws_rights import rehearsed

        yield from rehearsed(ref)
    else:
        yield from _foreseen(store, part)
    try:
        holding, lagging = store.holder(), store.lagging()
    except OutsideError as error:
        yield Tried(part=part, what="its state", answer=Answer.NO, why=error.message, fix=error.hint)
        return
    if holding is not None and holding.claim is None:
        why = f"version {holding.version_id} is pending, and not ours ({holding.detail or 'no claim'})"
        yield Tried(part=part, what="nobody else at work", answer=Answer.NO, why=why, fix="Let its owner finish.")
    else:
        yield Tried(part=part, what="nobody else at work", answer=Answer.YES)
    if lagging:
        why = f"copies that lag behind: {', '.join(lagging)}"
        yield Tried(part=part, what="its copies", answer=Answer.NO, why=why, fix="Wait, then check again.")


def _foreseen(store: SecretStore, part: str) -> Iterator[Tried]:
    try:
        warnings = store.warnings()
    except OutsideError as error:
        yield Tried(part=part, what="permissions", answer=Answer.NO, why=error.message, fix=error.hint)
        return
    yield Tried(part=part, what="permissions", answer=Answer.YES)
    for warning in warnings:
        yield Tried(part=part, what="its history", answer=Answer.UNTRIED, why=warning)


def _way_back(part: str, held: Holders) -> Tried:
    there = any(one.secret == part and one.label is Label.PREVIOUS and one.key for one in held.secrets)
    if there:
        return Tried(part=part, what="a previous version to go back to", answer=Answer.YES)
    why = "no previous version; the next rotation makes the present key the previous one"
    return Tried(part=part, what="a previous version to go back to", answer=Answer.UNTRIED, why=why)


def _consumer(place: Workplace, credential: Credential, name: str, ports: Ports, held: Holders) -> Iterator[Tried]:
    consumer = next(one for one in credential.consumers if one.name == name)
    seen = next(one for one in held.consumers if one.consumer == name)
    if seen.asks:
        yield Tried(part=name, what="observed", answer=Answer.UNTRIED, why="a person is asked during the rotation")
    elif seen.instances:
        yield Tried(part=name, what=f"observed ({len(seen.instances)})", answer=Answer.YES)
    # Where it could not be observed, the remark on who holds what says so.
    if consumer.deploy is not None:
        yield _command(name, consumer.deploy.command[0], Path(place.config.path).parent)
    probe = ports.probes.get(name)
    if probe is not None:
        ping = probe.measure()
        answers = {Verdict.PASSED: Answer.YES, Verdict.FAILED: Answer.NO}
        yield Tried(part=name, what="probe", answer=answers.get(ping.verdict, Answer.UNTRIED), why=ping.why)


def _command(name: str, program: str, folder: Path) -> Tried:
    """Whether the deploy's program is there. It is not run: that would be a deploy."""
    found = shutil.which(program) or (shutil.which(str(folder / program)) if "/" in program else None)
    if found:
        return Tried(part=name, what="deploy command found", answer=Answer.YES)
    fix = f"Correct `deploy: command:` of {name}, or install the program here."
    return Tried(part=name, what="deploy command", answer=Answer.NO, why=f"there is no program {program}", fix=fix)


def _books(place: Workplace, credential: Credential, key: Checked | None) -> Iterator[Tried]:
    if credential.issuer.admin_key is None:
        why = "no Admin key: a person disables and archives the old key in the Console"
        yield Tried(part="Anthropic", what="disable, archive", answer=Answer.UNTRIED, why=why)
        return
    books = key.symptoms.books if key else None
    if books is None:
        return
    if books.unable:
        fix = "Look at what `admin_key:` in rotate.yaml names."
        yield Tried(part="Anthropic", what="key records", answer=Answer.NO, why=books.unable, fix=fix)
        return
    if books.others:
        why = "several records look like the current key"
        fix = "Name its record: `key_id:` in rotate.yaml."
        yield Tried(part="Anthropic", what="the key's record", answer=Answer.NO, why=why, fix=fix)
    else:
        yield Tried(part="Anthropic", what="key records", answer=Answer.YES)
    why = "Anthropic offers no dry run of a change of status"
    yield Tried(part="Anthropic", what="disable, archive", answer=Answer.UNTRIED, why=why)
