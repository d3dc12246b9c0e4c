"""`rotate init`: a first rotate.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from rotator.cli.options import AsJson

_TEMPLATE: Final = """\
version: 1
credentials:
  {name}:
    issuer:
      anthropic: {{}}
      # With an Admin key, `rotate finish` disables and archives the old key by itself:
      #   anthropic: {{admin_key: env:ANTHROPIC_ADMIN_KEY}}
    secrets:
      # aws-sm://REGION/NAME#JSON_FIELD (no field: the whole string is the key). The first is where the old key is read.
      - {secret}
    consumers:
      # Everything that reads the secret and calls Anthropic. One watcher each: http, command or manual.
      - name: api
        http:
          urls: [{url}]                       # one URL an instance
          fingerprint: anthropic_key.fingerprint    # where its JSON answer tells which key it holds
        # deploy: {{command: ["./deploy.sh", "api"]}}   # none: it reloads by itself
        # probe: {{http: {{url: "http://127.0.0.1:8080/ask"}}}}   # live traffic through it
    playbook: standard
"""


def register(app: typer.Typer) -> None:
    app.command()(init)


def init(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The file to write.")] = Path("rotate.yaml"),
    name: Annotated[str, typer.Option("--credential", help="What to call the credential.")] = "prod-chat",
    ref: Annotated[
        str, typer.Option("--secret", metavar="REF", help="Where the key is kept.")
    ] = "aws-sm://eu-west-1/prod/anthropic#ANTHROPIC_API_KEY",
    url: Annotated[
        str, typer.Option("--url", help="The health page of one instance.")
    ] = "http://127.0.0.1:8080/healthz",
    json: AsJson = False,
) -> None:
    """Write a first rotate.yaml, to be edited. Never overwrites one."""
    from rotator.cli.results import show, show_json
    from rotator.cli.work import plainly
    from rotator.model.errors import UsageError

    with plainly(lambda: None, json=json):
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(_TEMPLATE.format(name=name, secret=ref, url=url))
        except FileExistsError:
            raise UsageError(f"{path} exists already; it was left as it is", "rotate config check") from None
        except OSError as error:
            raise UsageError(
                f"{path} cannot be written: {error.strerror}", "rotate init PATH, in another place"
            ) from None
        if json:
            show_json({"path": str(path), "next": "rotate config check"})
            return
        show(f"Wrote {path}. Name your secret and your consumers in it, then: rotate config check")
