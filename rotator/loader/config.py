"""`rotate.yaml` → `Config`."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from rotator.loader.document import read_document
from rotator.loader.explain import explain
from rotator.loader.find import expanded
from rotator.loader.problems import refusal
from rotator.loader.rules import broken_rules, empties
from rotator.loader.shape import (
    AnthropicShape,
    ConfigShape,
    ConsumerShape,
    CredentialShape,
)
from rotator.loader.vault import vault_config
from rotator.model.config import (
    AnthropicConfig,
    CommandDeploy,
    CommandWatch,
    Config,
    Consumer,
    Credential,
    FileSource,
    HttpProbe,
    HttpWatch,
    ManualWatch,
    Watch,
)

HINT = "`rotate config schema` prints what may stand where."


def load_config(path: Path | str) -> Config:
    """Read and check a whole `rotate.yaml`. Raises one `ConfigError` that names everything wrong with it.

    Relative `file:` sources are resolved against the file's folder; commands are left as they are and run in it.
    """
    path = Path(path).absolute()
    document = read_document(path)
    problems = [*document.problems, *empties(document)]
    try:
        shape = ConfigShape.model_validate(document.data)
    except ValidationError as error:
        told = {problem.place for problem in problems}
        problems += [problem for problem in explain(error, ConfigShape, document) if problem.place not in told]
    problems += broken_rules(document)
    if problems:
        raise refusal(str(path), problems, HINT) from None
    return Config(
        path=str(path),
        journal=shape.journal,
        notify=tuple(shape.notify),
        credentials={name: _credential(name, made, path.parent) for name, made in shape.credentials.items()},
        vault=vault_config(shape.vault, path.parent) if shape.vault else None,
    )


def _credential(name: str, shape: CredentialShape, folder: Path) -> Credential:
    return Credential(
        name=name,
        issuer=_issuer(shape.issuer.anthropic, folder),
        secrets=tuple(shape.secrets),
        consumers=tuple(_consumer(consumer) for consumer in shape.consumers),
        max_age=shape.max_age,
        playbook=shape.playbook,
    )


def _issuer(shape: AnthropicShape, folder: Path) -> AnthropicConfig:
    source = shape.admin_key
    if isinstance(source, FileSource):
        source = FileSource(str(folder / expanded(source.path)))
    return AnthropicConfig(admin_key=source, key_id=shape.key_id)


def _consumer(shape: ConsumerShape) -> Consumer:
    return Consumer(
        name=shape.name,
        watch=_watch(shape),
        wave=shape.wave,
        cadence=shape.cadence,
        required=shape.required,
        deploy=CommandDeploy(command=tuple(shape.deploy.command)) if shape.deploy else None,
        probe=HttpProbe(url=shape.probe.http.url, expect=shape.probe.http.expect) if shape.probe else None,
    )


def _watch(shape: ConsumerShape) -> Watch:
    if shape.http:
        return HttpWatch(
            urls=tuple(shape.http.urls), fingerprint=shape.http.fingerprint, headers=dict(shape.http.headers)
        )
    if shape.command:
        return CommandWatch(observe=tuple(shape.command.observe))
    assert shape.manual is not None, "the rules let exactly one watcher through"  # noqa: S101 - for the type checker
    return ManualWatch(ask=shape.manual.ask)
