"""`rotate sandbox …`: the parts of the sandbox, each started by hand. On loopback, and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from rotator.cli.options import AsJson

if TYPE_CHECKING:
    from rotator.model.keys import KeyText
    from rotator.sandbox.world_stores import StoreKind

_FIELD: Final = "ANTHROPIC_API_KEY"
_CONTROL: Final = "ROTATOR_SANDBOX_CONTROL"
_NO_PROXY: Final = {"NO_PROXY": "127.0.0.1,localhost"}
_Directory = Annotated[
    Path | None, typer.Option("--directory", metavar="DIR", help="Where its files go; else a fresh one.")
]

_Store = Annotated[
    Literal["aws", "vault", "both"],
    typer.Option("--store", metavar="aws|vault|both", help="Where the key is kept. both: the same key in each."),
]
_Port = Annotated[int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="0: any that is free.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        name="sandbox",
        help="AWS, Vault, Anthropic and consumers on this machine, to try a rotation on. Nothing real is touched.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    for command, brief in (
        (aws, "AWS Secrets Manager."),
        (vault, "Vault with a KV version 2 mount `secret`."),
        (anthropic, "Anthropic: messages, models, the Admin API."),
        (key, "The Console: make a key."),
        (secret, "Create a secret with its first key."),
        (consumer, "One instance of a consumer."),
        (world, "The demo's whole world, and a rotate.yaml for it."),
    ):
        group.command(short_help=brief)(command)
    app.add_typer(group, short_help="Its parts, one by one, to try a rotation on by hand.")


def aws(
    port: _Port = 4566,
    region: Annotated[str, typer.Option("--region", help="The one that the export lines name.")] = "eu-west-1",
    json: AsJson = False,
) -> None:
    """Serve AWS Secrets Manager until Ctrl-C. On stdout: the export lines that point to it."""
    from rotator.cli.demo_world import require_sandbox, show_environment, until_interrupted
    from rotator.cli.screen import write
    from rotator.cli.work import plainly
    from rotator.sandbox.by_hand import require_free

    with plainly(lambda: None, json=json):
        require_sandbox()
        require_free(port)
        with until_interrupted("the sandbox's AWS has ended; its secrets are gone"):
            from rotator.sandbox.aws import SandboxAws

            with SandboxAws(region=region, port=port) as server:
                show_environment({**server.environment, "AWS_REGION": region, **_NO_PROXY}, json=json)
                write("AWS is up until Ctrl-C, and forgets everything then.\nNext: rotate sandbox anthropic")
                server.wait()


def vault(port: _Port = 8200, directory: _Directory = None, json: AsJson = False) -> None:
    """Serve Vault with a KV version 2 mount `secret` until Ctrl-C. On stdout: the export lines that point to it."""
    from rotator.cli.demo_world import fresh_directory, until_interrupted
    from rotator.cli.work import plainly
    from rotator.sandbox.by_hand import require_free

    with plainly(lambda: None, json=json):
        require_free(port)
        folder = (directory or fresh_directory("rotate-sandbox-")).absolute()
        with until_interrupted("the sandbox's Vault has ended; its secrets are gone"):
            _serve_vault(port, folder, json=json)


def _serve_vault(port: int, folder: Path, *, json: bool) -> None:
    import shlex

    from rotator.cli.demo_world import show_environment
    from rotator.cli.results import show
    from rotator.cli.screen import write
    from rotator.sandbox.by_hand import private_file
    from rotator.sandbox.vault import SandboxVault

    with SandboxVault(port=port) as server:
        token = private_file(folder / "vault.token", server.root_token)
        try:
            show_environment({"VAULT_ADDR": server.url, **_NO_PROXY}, json=json, token_file=token)
            if not json:
                show(f'export VAULT_TOKEN="$(cat {shlex.quote(str(token))})"  # the root token')
            write("Vault is up until Ctrl-C, and forgets everything then.\nNext: rotate sandbox anthropic")
            server.wait()
        finally:
            token.unlink(missing_ok=True)


def anthropic(port: _Port = 4570, directory: _Directory = None, json: AsJson = False) -> None:
    """Serve Anthropic until Ctrl-C. On stdout: the export lines that point to it."""
    from rotator.cli.demo_world import fresh_directory, until_interrupted
    from rotator.cli.work import plainly
    from rotator.sandbox.by_hand import require_free

    with plainly(lambda: None, json=json):
        require_free(port)
        folder = (directory or fresh_directory("rotate-sandbox-")).absolute()
        with until_interrupted("the sandbox's Anthropic has ended; its keys are worth nothing now"):
            _serve_anthropic(port, folder, json=json)


def _serve_anthropic(port: int, folder: Path, *, json: bool) -> None:
    from rotator.cli.demo_world import show_environment
    from rotator.cli.results import show
    from rotator.cli.screen import write
    from rotator.sandbox.anthropic import SandboxAnthropic
    from rotator.sandbox.by_hand import private_file

    written: list[Path] = []
    with SandboxAnthropic(port=port) as server:
        try:
            admin, _ = server.books.issue_admin("sandbox admin")
            written.append(private_file(folder / "admin.key", admin.reveal()))
            written.append(private_file(folder / "control.token", server.control_token))
            where = {"ANTHROPIC_BASE_URL": server.url, _CONTROL: str(written[1])}
            show_environment(where, json=json, admin_key_file=written[0])
            if not json:
                show(f"# in rotate.yaml, under issuer.anthropic:  admin_key: file:{written[0]}")
            write("Anthropic is up until Ctrl-C, and forgets everything then.")
            write("Next: (umask 077; rotate sandbox key > first.key)")
            server.wait()
        finally:
            for path in written:
                path.unlink(missing_ok=True)


def key(
    name: Annotated[str, typer.Option("--name", help="What the Console would list it as.")] = "made by hand",
    url: Annotated[
        str | None, typer.Option("--url", help="The sandbox's Anthropic; else ANTHROPIC_BASE_URL.", show_default=False)
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", help=f"Its control.token; else {_CONTROL}.", show_default=False),
    ] = None,
    json: AsJson = False,
) -> None:
    """The Console: make a key. It goes to stdout, for a file: (umask 077; rotate sandbox key > new.key)."""
    from rotator.cli.results import show_either
    from rotator.cli.work import plainly
    from rotator.sandbox.by_hand import make_key

    with plainly(lambda: None, json=json):
        where = url or _known("ANTHROPIC_BASE_URL", "anthropic")
        token = _read(token_file or Path(_known(_CONTROL, "anthropic")), "the control token")
        made = make_key(where, token, name).reveal()
        show_either(made, {"key": made}, json=json)


def secret(
    name: Annotated[str, typer.Argument(metavar="NAME", help="prod/anthropic for AWS; vault://MOUNT/PATH#FIELD.")],
    key_file: Annotated[Path, typer.Option("--key-file", metavar="FILE", help="The key that goes into it.")],
    field: Annotated[str, typer.Option("--field", help="The JSON field that holds the key.")] = _FIELD,
    region: Annotated[
        str | None, typer.Option("--region", help="Else AWS_REGION, AWS_DEFAULT_REGION.", show_default=False)
    ] = None,
    json: AsJson = False,
) -> None:
    """Create a secret with its first key. On stdout: its reference, for rotate.yaml."""
    from rotator.cli.results import show_either
    from rotator.cli.work import plainly
    from rotator.model.keys import KeyText
    from rotator.sandbox.by_hand import create_secret

    with plainly(lambda: None, json=json):
        if name.startswith("vault:"):
            made = _vault_secret(name, KeyText(_read(key_file, "the key")))
        else:
            url = _known("AWS_ENDPOINT_URL", "aws")
            chosen = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "eu-west-1"
            text = KeyText(_read(key_file, "the key"))
            made = create_secret(url, region=chosen, name=name, field=field, key=text)
        show_either(made, {"secret": made}, json=json)


def _vault_secret(reference: str, key: KeyText) -> str:
    from rotator.loader import parse_secret
    from rotator.model.config import VaultSecretRef
    from rotator.sandbox.by_hand import create_vault_secret

    ref = parse_secret(reference)
    assert isinstance(ref, VaultSecretRef)  # noqa: S101 - the caller has seen its scheme
    return create_vault_secret(_known("VAULT_ADDR", "vault"), _known("VAULT_TOKEN", "vault"), ref, key)


def consumer(
    kind: Annotated[
        Literal["boot", "hot"],
        typer.Argument(metavar="boot|hot", help="boot: reads the key once. hot: follows the secret by itself."),
    ],
    secret: Annotated[str, typer.Argument(metavar="SECRET", help="aws-sm://REGION/NAME#FIELD or vault://….")],
    port: _Port = 0,
    refresh: Annotated[float, typer.Option("--refresh", help="hot: seconds between two reads of the secret.")] = 1.0,
    json: AsJson = False,
) -> None:
    """One instance of a consumer until Ctrl-C: /healthz says which key it holds, /ask makes a call with it.

    On stdout: its address, as JSON, with or without --json.
    """
    from rotator.cli.demo_world import until_interrupted
    from rotator.cli.screen import write
    from rotator.cli.work import plainly
    from rotator.sandbox.by_hand import require_free
    from rotator.sandbox.callers import BootCaller, HotCaller
    from rotator.sandbox.consumer import serve
    from rotator.sandbox.loopback import require_loopback

    with plainly(lambda: None, json=json):
        anthropic_url = require_loopback(_known("ANTHROPIC_BASE_URL", "anthropic"))
        in_vault = secret.startswith("vault:")
        require_loopback(_known("VAULT_ADDR", "vault") if in_vault else _known("AWS_ENDPOINT_URL", "aws"))
        require_free(port)
        with until_interrupted("the consumer has ended"):
            caller = BootCaller(secret, anthropic_url) if kind == "boot" else HotCaller(secret, anthropic_url, refresh)
            write("The consumer is up until Ctrl-C: GET /healthz says which key it holds, GET /ask makes a call.")
            serve(caller, port)


def world(directory: _Directory = None, store: _Store = "aws", json: AsJson = False) -> None:
    """The demo's whole world until Ctrl-C: its store, Anthropic, six instances, traffic, and a rotate.yaml for it."""
    from rotator.cli.demo_world import fresh_directory, require_sandbox, until_interrupted
    from rotator.cli.work import plainly
    from rotator.model.errors import UsageError

    with plainly(lambda: None, json=json):
        if store != "vault":
            require_sandbox()
        if directory is not None and directory.exists() and any(directory.iterdir()):
            raise UsageError(f"{directory} is not empty", "name one that is, or none: a fresh one is made")
        folder = directory or fresh_directory("rotate-world-")
        with until_interrupted(f"the world has ended; what it wrote is in {folder}"):
            _serve_world(folder, store, json=json)


