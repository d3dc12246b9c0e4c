"""`rotate demo`: a whole rotation by the product's own engine and wiring, told in a sentence a phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from rotator.cli.demo_result import Result
from rotator.cli.demo_scenes import Scene, person, refused
from rotator.cli.demo_traffic import TrafficFeed, traffic_line
from rotator.cli.screen import Screen
from rotator.cli.words import ending
from rotator.cli.work import code
from rotator.core.approval import UNPROVEN
from rotator.core.status import status
from rotator.engine import Run, Yes, advance
from rotator.model.canonical import JsonObject
from rotator.model.decision import Ask, Decision, Exit, Stop, Wait
from rotator.model.event import Event, Kind
from rotator.model.keys import KeyText
from rotator.model.measure import Verdict
from rotator.model.plan import Phase, StepId
from rotator.model.rotation import Outcome, Rotation
from rotator.opening import open_rotation
from rotator.sandbox.world import World
from rotator.sandbox.world_files import CREDENTIAL
from rotator.session import Session
from rotator.steps import Ports
from rotator.wiring import Workplace, open_workplace

_WHO: Final = "demo"
_AFTERWARDS: Final = timedelta(seconds=1)
"""Traffic goes on for so long after the old key is gone: what fails because of that is counted, too."""

_READING: Final = timedelta(seconds=4)
"""On a terminal, before a phase: a person cannot follow otherwise, the sandbox is too quick."""

_TOLD: Final = {
    Phase.EXPAND: "EXPAND: add the new key beside the old one, then deploy. Both keys work, so nothing can break.",
    Phase.OVERLAP: "OVERLAP: both keys stay active until every instance is proven to hold the new one.",
    Phase.CONTRACT: "CONTRACT: now the old key can go. It is disabled first, because that can be undone.",
}
_SOAK: Final = "SOAK: the old key is dead but not gone. If an instance still needed it, it would be enabled again now."
_ARCHIVE: Final = "ARCHIVE: nobody missed the old key, so it goes for good. This alone cannot be undone."


def rotate(
    world: World, screen: Screen, begun: datetime, scene: Scene = Scene.WHOLE
) -> tuple[Result, int, JsonObject, Ask | Stop | Wait | None]:
    """The result, the exit code (0 only where it ended as it should and no request failed), the status, the end."""
    new_key = world.new_key("demo, new")
    place = open_workplace(str(world.config_path))
    session = place.session(CREDENTIAL, _Narrator(screen).listen)
    end = _phases(world, screen, scene, place, session, new_key)
    result = _result(world, session, new_key, (place.clock.now() - begun).total_seconds())
    for failure in world.traffic().failures[:3]:
        screen.say(f"failed at {failure.at:%H:%M:%S.%f}, through {failure.instance}: {failure.what}")
    report = status(CREDENTIAL, session.rotation, place.clock.now())
    if scene is Scene.STRAGGLER:
        fine = refused(result, report, end) and result.failed_requests == 0
        return result, 0 if fine else int(Exit.BUG), report, end
    return result, _exit(end, result, screen), report, end


def _phases(
    world: World, screen: Screen, scene: Scene, place: Workplace, session: Session, new_key: KeyText
) -> Ask | Stop | Wait | None:
    """EXPAND, OVERLAP and CONTRACT under traffic, each told before; how the last one ended."""
    credential = place.credential(CREDENTIAL)
    plan, ports = place.plan(credential, place.playbook(credential)), place.ports(credential)
    names = {world.old_key.fingerprint.digest: "old key", new_key.fingerprint.digest: "new key"}
    yes = Yes(by=_WHO, reason="the demo says yes where you would be asked")
    said = {"disable": yes, "archive": yes} | ({} if scene is Scene.STRAGGLER else {UNPROVEN: yes})
    end: Ask | Stop | Wait | None = None
    with TrafficFeed(world, screen, names) as feed, session:
        feed.show()
        for phase in Phase:
            screen.say(_TOLD[phase])
            if feed.visible and phase is not Phase.OVERLAP:  # the cutover's time is not the reader's
                place.clock.sleep(_READING)
            if phase is Phase.EXPAND:
                for warning in open_rotation(session, ports, plan, _WHO):
                    screen.say(f"warning: {warning}")
            key = new_key if phase is Phase.EXPAND else None
            run = Run(by=_WHO, horizon=phase, stay=None, key=key, yes=said)
            if scene is Scene.NO_ADMIN and phase is Phase.CONTRACT:
                end = person(world, screen, partial(_answering, session, ports, run), said)
            else:
                end = advance(session, ports, run)
            if not feed.visible:
                screen.say(traffic_line(world.traffic(), names))
            if not (isinstance(end, Stop) and end.exit is Exit.DONE):
                break
        place.clock.sleep(_AFTERWARDS)
        feed.show()
    return end


def _result(world: World, session: Session, new_key: KeyText, seconds: float) -> Result:
    traffic, rotation = world.traffic(), session.rotation
    return Result(
        outcome=rotation.outcome.value if rotation is not None else Outcome.OPEN.value,
        requests=traffic.requests,
        failed_requests=traffic.failed,
        seconds=seconds,
        cutover_seconds=_cutover(session),
        old_key_status=world.key_status(world.key_id(world.old_key)).value,
        new_key_status=world.key_status(world.key_id(new_key)).value,
        consumers=len(rotation.plan.consumers) if rotation is not None else 0,
        events=len(session.events),
    )


def _answering(session: Session, ports: Ports, run: Run, yes: Mapping[str, Yes]) -> Ask | Stop | Wait:
    return advance(session, ports, replace(run, yes=yes))


def _exit(end: Ask | Stop | Wait | None, result: Result, screen: Screen) -> int:
    if result.outcome != Outcome.COMPLETED.value and end is not None:
        screen.say(f"it went no further: {ending(end)}")
        return int(code(end, owing=False)) or int(Exit.BUG)
    return 0 if result.failed_requests == 0 else int(Exit.BUG)


class _Narrator:
    """Says why, just before a step whose name alone would not tell."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._said: set[str] = set()

    def listen(self, rotation: Rotation, what: Event | Decision) -> None:
        if isinstance(what, Event):
            step = StepId.parse(what.step or "").verb
            if what.kind is Kind.INTENDED and step == "archive":
                self._once(_ARCHIVE)
            elif what.kind is Kind.MEASURED and step == "soak":
                self._once(_SOAK)
        self._screen.listen(rotation, what)

    def _once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._screen.say(text)


def _cutover(session: Session) -> float | None:
    """Seconds from the first promotion to the last consumer's first observation on the new key, by the journal."""
    promoted = [event.at for event in session.events if _is(event, "promote", Kind.INTENDED)]
    proven: dict[str, datetime] = {}
    for event in session.events:
        if _is(event, "observe", Kind.MEASURED) and event.data.get("verdict") == Verdict.PASSED.value:
            proven.setdefault(StepId.parse(event.step or "").subject, event.at)
    wanted: Sequence[str] = [] if session.rotation is None else [c.name for c in session.rotation.plan.consumers]
    if not promoted or not wanted or set(proven) != set(wanted):
        return None
    return (max(proven.values()) - min(promoted)).total_seconds()


def _is(event: Event, verb: str, kind: Kind) -> bool:
    return event.kind is kind and StepId.parse(event.step or "").verb == verb
