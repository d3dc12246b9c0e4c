"""A secret in memory, with the semantics of AWS or of Vault: for the worlds under a virtual clock, and as the plainest
reading of what a `SecretStore` does. Deterministic: no I/O, no threads, no randomness. Faults are wrapped around it.

AWS keeps whole secrets, so an edit of any field is another version, and a conflict. In Vault (`merges`) a version is
named by the key in it: an edit of another field is none, and a write takes the other fields as they are at that moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from rotator.model.errors import Refused, StoreConflict
from rotator.model.keys import Claim, Holding, KeyText, Label, Version
from rotator.ports import Clock


@dataclass(frozen=True, slots=True)
class _Stored:
    """One version. Versions never change; labels move."""

    key: KeyText | None
    fields: Mapping[str, str] = field(repr=False)
    created_at: datetime


class MemorySecretStore:
    """One secret. Beside the port's verbs: what others do to it (`edit`, `foreign`), and what a law check reads."""

    def __init__(
        self,
        name: str,
        clock: Clock,
        key: KeyText | None = None,
        fields: Mapping[str, str] | None = None,
        *,
        merges: bool = False,
    ) -> None:
        """`key` None with `fields`: the secret exists and its key's field does not. Neither: it has no version."""
        self.name = name
        self.merges = merges
        self.calls: list[tuple[str, str]] = []
        """Every writing call: (verb, version id)."""
        self.history: list[tuple[str, KeyText]] = []
        """Every current key over time: (version id, key)."""
        self.copies_behind: list[str] = []
        """What `lagging` answers."""
        self._clock = clock
        self._versions: dict[str, _Stored] = {}
        self._labels: dict[Label, str] = {}
        self._claim: tuple[str, Claim] | None = None
        if key is not None or fields:
            self._write("original", key, fields or {})
            self._make_current("original")

    # The port

    def read(self, label: Label) -> Version | None:
        version_id = self._labels.get(label)
        if version_id is None:
            return None
        stored = self._versions[version_id]
        return Version(id=version_id, key=stored.key, created_at=stored.created_at)

    def stage(self, version_id: str, key: KeyText, claim: Claim) -> None:
        self.calls.append(("stage", version_id))
        self._refuse_foreign(version_id)
        known = self._versions.get(version_id)
        if known is not None and known.key != key:
            raise StoreConflict(f"Version {version_id} of {self.name} holds another key than the one to be staged.")
        if version_id in (self._labels.get(Label.PENDING), self._labels.get(Label.CURRENT)):
            return
        if known is None:
            fields: Mapping[str, str] = {}
            if Label.CURRENT in self._labels:
                current = self._versions[self._labels[Label.CURRENT]]
                if current.key is None:
                    raise Refused(f"The secret {self.name} has no such field.", "Add the field to the secret.")
                fields = current.fields
            self._write(version_id, key, fields)
        self._claim = (version_id, claim)
        self._labels[Label.PENDING] = version_id
        if Label.CURRENT not in self._labels:
            self._make_current(version_id)  # as AWS does: the first version of all is current at once

    def promote(self, version_id: str, expected_current: str | None) -> None:
        self.calls.append(("promote", version_id))
        current = self._labels.get(Label.CURRENT)
        if current == version_id:
            return
        self._refuse_other_current(expected_current)
        if self._labels.get(Label.PENDING) != version_id:
            raise StoreConflict(f"Version {version_id} of {self.name} is no longer pending. Nothing was changed.")
        if current is not None and self.merges:
            self._merge(version_id)
        elif current is not None and self._versions[current].fields != self._versions[version_id].fields:
            raise StoreConflict(f"Another field of {self.name} was edited after the staging. Nothing was overwritten.")
        self._make_current(version_id)

    def restore(self, version_id: str, expected_current: str) -> None:
        self.calls.append(("restore", version_id))
        if self._labels.get(Label.CURRENT) == version_id:
            return
        self._refuse_other_current(expected_current)
        if version_id not in self._versions:
            raise Refused(f"There is no version {version_id} of {self.name}.")
        if self.merges:
            self._merge(version_id)
        self._make_current(version_id)

    def discard(self, version_id: str) -> None:
        self.calls.append(("discard", version_id))
        if self._labels.get(Label.PENDING) == version_id:
            del self._labels[Label.PENDING]
        if self._claim is not None and self._claim[0] == version_id:
            self._claim = None

    def holder(self) -> Holding | None:
        held = self._held()
        if held is None:
            return None
        if self._claim is not None and self._claim[0] == held:
            return Holding(version_id=held, claim=self._claim[1], since=self._claim[1].at)
        return Holding(version_id=held, claim=None, since=self._versions[held].created_at, detail="no claim beside it")

    def warnings(self) -> Sequence[str]:
        return ()

    def lagging(self) -> Sequence[str]:
        return tuple(self.copies_behind)

    # What others do, and what checks read

    def edit(self, version_id: str, *, key: KeyText | None = None, fields: Mapping[str, str] | None = None) -> None:
        """Somebody writes the secret by hand: a new current version, each part as it was where not given."""
        name = self._labels[Label.CURRENT]
        current = self._versions[name]
        written = _Stored(key or current.key, dict(current.fields if fields is None else fields), self._clock.now())
        if not self.merges:
            self._write(version_id, written.key, written.fields)
            return self._make_current(version_id)
        same = (known for known, stored in self._versions.items() if stored.key == written.key)
        version_id = name if written.key == current.key else next(same, version_id)
        self._versions[version_id] = written
        if version_id != name:
            self._make_current(version_id)
        return None

    def foreign(self, version_id: str, key: KeyText, claim: Claim | None = None) -> None:
        """Another tool (or, with a claim, another operator) puts a pending version, over any that is there."""
        current = self._labels.get(Label.CURRENT)
        self._write(version_id, key, self._versions[current].fields if current else {})
        self._labels[Label.PENDING] = version_id
        if claim is not None:
            self._claim = (version_id, claim)

    def fields(self, label: Label = Label.CURRENT) -> Mapping[str, str]:
        """The other fields of the version with this label. Raises `KeyError` where none has it."""
        return self._versions[self._labels[label]].fields

    @property
    def labels(self) -> Mapping[Label, str]:
        """Which version carries which label now."""
        return dict(self._labels)

    def _write(self, version_id: str, key: KeyText | None, fields: Mapping[str, str]) -> None:
        if version_id in self._versions:
            raise StoreConflict(f"Version {version_id} of {self.name} exists.")
        self._versions[version_id] = _Stored(key, dict(fields), self._clock.now())

    def _merge(self, version_id: str) -> None:
        """The other fields, as they are now."""
        current = self._versions[self._labels[Label.CURRENT]]
        self._versions[version_id] = replace(self._versions[version_id], fields=current.fields)

    def _make_current(self, version_id: str) -> None:
        before = self._labels.get(Label.CURRENT)
        if self._labels.get(Label.PREVIOUS) == version_id:
            del self._labels[Label.PREVIOUS]
        if before is not None:
            self._labels[Label.PREVIOUS] = before
        self._labels[Label.CURRENT] = version_id
        key = self._versions[version_id].key
        if key is not None:
            self.history.append((version_id, key))

    def _held(self) -> str | None:
        """The pending version, but not one that AWS left on the current version and nobody claims."""
        pending = self._labels.get(Label.PENDING)
        claimed = self._claim is not None and self._claim[0] == pending
        return pending if claimed or pending != self._labels.get(Label.CURRENT) else None

    def _refuse_foreign(self, version_id: str) -> None:
        holding = self.holder()
        if holding is None or holding.version_id == version_id:
            return
        claim = holding.claim
        whose = f"rotation {claim.rotation} of {claim.by}" if claim else "somebody else"
        since = holding.since.isoformat() if holding.since else "an unknown time"
        raise StoreConflict(
            f"{self.name} has a pending version {holding.version_id} that belongs to {whose}, since {since}.",
            "Let them finish or abandon it.",
        )

    def _refuse_other_current(self, expected: str | None) -> None:
        current = self._labels.get(Label.CURRENT)
        if current != expected:
            raise StoreConflict(
                f"The current version of {self.name} is {current or 'absent'}, not {expected or 'absent'} as "
                "expected: somebody else wrote it. Nothing was overwritten."
            )
