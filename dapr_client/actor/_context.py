"""Whose chain of calls this is."""

from __future__ import annotations

from contextvars import ContextVar

reentrancy_ctx: ContextVar[str | None] = ContextVar("reentrancy_ctx", default=None)
"""The id that all calls of one chain carry, so that an actor may be called back by those that it calls."""

REENTRANCY_HEADER = "Dapr-Reentrancy-Id"
