"""What people change half-way: rotate.yaml, and the playbook."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from rotator.model.config import Credential, Playbook


def another_plan(credential: Credential, choice: float) -> Credential:
    """A consumer's cadence, or whether it is required; or one is taken out."""
    consumers = list(credential.consumers)
    if choice < 0.3 and len(consumers) > 1:
        consumers.pop()
    elif choice < 0.6:
        consumers[-1] = replace(consumers[-1], cadence=consumers[-1].cadence + timedelta(seconds=7))
    else:
        consumers[-1] = replace(consumers[-1], required=True)
    return replace(credential, consumers=tuple(consumers))


def another_playbook(book: Playbook, choice: float) -> Playbook:
    """The open rotation goes on by its own, until a person accepts this one."""
    if choice < 0.3:
        return replace(book, soak=book.soak * 2, approve_archive="ask")
    if choice < 0.6:
        return replace(book, drain=replace(book.drain, quiet_for=book.drain.quiet_for * 2, unproven="ask"))
    if choice < 0.8:
        return replace(book, approve_disable="scheduled", approve_archive="scheduled")
    return replace(book, reenable="never")  # they have found out that the old key leaked
