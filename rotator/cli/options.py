"""Options that many commands share, so that they are called the same and say the same everywhere."""

from __future__ import annotations

from typing import Annotated

import typer

Name = Annotated[str, typer.Argument(metavar="CREDENTIAL", help="The credential's name in rotate.yaml.")]
OptionalName = Annotated[
    str | None, typer.Argument(metavar="CREDENTIAL", help="The credential's name; none: all of them.")
]
ConfigPath = Annotated[
    str | None,
    typer.Option("--config", metavar="PATH", help="rotate.yaml; else ROTATOR_CONFIG, else ./rotate.yaml and above."),
]
AsJson = Annotated[bool, typer.Option("--json", help="The result as JSON on stdout.")]
By = Annotated[str | None, typer.Option("--by", metavar="WHO", help="Who says so; journaled.")]
Reason = Annotated[str | None, typer.Option("--reason", metavar="WHY", help="Why; journaled.")]
PlaybookName = Annotated[
    str | None, typer.Option("--playbook", metavar="NAME|PATH", help="Instead of the credential's own playbook.")
]
