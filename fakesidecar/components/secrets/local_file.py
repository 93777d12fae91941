"""`secretstores.local.file`: a JSON file, flattened, or one level of it at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fakesidecar import golang
from fakesidecar.components.registry import Surroundings, component
from fakesidecar.components.secrets import Secret, SecretStore
from fakesidecar.errors import ComponentError
from fakesidecar.resources.component import Component


@component("secretstores.local.file")
class LocalFile(SecretStore):
    """The secrets of a JSON file (`secretsFile`), read once."""

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        self._separator = spec.setting("nestedSeparator") or ":"
        path = spec.setting("secretsFile")
        if not path:
            raise ComponentError("missing local secrets file in metadata")
        content = read(path)
        multi_valued = spec.setting("multiValued").lower() in ("true", "1", "t", "y", "yes", "on")
        self._secrets = self._by_object(content) if multi_valued else self._flat(content)

    def _flat(self, content: Mapping[str, Any]) -> dict[str, Secret]:
        return {name: {name: value} for name, value in self._flatten(content)}

    def _by_object(self, content: Mapping[str, Any]) -> dict[str, Secret]:
        secrets: dict[str, Secret] = {}
        for name, value in content.items():
            if isinstance(value, str):
                secrets[name] = {name: value}
            elif isinstance(value, dict):
                secrets[name] = dict(self._flatten(value))
        return secrets

    def _flatten(self, value: Any, path: str = "") -> Iterator[tuple[str, str]]:
        if not isinstance(value, dict | list):
            yield path, text_of(value)
            return
        members = value.items() if isinstance(value, dict) else enumerate(value)
        for name, member in members:
            yield from self._flatten(member, f"{path}{self._separator}{name}" if path else str(name))

    def get(self, name: str, metadata: Mapping[str, str]) -> Secret | None:
        if name not in self._secrets:
            raise ComponentError(f"secret {name} not found")
        return self._secrets[name]

    def bulk_get(self, metadata: Mapping[str, str]) -> Mapping[str, Secret]:
        return self._secrets


def read(path: str) -> Mapping[str, Any]:
    """The content of a secrets file."""
    try:
        content: Mapping[str, Any] | None = golang.unmarshal_into(Path(path).read_bytes(), golang.MapOf(golang.ANY))
    except FileNotFoundError:
        raise ComponentError(f"open {path}: no such file or directory") from None
    except IsADirectoryError:
        raise ComponentError(f"read {path}: is a directory") from None
    except PermissionError:
        raise ComponentError(f"open {path}: permission denied") from None
    except golang.GoError as error:
        raise ComponentError(str(error)) from error
    return content or {}


def text_of(value: Any) -> str:
    """A value as Go's `%s` writes it, which is made for texts only (components-contrib secretstores/local/file)."""
    if isinstance(value, str):
        return value
    if value is None:
        return "%!s(<nil>)"
    return f"%!s({'bool' if isinstance(value, bool) else 'float64'}={golang.sprint(value)})"
