"""How long a plan may take, people's answers left out: what a credential of our own must outlive."""

from __future__ import annotations

from datetime import timedelta

from rotator.model.plan import Plan


def longest(plan: Plan) -> timedelta:
    """The sum of every step's own bound, but never more than the deadline."""
    playbook = plan.playbook
    each = {
        "adopt": playbook.adopt_patience,
        "test": playbook.pings.patience,
        "deploy": playbook.deploy_timeout,
        "observe": playbook.observe_timeout,
        "probe": playbook.pings.patience,
        "pings": playbook.pings.patience,
        "drain": plan.quiet,
        "soak": playbook.soak,
    }
    bounds = sum((each.get(step.id.verb, timedelta()) for step in plan.steps), timedelta())
    return min(bounds, playbook.deadline)
