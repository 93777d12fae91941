"""The file in which a user says what components hold that stand in: secrets, settings, keys, by component.

    vault: {db-password: s3cret, redis: {host: localhost, password: s3cret}}
    settings: {color: blue}

JSON is YAML, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fakesidecar.resources.errors import StartupError

Values = Mapping[str, Mapping[str, Any]]
"""By component, and by the name of the secret, setting or key."""


def values_of(path: str | Path) -> Values:
    """What the file says; nothing when there is none. Raises `StartupError` for one that cannot be read."""
    if not path:
        return {}
    import yaml

    try:
        found = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise StartupError(f"failed to read values from {path}: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(held, dict) for held in found.values()):
        raise StartupError(f"failed to read values from {path}: an object of objects is expected, by component")
    return {str(name): {str(key): value for key, value in held.items()} for name, held in found.items()}


def text_of(value: Any) -> str:
    """A value as text: anything but text as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def texts_of(value: Any, name: str) -> Mapping[str, str]:
    """A secret's keys and values; one that is not of several has one under its own name."""
    return {key: text_of(one) for key, one in value.items()} if isinstance(value, dict) else {name: text_of(value)}