def _serve_world(folder: Path, store: StoreKind, *, json: bool) -> None:
    import threading

    from rotator.cli.commands.demo import STORES
    from rotator.cli.demo_world import show_environment, world_in
    from rotator.cli.screen import write
    from rotator.sandbox.by_hand import private_file
    from rotator.sandbox.world_files import CREDENTIAL

    write(f"Starting {STORES[store]}, Anthropic, six instances of three services, and traffic.")
    with world_in(folder, store) as running:
        new_key = private_file(running.directory / "new.key", running.new_key("by hand").reveal())
        show_environment({**running.environment, **_NO_PROXY}, json=json, new_key_file=new_key)
        write(f"The world is up until Ctrl-C. In another terminal, after the lines above:\n  rotate plan {CREDENTIAL}")
        write(f"  rotate start {CREDENTIAL} --key-file {new_key}")
        write(f"  rotate verify {CREDENTIAL}\n  rotate finish {CREDENTIAL} --watch")
        threading.Event().wait()


def _known(variable: str, server: str) -> str:
    from rotator.model.errors import UsageError

    found = os.environ.get(variable)
    if not found:
        raise UsageError(f"{variable} is not set", f"copy the export lines that `rotate sandbox {server}` printed")
    return found


def _read(path: Path, what: str) -> str:
    """One line from a file, bounded."""
    from rotator.model.errors import UsageError

    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            text = file.read(65_536).strip()
    except OSError as error:
        raise UsageError(f"{what} cannot be read from {path}: {error.strerror}", "name its file") from None
    if not text:
        raise UsageError(f"{what} cannot be read from {path}: it is empty", "name its file")
    return text
