"""`rotate check`: why is this key refused, who holds what, and would a rotation work? Changes nothing, ever."""

from __future__ import annotations

from typing import Annotated

import typer

from rotator.cli.options import AsJson, ConfigPath

_Name = Annotated[str | None, typer.Argument(metavar="CREDENTIAL", help="The credential's name in rotate.yaml.")]
_KeyFile = Annotated[
    str | None, typer.Option("--key-file", metavar="FILE|-", help="Check the key in a file, or on stdin.")
]
_Env = Annotated[str | None, typer.Option("--env", metavar="NAME", help="Check the key in a variable.")]
_Secret = Annotated[str | None, typer.Option("--secret", metavar="REF", help="Check the current key of a secret.")]
_All = Annotated[bool, typer.Option("--all", help="Every credential of rotate.yaml.")]
_Watch = Annotated[bool, typer.Option("--watch", help="Again and again until Ctrl-C; tells what changed.")]
_Every = Annotated[str, typer.Option("--every", metavar="DURATION", help="With --watch: the time between two checks.")]
_Offline = Annotated[bool, typer.Option("--offline", help="Look at the key's text only; no network.")]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing where all is well, else one line.")]
_Bundle = Annotated[
    str | None, typer.Option("--bundle", metavar="FILE", help="Write what Anthropic's support asks for; no secrets.")
]


def register(app: typer.Typer) -> None:
    app.command(short_help="Why is a key refused? Who holds what?")(check)


def check(
    name: _Name = None,
    key_file: _KeyFile = None,
    env: _Env = None,
    secret: _Secret = None,
    all_: _All = False,
    watch: _Watch = False,
    every: _Every = "1m",
    offline: _Offline = False,
    quiet: _Quiet = False,
    bundle: _Bundle = None,
    config: ConfigPath = None,
    json: AsJson = False,
) -> None:
    """Check one key, or a credential as configured. Exit: 0 fine, 5 something is wrong, 6 cannot tell.

    With a key and a CREDENTIAL: the key, by that credential's Admin key. Changes nothing.
    """
    light = offline and secret is None and name is None and not (all_ or watch or bundle)
    if light and (key_file is None) != (env is None):
        from rotator.cli.check_light import look

        raise typer.Exit(look(key_file, env, quiet=quiet, json=json))
    from rotator.cli.check_run import What, run

    what = What(name, key_file, env, secret, all_, offline, bundle)
    run(what, config, every=every if watch else None, quiet=quiet, json=json)
