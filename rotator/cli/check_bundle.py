"""The escalation bundle: what Anthropic's support asks for, and nothing that is secret."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from rotator import __version__
from rotator.core.exposure import redact
from rotator.model.errors import UsageError

if TYPE_CHECKING:
    from rotator.cli.check_key import Checked
    from rotator.core.check.trials import Books, Trial
    from rotator.model.canonical import JsonObject


def bundle(checked: Checked) -> JsonObject:
    """Request ids, times, statuses, fingerprints. No key, no variable's value, no user name of a URL."""
    symptoms, diagnosis = checked.symptoms, checked.diagnosis
    return {
        "what": "A key of Anthropic's is refused. Every request below was made by `rotate check`.",
        "made_by": f"rotator {__version__}",
        "made_at": symptoms.now.isoformat() if symptoms.now else None,
        "key": diagnosis.fingerprint.to_json() if diagnosis.fingerprint else None,
        "finding": diagnosis.finding.value,
        "summary": diagnosis.summary,
        "base_url": symptoms.around.base_url or "https://api.anthropic.com",
        "requests": [_request(trial) for trial in symptoms.trials],
        "record": _record(symptoms.books),
        "causes": [suspect.to_json() for suspect in diagnosis.suspects],
        "notes": list(diagnosis.notes),
    }


def _request(trial: Trial) -> JsonObject:
    return {
        "at": trial.at.isoformat(),
        "request": "GET /v1/models",
        "address": trial.address.value,
        "header": trial.header.value,
        "status": trial.status,
        "answer": trial.words,
        "request_id": trial.request_id,
        "organization": trial.organization,
        "workspace": trial.workspace,
    }


def _record(books: Books | None) -> JsonObject | None:
    if books is None:
        return None
    if books.record is None:
        return {"unable": books.unable, "others": list(books.others)}
    record = books.record
    return {
        "id": record.id,
        "name": record.name,
        "status": record.status.value,
        "created_at": record.created_at.isoformat() if record.created_at else None,
        "expires_at": record.expires_at.isoformat() if record.expires_at else None,
        "workspace": record.workspace,
        "requests_lately": books.requests,
        "days": books.days,
        "request_ids": list(books.request_ids),
    }


def write_bundle(path: str, checked: Checked) -> None:
    """A new file, for its owner alone. Raises `UsageError` where it is there already or cannot be written."""
    text = redact(json.dumps(bundle(checked), indent=2, ensure_ascii=False)) + "\n"
    try:
        number = os.open(Path(path).expanduser(), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} is there already, and is not overwritten", "name another file for --bundle") from None
    except (OSError, ValueError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or "its name cannot be used"
        raise UsageError(f"the bundle cannot be written to {path}: {why}", "name another file for --bundle") from None
