"""`rotate config check`, `rotate config schema`."""

from __future__ import annotations

import typer

from rotator.cli.options import AsJson, ConfigPath


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Check rotate.yaml; print its JSON Schema.", no_args_is_help=True, rich_markup_mode=None)
    group.command()(check)
    group.command()(schema)
    app.add_typer(group, name="config")


def check(config: ConfigPath = None, json: AsJson = False) -> None:
    """Read rotate.yaml and every playbook that it names; report all that is wrong. Reaches no other system."""
    from rotator.cli.results import show, show_json
    from rotator.cli.work import plainly
    from rotator.wiring import open_workplace

    with plainly(lambda: None, json=json):
        place = open_workplace(config)
        plans = {
            name: place.plan(credential, place.playbook(credential))
            for name, credential in place.config.credentials.items()
        }
        if json:
            show_json({"path": place.config.path, "credentials": sorted(plans)})
            return
        show(f"{place.config.path} is fine.")
        for name, plan in sorted(plans.items()):
            show(
                f"  {name}: {len(plan.secrets)} secret(s), {len(plan.consumers)} consumer(s), "
                f"playbook {plan.playbook.name}"
            )


def schema() -> None:
    """rotate.yaml's JSON Schema, for editors."""
    from rotator.cli.results import show_json
    from rotator.loader import config_schema

    show_json(config_schema())
