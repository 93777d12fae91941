"""Asking a sidecar to end."""

from __future__ import annotations

FORCE = "dapr-force-shutdown"
"""The header, or metadata, that asks for an end without grace."""


def is_forced(value: str | None) -> bool:
    """Whether the header asks for it."""
    return value is not None and value.lower() == "true"
