"""Would a rotation work? Tries each thing that its plan needs, without effect, and says what could not be tried."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rotator.core.check.diagnosis import Finding
from rotator.core.check.readiness import Answer, Need
from rotator.core.check.whereabouts import Whereabouts
from rotator.model.config import AwsSecretRef, Credential, SecretRef
from rotator.model.errors import OutsideError, RotatorError
from rotator.model.keys import Holding, Label
from rotator.model.measure import Cause, Verdict

if TYPE_CHECKING:
    from rotator.cli.check_key import Checked
    from rotator.model.config import Consumer
    from rotator.model.rotation import Rotation
    from rotator.ports import SecretStore
    from rotator.steps import Ports
    from rotator.wiring import Workplace


def readiness(
    place: Workplace,
    credential: Credential,
    ports: Ports,
    where: Whereabouts,
    key: Checked | None,
    rotation: Rotation | None,
) -> Iterator[Need]:
    """`rotation`: the one that is open; what it has begun is in nobody's way."""
    yield from _playbook(place, credential)
    for ref in credential.secrets:
        yield from _secret(ref, ports.stores[str(ref)], where, rotation)
    for consumer in credential.consumers:
        yield from _consumer(place, consumer, ports, where, key)
    yield from _books(credential, key)


def _playbook(place: Workplace, credential: Credential) -> Iterator[Need]:
    try:
        playbook = place.playbook(credential)
        place.plan(credential, playbook)
    except RotatorError as error:
        yield Need(part="plan", what="playbook", answer=Answer.NO, why=error.message, fix=error.hint)
    else:
        yield Need(part="plan", what=f"playbook {playbook.name}", answer=Answer.YES)


def _secret(ref: SecretRef, store: SecretStore, where: Whereabouts, rotation: Rotation | None) -> Iterator[Need]:
    need = partial(Need, part=str(ref))
    labels = {held.label: held for held in where.secrets if held.secret == str(ref)}
    if labels[Label.CURRENT].unreadable:  # the remark on who holds what says why
        yield need(what="permissions, its state", answer=Answer.UNTRIED, why="it cannot be read")
        return
    if isinstance(ref, AwsSecretRef):
        from rotator.adapters.store.aws_rights import rehearsed

        yield from rehearsed(ref)
    what = "writable" if isinstance(ref, AwsSecretRef) else "permissions"
    try:
        warnings, holding, lagging = store.warnings(), store.holder(), store.lagging()
    except OutsideError as error:
        answer = Answer.UNTRIED if error.transient else Answer.NO
        yield need(what=what, answer=answer, why=error.message, fix=error.hint)
        return
    yield need(what=what, answer=Answer.YES)
    yield from (need(what="its history", answer=Answer.UNTRIED, why=warning) for warning in warnings)
    yield _nobody_else(str(ref), holding, rotation)
    if lagging:
        why = f"copies that lag behind: {', '.join(lagging)}"
        yield need(what="its copies", answer=Answer.NO, why=why, fix="Wait, then check again.")
    yield _way_back(str(ref), labels.get(Label.PREVIOUS) is not None)


def _nobody_else(part: str, holding: Holding | None, rotation: Rotation | None) -> Need:
    """A pending version that is not the open rotation's is never overwritten (law 5)."""
    claim = holding.claim if holding is not None else None
    if holding is None or (claim is not None and rotation is not None and claim.rotation == rotation.id):
        return Need(part=part, what="nobody else at work", answer=Answer.YES)
    if claim is None:
        why = f"{holding.version_id}, which is not ours ({holding.detail or 'no claim'})"
        fix = "Let its owner finish; where nobody knows it, discard the pending version."
    else:
        why = f"{holding.version_id}, of rotation {claim.rotation} by {claim.by}, since {claim.at:%Y-%m-%d}"
        fix = "Let that rotation finish, or end it: another journal may know of it."
    return Need(part=part, what="another's pending version", answer=Answer.NO, why=why, fix=fix)


def _way_back(part: str, there: bool) -> Need:
    need = partial(Need, part=part, what="a previous version to go back to")
    if there:
        return need(answer=Answer.YES)
    return need(answer=Answer.UNTRIED, why="there is none; the next rotation makes the present key the previous one")


def _consumer(
    place: Workplace, consumer: Consumer, ports: Ports, where: Whereabouts, key: Checked | None
) -> Iterator[Need]:
    need = partial(Need, part=consumer.name)
    seen = next(one for one in where.consumers if one.consumer == consumer.name)
    if seen.asks:
        yield need(what="observed", answer=Answer.UNTRIED, why="a person is asked during the rotation")
    elif seen.instances:
        telling, all_ = sum(one.fingerprint is not None for one in seen.instances), len(seen.instances)
        what = f"observed ({all_})" if telling == all_ else f"observed ({telling} of {all_})"
        yield need(what=what, answer=Answer.YES if telling == all_ else Answer.UNTRIED)
    # Where it could not be observed, the remark on who holds what says so.
    if consumer.deploy is not None:
        yield _command(consumer.name, consumer.deploy.command, Path(place.config.path).parent)
    probe = ports.probes.get(consumer.name)
    if probe is None:
        return
    ping = probe.measure()
    if ping.cause is Cause.UNAUTHENTICATED and key is not None and key.diagnosis.finding is Finding.WRONG:
        why = "the current key is refused, which a rotation mends"
        yield need(what="probe", answer=Answer.UNTRIED, why=why)
        return
    answers = {Verdict.PASSED: Answer.YES, Verdict.FAILED: Answer.NO}
    answer = answers.get(ping.verdict, Answer.UNTRIED)
    fix = f"Look at what {consumer.name} answers there: a rotation waits for it." if answer is Answer.NO else ""
    yield need(what="probe", answer=answer, why="" if answer is Answer.YES else ping.why, fix=fix)


def _command(name: str, command: Sequence[str], folder: Path) -> Need:
    """Whether the deploy's program is there. It is not run: that would be a deploy."""
    program = command[0]
    found = shutil.which(program) or (shutil.which(str(folder / program)) if "/" in program else None)
    if found:
        return Need(part=name, what="deploy command found", answer=Answer.YES)
    fix = f"Correct `deploy: command:` of {name}, or install the program here."
    return Need(part=name, what="deploy command", answer=Answer.NO, why=f"there is no program {program}", fix=fix)


def _books(credential: Credential, key: Checked | None) -> Iterator[Need]:
    need = partial(Need, part="Anthropic")
    if credential.issuer.admin_key is None:
        why = "no Admin key: a person disables and archives the old key in the Console"
        yield need(what="disable, archive", answer=Answer.UNTRIED, why=why)
        return
    books = key.symptoms.books if key else None
    if books is None:
        return
    if books.unable:
        answer = Answer.UNTRIED if books.passing else Answer.NO
        fix = "Look at what `admin_key:` and `key_id:` in rotate.yaml name."
        yield need(what="key records", answer=answer, why=books.unable, fix=fix)
        return
    if books.others:
        why = "several records look like the current key"
        fix = "Name its record: `key_id:` in rotate.yaml."
        yield need(what="the key's record", answer=Answer.NO, why=why, fix=fix)
    else:
        yield need(what="key records", answer=Answer.YES)
    yield need(what="disable, archive", answer=Answer.UNTRIED, why="Anthropic offers no dry run of a change of status")
