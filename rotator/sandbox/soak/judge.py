"""After a rotation: was any effect made twice, and do the world, the journal and the laws agree? From outside only."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from rotator.model.keys import KeyStatus, KeyText
from rotator.sandbox.soak.calls import Write
from rotator.sandbox.soak.command import Commands
from rotator.sandbox.soak.deploy import Deploy, read
from rotator.sandbox.soak.drive import Course
from rotator.sandbox.soak.ground import Ground
from rotator.sandbox.soak.ledger import Row
from rotator.sandbox.soak.tally import FOUND_ABSENT, FOUND_DONE, PROVEN, Tally
from rotator.sandbox.soak.watch import Watch

_LOOKS: Final = 5
_APART: Final = 0.5  # seconds


class Judge:
    """One soak's; `rotation_over` is called at the end of each rotation, while the weather is fair."""

    def __init__(self, ground: Ground, commands: Commands, watch: Watch, tally: Tally) -> None:
        self._ground, self._commands, self._watch, self._tally = ground, commands, watch, tally
        self._statuses: dict[str, str] = {}  # key id → what the tool last set
        self._seq = self._writes = self._deploys = 0

    def rotation_over(self, ended: str, old: KeyText, new: KeyText, course: Course) -> None:
        rows = self._ground.ledger.rows(self._seq)
        writes = self._ground.calls.writes(self._writes)
        deploys = read(self._ground.deploy_log)[self._deploys :]
        self._seq, self._writes = self._ground.ledger.seq(), self._writes + len(writes)
        self._deploys += len(deploys)
        where = rows[-1].rotation if rows else "a rotation that was never opened"
        taken_over = any(row.kind == "taken_over" for row in rows)
        for found in (*in_journal(rows), *in_store(writes), *self._in_deploys(deploys)):
            self._tally.find("duplicates", f"{where}: {found}")
        for found in self._in_statuses(writes, taken_over):
            self._tally.find("duplicates", f"{where}: {found}")
        leaked = self._ground.world.key_id(old) if course.leaked else None
        for found in (*in_order(rows, writes), *in_a_leak(writes, leaked), *self._in_the_end(ended, old, new)):
            self._tally.find("law_violations", f"{where}: {found}")
        self._count(rows)

    def _count(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self._tally.met[FOUND_DONE] += row.data.get("inspected") is True
            self._tally.met[FOUND_ABSENT] += row.data.get("standing") == "absent"
        self._tally.met[PROVEN] += any(map(proven, rows))

    def _in_deploys(self, deploys: Sequence[Deploy]) -> Iterator[str]:
        """A repeat is explained where the process that had asked before was struck, or the deploy failed."""
        by_token: dict[tuple[str, str], list[Deploy]] = defaultdict(list)
        for deploy in deploys:
            by_token[deploy.consumer, deploy.token].append(deploy)
        for (consumer, token), made in by_token.items():
            for before in made[:-1]:
                struck = before.parent in self._commands.struck or before.parent not in self._commands.known
                if struck or before.code != 0:
                    self._tally.counts["deploys_repeated_after_a_kill"] += 1
                else:
                    yield f"{consumer} was deployed again with the token {token}"

    def _in_statuses(self, writes: Sequence[Write], taken_over: bool) -> Iterator[str]:
        """Setting a status that the key has already: explained where the answer to the write before was lost."""
        heard: dict[str, bool] = {}
        for write in writes:
            if write.verb != "status":
                continue
            if self._statuses.get(write.subject) == write.to:
                if taken_over or not heard.get(write.subject, True):
                    self._tally.counts["status_set_again_after_a_lost_answer"] += 1
                else:
                    yield f"{write.subject} was set to {write.to} again"
            self._statuses[write.subject] = write.to
            heard[write.subject] = write.heard

    def _in_the_end(self, ended: str, old: KeyText, new: KeyText) -> Iterator[str]:
        """A rotation that has ended leaves one key in use, and the other where it belongs."""
        if ended == "unfinished":
            return
        used, left = (new, old) if ended == "completed" else (old, new)
        if self._watch.place.current() != used.fingerprint.digest:
            yield f"law 2: it is {ended}, and current names the other key"
        if self._watch.place.pending():
            yield f"it is {ended}, and a pending key is left"
        wanted = KeyStatus.ARCHIVED if ended == "completed" else KeyStatus.ACTIVE
        found = self._watch.status(left.fingerprint.digest)
        if found is not wanted:
            yield f"it is {ended}, and the other key is {found.value if found else 'unknown'}"
        for instance, digest in self._elsewhere(used).items():
            yield f"law 1: it is {ended}, and {instance} holds {digest}"

    def _elsewhere(self, used: KeyText) -> dict[str, str]:
        """Live instances that do not say that they hold this key: on a busy machine one may be slow to say anything."""
        for _ in range(_LOOKS):
            found = {
                str(instance["id"]): str(instance.get("fingerprint") or "no key that it tells of")
                for consumer in self._ground.world.specs
                for instance in self._ground.world.observe(consumer.name)
                if not instance.get("terminating") and instance.get("fingerprint") != used.fingerprint.digest
            }
            if not found:
                break
            time.sleep(_APART)
        return found


def in_journal(rows: Sequence[Row]) -> Iterator[str]:
    """An effect that is journaled as done, and again as done, without having been undone in between."""
    done: set[str] = set()
    for row in rows:
        if row.kind == "applied":
            if row.step in done:
                yield f"`{row.step}` was applied twice"
            done.add(row.step)
        elif row.kind == "undone":
            done.discard(row.step)


def in_store(writes: Sequence[Write]) -> Iterator[str]:
    """More than one version of a new key, or a version that became current twice."""
    staged = {write.to for write in writes if write.verb == "stage"}
    if len(staged) > 1:
        yield f"{len(staged)} versions of the new key were staged"
    moves = Counter(write.to for write in writes if write.verb == "promote" and write.to != write.before)
    for version, count in moves.items():
        if count > 1:
            yield f"version {version} became current {count} times"


def in_a_leak(writes: Sequence[Write], leaked: str | None) -> Iterator[str]:
    """Law 10, of the key with this id: it is never enabled, and once it is replaced nothing makes it current again."""
    if leaked is None:
        return
    if any((write.verb, write.subject, write.to) == ("status", leaked, "active") for write in writes):
        yield f"law 10: {leaked} leaked, and was enabled again"
    if len({write.to for write in writes if write.verb == "promote"}) > 1:
        yield f"law 10: {leaked} leaked, and a second version became current"


def proven(row: Row) -> bool:
    """Whether it is a drain gate that passed by what a usage report says (law 7), and by nobody's word."""
    facts = row.data.get("facts")
    return (
        str(row) == "measured drain"
        and row.data.get("verdict") == "passed"
        and isinstance(facts, dict)
        and facts.get("usage") is not None
        and facts.get("unproven") is False
    )


def in_order(rows: Sequence[Row], writes: Sequence[Write]) -> Iterator[str]:
    """Law 3: archived only after it was disabled. Law 4: nothing is done that was not intended."""
    disabled: set[str] = set()
    for write in writes:
        if write.verb == "status" and write.to == "inactive":
            disabled.add(write.subject)
        if write.verb == "status" and write.to == "archived" and write.subject not in disabled:
            yield f"law 3: {write.subject} was archived before it was disabled"
    intended = {row.step.partition(" ")[0] for row in rows if row.kind == "intended"}
    verbs = {"stage": {"stage"}, "promote": {"promote"}, "status": {"disable", "archive"}}
    for verb in {write.verb for write in writes}:
        if not verbs[verb] & intended:
            yield f"law 4: a {verb} was written without an intent in the journal"
