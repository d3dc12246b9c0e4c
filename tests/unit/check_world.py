"""A sandbox Anthropic, a key in it, and the check of what a variable holds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from rotator.adapters.issuer.inquiry import Inquiry
from rotator.adapters.sample import from_environment
from rotator.adapters.surroundings import custom_headers, surroundings
from rotator.core.check.diagnosis import Diagnosis, Finding, diagnose
from rotator.core.check.sample import Origin, Sample
from rotator.core.check.slips import look
from rotator.core.check.suspects import Certainty, Culprit
from rotator.core.check.symptoms import Symptoms
from rotator.core.check.trials import Books, Trial
from rotator.model.keys import KeyRecord, KeyText
from rotator.sandbox.anthropic import SandboxAnthropic
from rotator.sandbox.anthropic_faults import Fault, FaultRule
from tests.anthropic_world import StillClock

NAME = "ANTHROPIC_API_KEY"


@dataclass
class Checks:
    """A sandbox, one key in it, and the check of what a variable holds."""

    server: SandboxAnthropic
    clock: StillClock
    key: KeyText
    record: KeyRecord
    admin: KeyText
    symptoms: Symptoms | None = None

    def check(
        self,
        value: str | None = None,
        *,
        url: str | None = None,
        admin: bool = True,
        environ: Mapping[str, str] | None = None,
        key_id: str | None = None,
        direct: str | None = None,
        origin: Origin = Origin.ENV,
    ) -> Diagnosis:
        """`url`: ANTHROPIC_BASE_URL, the sandbox's own without one; `direct`: what stands for Anthropic itself."""
        text = self.key.reveal() if value is None else value
        around = {NAME: text, **(environ or {})}
        if url is not None:
            around["ANTHROPIC_BASE_URL"] = url
        sample = from_environment(NAME, around)
        if origin is not Origin.ENV:
            sample = Sample(origin=origin, name="aws-sm://eu-west-1/prod", text=text)
        looked = look(sample)
        trials: tuple[Trial, ...] = ()
        books: Books | None = None
        if looked.cleaned is not None and looked.cleaned.key is not None:
            inquiry = Inquiry(
                self.clock,
                base_url=url,
                headers=custom_headers(around),
                admin_key=(lambda: self.admin) if admin else None,
                key_id=key_id,
                direct_url=direct or self.server.url,
            )
            trials, books = inquiry.ask(looked.cleaned.key)
        self.symptoms = Symptoms(
            looked=looked, around=surroundings(around), trials=trials, books=books, now=self.clock.now()
        )
        found = diagnose(self.symptoms)
        assert self.key.reveal() not in repr((found, self.symptoms)) + json.dumps(found.to_json())
        assert self.admin.reveal() not in repr((found, self.symptoms))
        return found

    def fault(self, **what: object) -> None:
        self.server.rules.replace([FaultRule(fault=Fault(**what), path="/v1/models")])  # type: ignore[arg-type]  # a fault's own fields


@contextmanager
def check_world() -> Iterator[Checks]:
    clock = StillClock()
    with SandboxAnthropic(now=clock.now) as server:
        key, record = server.books.issue("prod")
        admin, _ = server.books.issue_admin()
        clock.at += timedelta(hours=1)
        yield Checks(server, clock, key, record, admin)


def first(diagnosis: Diagnosis, culprit: Culprit, finding: Finding = Finding.WRONG) -> None:
    assert diagnosis.finding is finding
    assert diagnosis.first is not None
    assert diagnosis.first.culprit is culprit
    assert diagnosis.first.fix
    assert diagnosis.first.speaks_for or diagnosis.first.certainty is Certainty.PROVEN
