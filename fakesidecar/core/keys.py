"""The prefixes that keep apart what apps and components store (dapr pkg/components/state, pkg/components/lock)."""

from __future__ import annotations

from collections.abc import Mapping

from fakesidecar.errors import ComponentError, IllegalKey
from fakesidecar.resources.component import Component

SEPARATOR = "||"
"""Stands between a prefix and a key, and in neither of them."""


def prefix_of(spec: Component, app_id: str, strategies: Mapping[str, str] = {}) -> str:
    """What a component's `keyPrefix` puts before keys: an owner by the name of a strategy, else that very text.

    A block that knows more than the common strategies gives the owners of its own.
    """
    strategy = spec.setting("keyPrefix").lower()
    if SEPARATOR in strategy:
        error = IllegalKey(key=strategy, store=spec.name)
        # daprd says "lock" of state stores too (dapr pkg/runtime/processor/state).
        raise ComponentError(f"failed to save lock keyprefix: {error.go_text}")
    owners = {"": app_id, "appid": app_id, "name": spec.name, "none": "", **strategies}
    owner = owners.get(strategy, strategy)
    return f"{owner}{SEPARATOR}" if owner else ""
