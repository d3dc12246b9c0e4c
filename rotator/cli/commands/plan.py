"""`rotate plan`: what would happen, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from rotator.cli.options import AsJson, ConfigPath, Name, PlaybookName

if TYPE_CHECKING:
    from rotator.model.canonical import JsonObject
    from rotator.model.config import Credential
    from rotator.model.plan import Plan, PlannedStep
    from rotator.wiring import Workplace


def register(app: typer.Typer) -> None:
    app.command(short_help="What would happen, step by step.")(plan)


def plan(name: Name, playbook: PlaybookName = None, config: ConfigPath = None, json: AsJson = False) -> None:
    """What a rotation would do: its steps with their gates, approvals and waits.

    Reaches no other system, but for Vault where a secret is in it: does the token live as long as the plan?
    """
    from rotator.cli.results import show, show_json
    from rotator.cli.work import plainly
    from rotator.core.record import to_json
    from rotator.wiring import open_workplace

    with plainly(lambda: None, json=json):
        place = open_workplace(config)
        credential = place.credential(name)
        built = place.plan(credential, place.playbook(credential, playbook))
        warnings = _warnings(place, credential, built)
        if json:
            rows = [_row(step, built) for step in built.steps]
            show_json({**to_json(built), "steps": rows, "warnings": warnings})
            return
        show(f"{name}, by the playbook {built.playbook.name}: {built.playbook.why}")
        phase = None
        for step in built.steps:
            if step.phase != phase:
                phase = step.phase
                show(f"\n{phase.name}")
            kind = "do   " if step.effect else "check"
            show(f"  {kind} {step.id!s:<44} {_note(step, built)}".rstrip())
        for warning in warnings:
            show(f"\nwarning: {warning}")


def _warnings(place: Workplace, credential: Credential, plan: Plan) -> list[str]:
    """Where Vault cannot be reached, or lets nobody in, there are none: a plan needs no store."""
    from rotator.core.span import longest
    from rotator.model.config import VaultSecretRef
    from rotator.model.errors import RotatorError

    if not any(isinstance(ref, VaultSecretRef) for ref in credential.secrets):
        return []
    try:
        warning = place.vault.life().warning(longest(plan))
    except RotatorError:
        return []
    return [warning] if warning else []


def _row(step: PlannedStep, plan: Plan) -> JsonObject:
    return {
        "step": str(step.id),
        "phase": step.phase.name.lower(),
        "effect": step.effect,
        "needs": [str(need) for need in step.needs],
        "note": _note(step, plan),
    }


def _note(step: PlannedStep, plan: Plan) -> str:
    """Waits, approvals and time-outs, in words."""
    from rotator.loader import format_duration as brief

    playbook = plan.playbook
    match step.id.verb:
        case "adopt":
            return f"a new key may be refused for up to {brief(playbook.adopt_patience)}"
        case "deploy":
            return f"up to {brief(playbook.deploy_timeout)}"
        case "observe":
            consumer = plan.consumer(step.id.subject)
            asks = "a person is asked; " if consumer.asks else ""
            return f"{asks}{'' if consumer.required else 'not required; '}up to {brief(playbook.observe_timeout)}"
        case "pings":
            return f"{playbook.pings.count} in a row, {brief(playbook.pings.interval)} apart"
        case "drain":
            return f"{brief(plan.quiet)} after all have moved; silence without proof: {playbook.drain.unproven}"
        case "disable":
            by = _by(plan)
            return f"approval: {playbook.approve_disable}; can be undone{by}"
        case "soak":
            return f"{brief(playbook.soak)}; a sign of need: {_reenable(plan)}"
        case "archive":
            return f"approval: {playbook.approve_archive}; FINAL{_by(plan)}"
        case _:
            return ""


def _by(plan: Plan) -> str:
    return "" if plan.managed else "; done by a person in the Console (no Admin key)"


def _reenable(plan: Plan) -> str:
    return (
        "stop (the old key leaked: it is never enabled again)" if plan.playbook.leaked else "enable the old key again"
    )
