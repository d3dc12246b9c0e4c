"""`rotate config check`, `rotate config schema`, `rotate config policy`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from rotator.cli.options import AsJson, ConfigPath, OptionalName


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        help="Check rotate.yaml; print its JSON Schema, or the policy that it needs.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    group.command(short_help="Is rotate.yaml fine? All that is wrong in it.")(check)
    group.command(short_help="Its JSON Schema, for editors.")(schema)
    group.command(short_help="What a rotation must be allowed, at the least.")(policy)
    app.add_typer(group, name="config", short_help="Check rotate.yaml; its schema; the policy it needs.")


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


def schema(json: AsJson = False) -> None:
    """rotate.yaml's JSON Schema, for editors: JSON with or without --json."""
    from rotator.cli.results import show_json
    from rotator.loader import config_schema

    show_json(config_schema())


def policy(
    store: Annotated[Literal["vault", "aws"], typer.Argument(metavar="vault|aws", help="In whose language.")],
    name: OptionalName = None,
    first: Annotated[bool, typer.Option("--first", help="Vault: the secrets are still to be made.")] = False,
    config: ConfigPath = None,
    json: AsJson = False,
) -> None:
    """The least that a rotation must be allowed, as a policy: Vault's, or IAM's. Reaches no other system."""
    from rotator.cli.results import show, show_either
    from rotator.cli.screen import write
    from rotator.cli.work import plainly
    from rotator.model.config import AwsSecretRef, VaultConfig, VaultSecretRef
    from rotator.model.errors import UsageError
    from rotator.wiring import open_workplace

    with plainly(lambda: None, json=json):
        place = open_workplace(config)
        chosen = list(place.config.credentials.values()) if name is None else [place.credential(name)]
        refs = [ref for credential in chosen for ref in credential.secrets]
        in_vault = [ref for ref in refs if isinstance(ref, VaultSecretRef)]
        in_aws = [ref for ref in refs if isinstance(ref, AwsSecretRef)]
        if not (in_vault if store == "vault" else in_aws):
            whose = f"of {name} " if name else ""
            other = "aws" if store == "vault" else "vault"
            raise UsageError(
                f"no secret {whose}in {place.config.path} is in {store}: there is nothing to allow",
                f"rotate config policy {other}",
            )
        if store == "vault":
            from rotator.adapters.store import vault_preflight

            suffix = (place.config.vault or VaultConfig()).pending_suffix
            rules = vault_preflight.policy(in_vault, suffix, first=first).rstrip()
            show_either(rules, {"policy": f"{rules}\n"}, json=json)
        else:
            from rotator.adapters.store import aws_policy

            show(aws_policy.policy(in_aws))  # which is JSON
            write(aws_policy.KMS)
