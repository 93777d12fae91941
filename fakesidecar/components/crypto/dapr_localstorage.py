"""`crypto.dapr.localstorage`: each file of a folder is a key (components-contrib crypto/localstorage)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from fakesidecar import golang
from fakesidecar.components.crypto import CryptoProvider
from fakesidecar.components.registry import Surroundings, component
from fakesidecar.errors import ComponentError
from fakesidecar.resources.component import Component

if TYPE_CHECKING:
    from fakesidecar.components.crypto.keys import Key


@component("crypto.dapr.localstorage")
class LocalStorage(CryptoProvider):
    """The keys in the folder `path`, by the names of their files."""

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        try:
            self._folder = folder_of(spec.setting("path"))
        except ComponentError as error:
            raise ComponentError(f"failed to load metadata: {error}") from error

    def find(self, name: str) -> Key:
        from fakesidecar.components.crypto.keys import parse_key

        if ".." in name:
            raise ComponentError("invalid key path: cannot contain '..'")
        path = self._folder / name.lstrip("/")
        try:
            content = path.read_bytes()
        except OSError as error:
            call = "read" if isinstance(error, IsADirectoryError) else "open"
            raise ComponentError(f"failed to load key '{name}': {golang.path_error(call, error)}") from error
        try:
            return parse_key(content, path.suffix)
        except ComponentError as error:
            raise ComponentError(f"failed to parse key from secret: {error}") from error

    def names(self) -> Iterable[str]:
        return (path.relative_to(self._folder).as_posix() for path in self._folder.rglob("*") if path.is_file())


def folder_of(text: str) -> Path:
    """The folder that `path` names."""
    if not text:
        raise ComponentError("metadata property 'path' is required")
    path = Path(text)
    try:
        path.stat()
    except OSError as error:
        raise ComponentError(f"could not stat path '{text}': {golang.path_error('stat', error)}") from error
    if not path.is_dir():
        raise ComponentError(f"path '{text}' is not a directory")
    return path
