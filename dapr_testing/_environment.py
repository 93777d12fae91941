"""Environment variables by which applications find their sidecar, set for a while."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

OFFICIAL_SETTINGS = "dapr.conf"
"""Where versions of the official package before 1.19 keep what they read from the environment when imported."""


@contextlib.contextmanager
def variables(wanted: Mapping[str, str | None]) -> Iterator[None]:
    """Set variables (None: unset) until the block ends, then make everything as it was."""
    before = {name: os.environ.get(name) for name in wanted}
    settings = _official_settings()
    kept = {name: settings[name] for name in wanted if name in settings}
    _set(wanted)
    settings.update({name: value for name, value in _read_again().items() if name in kept})
    try:
        yield
    finally:
        _set(before)
        _official_settings().update(
            {name: kept.get(name, value) for name, value in _read_again().items() if name in wanted}
        )


def _set(wanted: Mapping[str, str | None]) -> None:
    for name, value in wanted.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _official_settings() -> dict[str, Any]:
    """The settings object's own attributes; newer versions of the package have none, and read the environment."""
    module = sys.modules.get(OFFICIAL_SETTINGS)
    return vars(module.settings) if module is not None else {}


def _read_again() -> dict[str, Any]:
    module = sys.modules.get(OFFICIAL_SETTINGS)
    return vars(type(module.settings)()) if module is not None else {}
