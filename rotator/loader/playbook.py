"""Playbooks: shipped ones by name, one's own by path."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

import rotator
from rotator.loader.document import Document, read_document
from rotator.loader.durations import format_duration
from rotator.loader.explain import explain
from rotator.loader.fields import Between, Name, Shape, Text
from rotator.loader.find import expanded
from rotator.loader.problems import Problem, nearest, refusal
from rotator.loader.rules import empties
from rotator.model.config import Drain, Pings, Playbook
from rotator.model.errors import ConfigError

HINT = "playbooks/README.md explains every parameter; a copy of `standard.yaml` is a good beginning."
Interval = Annotated[timedelta, Between("100ms", "1h")]
Patience = Annotated[timedelta, Between("0s", "24h")]
Timeout = Annotated[timedelta, Between("100ms", "30d")]
Period = Annotated[timedelta, Between("0s", "90d")]
Deadline = Annotated[timedelta, Between("1s", "365d")]


class AdoptShape(Shape):
    patience: Patience


class PingsShape(Shape):
    count: Annotated[int, Field(ge=1, le=100)]
    interval: Interval
    patience: Patience
    inference: bool


class DeployShape(Shape):
    waves: Literal["ordered", "together"]
    timeout: Timeout


class ObserveShape(Shape):
    interval: Interval
    timeout: Timeout


class DrainShape(Shape):
    quiet_for: Period
    lag: Patience
    unproven: Literal["ask", "accept", "refuse"]


class ApprovalsShape(Shape):
    disable: Literal["ask", "scheduled"]
    archive: Literal["ask", "scheduled"]


class PlaybookShape(Shape):
    """Policy in full: nothing has a default, so that a playbook says everything that it decides."""

    name: Name
    why: Text
    adopt: AdoptShape
    pings: PingsShape
    deploy: DeployShape
    observe: ObserveShape
    drain: DrainShape
    soak: Period
    approvals: ApprovalsShape
    reenable: Literal["auto", "never"]
    deadline: Deadline


def load_playbook(name_or_path: str, relative_to: Path | str) -> Playbook:
    """A shipped playbook by its name; with a `/` or `.yaml` in it, a file (relative to the folder `relative_to`).

    Raises one `ConfigError` that names everything wrong.
    """
    if "/" in name_or_path or name_or_path.endswith((".yaml", ".yml")):
        return _read(Path(relative_to) / expanded(name_or_path))
    shipped = shipped_playbooks()
    if name_or_path not in shipped:
        meant = nearest(name_or_path, shipped)
        raise ConfigError(
            f"there is no playbook {name_or_path[:64]!r}" + (f"; did you mean `{meant}`?" if meant else ""),
            f"Shipped ones: {', '.join(shipped)}. One of your own is named by its path: ./{name_or_path[:64]}.yaml",
        )
    return _read(_folder() / f"{name_or_path}.yaml")


def shipped_playbooks() -> tuple[str, ...]:
    """Names of the playbooks that come with the package, sorted."""
    return tuple(sorted(path.stem for path in _folder().glob("*.yaml")))


def _folder() -> Path:
    """Inside the package where a wheel put them, beside it in a checkout."""
    package = Path(rotator.__file__).parent
    inside = package / "playbooks"
    return inside if inside.is_dir() else package.parent / "playbooks"


def _read(path: Path) -> Playbook:
    document = read_document(path)
    problems = [*document.problems, *empties(document)]
    try:
        shape = PlaybookShape.model_validate(document.data)
    except ValidationError as error:
        empty = {problem.place for problem in problems}
        problems += [problem for problem in explain(error, PlaybookShape, document) if problem.place not in empty]
    if problems:
        raise refusal(str(path), problems, HINT) from None
    contradictions = _contradictions(shape, document)
    if contradictions:
        raise refusal(str(path), contradictions, HINT)
    return _playbook(shape)


def _contradictions(shape: PlaybookShape, document: Document) -> list[Problem]:
    found: list[Problem] = []

    def contradict(key: str, text: str, hint: str) -> None:
        found.append(Problem((key,), document.line((key,)), text, hint))

    waits: timedelta = shape.drain.quiet_for + shape.drain.lag + shape.soak
    if waits >= shape.deadline:
        contradict(
            "deadline",
            f"drain and soak alone take {format_duration(waits)}, and the deadline is "
            f"{format_duration(shape.deadline)}: no rotation could ever be finished in time",
            "Raise the deadline, or shorten the waits.",
        )
    if shape.observe.interval > shape.observe.timeout:
        contradict("observe", "the interval is longer than the timeout: there would be one look only", "Shorten it.")
    if shape.approvals.archive == "scheduled" and not shape.soak:
        contradict(
            "approvals",
            "an archive that nobody approves needs a soak: it cannot be undone, and nothing would be seen before it",
            "Give `soak` a length, or `archive: ask`.",
        )
    return found


def _playbook(shape: PlaybookShape) -> Playbook:
    return Playbook(
        name=shape.name,
        why=shape.why,
        adopt_patience=shape.adopt.patience,
        pings=Pings(
            count=shape.pings.count,
            interval=shape.pings.interval,
            patience=shape.pings.patience,
            inference=shape.pings.inference,
        ),
        waves=shape.deploy.waves,
        deploy_timeout=shape.deploy.timeout,
        observe_interval=shape.observe.interval,
        observe_timeout=shape.observe.timeout,
        drain=Drain(quiet_for=shape.drain.quiet_for, lag=shape.drain.lag, unproven=shape.drain.unproven),
        soak=shape.soak,
        approve_disable=shape.approvals.disable,
        approve_archive=shape.approvals.archive,
        reenable=shape.reenable,
        deadline=shape.deadline,
    )
