"""The models that the sandbox Anthropic knows: one of each kind that a client must tell apart."""

from __future__ import annotations

from dataclasses import dataclass

from rotator.model.canonical import JsonObject


@dataclass(frozen=True, slots=True)
class Model:
    id: str
    display_name: str
    created_at: str
    lifecycle: str = "active"
    line: str | None = "haiku"

    def to_json(self) -> JsonObject:
        return {
            "type": "model",
            "id": self.id,
            "display_name": self.display_name,
            "created_at": self.created_at,
            "lifecycle": self.lifecycle,
            "line": self.line,
            "deprecated_at": None if self.lifecycle == "active" else "2026-09-01T00:00:00Z",
            "retires_at": None if self.lifecycle == "active" else "2026-11-01T00:00:00Z",
        }


MODELS = (
    Model("claude-opus-5-5", "Claude Opus 5.5", "2026-11-05T00:00:00Z", line="opus"),
    Model("claude-haiku-5-5", "Claude Haiku 5.5", "2026-10-08T00:00:00Z"),
    Model("claude-haiku-5", "Claude Haiku 5", "2026-03-02T00:00:00Z"),
    Model("claude-haiku-4-5", "Claude Haiku 4.5", "2025-10-15T00:00:00Z", lifecycle="deprecated"),
    Model("claude-haiku-3", "Claude Haiku 3", "2024-03-07T00:00:00Z", lifecycle="retired"),
)
"""Newest first, as the list endpoint gives them."""
