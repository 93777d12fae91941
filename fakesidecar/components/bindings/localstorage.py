"""`bindings.localstorage`: files in a folder (components-contrib bindings/localstorage)."""

from __future__ import annotations

import base64
import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from fakesidecar import golang
from fakesidecar.components.bindings import OutputBinding, Reply
from fakesidecar.components.registry import Surroundings, component
from fakesidecar.errors import ComponentError
from fakesidecar.resources.component import Component

FORBIDDEN = ("/proc", "/sys", "/boot", "/var/run/secrets")
MAX_LINKS = 255

_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


@component("bindings.localstorage", features=("OUTPUT_BINDING",))
class LocalStorage(OutputBinding):
    """Files below `rootPath`; no name leads out of it."""

    blocking = True

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        try:
            self._root = root_of(spec.setting("rootPath"))
        except ComponentError as error:
            raise ComponentError(f"failed to parse metadata: {error}") from error
        try:
            self._root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = golang.path_error("mkdir", error)
            raise ComponentError(
                f"unable to create directory specified by 'rootPath' {self._root}: {reason}"
            ) from error
        self._operations = {
            "create": self._create,
            "get": self._get,
            "list": self._list,
            "delete": self._delete,
        }

    def operations(self) -> tuple[str, ...]:
        return tuple(self._operations)

    def invoke(self, operation: str, data: bytes, metadata: Mapping[str, str]) -> Reply | None:
        name = metadata.get("fileName", "")
        if not name and operation == "create":
            name = self.around.ids.uuid()
        try:
            path = secure_join(self._root, name)
        except OSError as error:
            raise ComponentError(
                f"error getting absolute path for file {name}: {golang.path_error('lstat', error)}"
            ) from error
        return self._operations[operation](path, data)

    def _create(self, path: Path, data: bytes) -> Reply:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ComponentError(
                f"error creating directory {path.parent}: {golang.path_error('mkdir', error)}"
            ) from error
        try:
            path.write_bytes(unpacked(data))
        except OSError as error:
            raise ComponentError(f"error creating file {path}: {golang.path_error('open', error)}") from error
        return Reply(golang.marshal({"fileName": str(path.relative_to(self._root))}))

    def _get(self, path: Path, data: bytes) -> Reply:
        try:
            return Reply(path.read_bytes())
        except FileNotFoundError as error:
            raise ComponentError(f"file not found: {path}") from error
        except IsADirectoryError as error:
            raise ComponentError(f"error reading file {path}: {golang.path_error('read', error)}") from error
        except OSError as error:
            raise ComponentError(f"error opening path {path}: {golang.path_error('open', error)}") from error

    def _list(self, path: Path, data: bytes) -> Reply:
        try:
            path.stat()
        except OSError as error:
            raise ComponentError(f"error getting stats for path {path}: {golang.path_error('stat', error)}") from error
        if not path.is_dir():
            raise ComponentError(f"unable to list files as the file specified is not a directory: {path}")
        return Reply(golang.marshal([str(found) for found in files(path)] or None))

    def _delete(self, path: Path, data: bytes) -> None:
        try:
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()
        except OSError as error:
            raise ComponentError(f"error deleting file {path}: {golang.path_error('remove', error)}") from error


def root_of(text: str) -> Path:
    """The folder that `rootPath` names, links in it followed as far as it exists."""
    if not text:
        raise ComponentError("property rootPath must not be empty")
    path = Path(os.path.abspath(text))  # noqa: PTH100  (`..` goes before links are followed, as in Go's Clean)
    existing = next(one for one in (path, *path.parents) if one.exists())
    if not existing.is_dir():
        raise ComponentError("property rootPath represents a file and not a directory")
    root = existing.resolve() / path.relative_to(existing)
    if any(root.is_relative_to(forbidden) for forbidden in FORBIDDEN):
        raise ComponentError("property rootPath points to a disallowed location")
    return root


def secure_join(root: Path, name: str) -> Path:
    """The path of a name below a folder that is taken for the root of all: links, too, end inside it.

    As github.com/cyphar/filepath-securejoin: what does not exist is taken as it is written.
    """
    path, links = root, 0
    left = [part for part in reversed(name.split("/")) if part]
    while left:
        part = left.pop()
        if part == ".":
            continue
        if part == "..":
            path = path if path == root else path.parent
            continue
        if not (path / part).is_symlink():
            path /= part
            continue
        links += 1
        if links > MAX_LINKS:
            raise OSError(40, "too many levels of symbolic links", f"{root}/{name}")
        target = (path / part).readlink()
        path = root if target.is_absolute() else path
        left += [one for one in reversed(str(target).split("/")) if one]
    return path


def unpacked(data: bytes) -> bytes:
    """Data as they are kept: a quoted text without its quotes, base64 decoded."""
    with contextlib.suppress(golang.GoError):
        data = golang.unquote(data)
    compact = data.replace(b"\r", b"").replace(b"\n", b"")
    return base64.b64decode(compact) if _BASE64.fullmatch(compact) else data


def files(folder: Path) -> Iterator[Path]:
    """Everything below a folder that is none itself, in the order of the names (path/filepath, Walk)."""
    for entry in sorted(folder.iterdir(), key=lambda one: os.fsencode(one.name)):
        if entry.is_dir() and not entry.is_symlink():
            yield from files(entry)
        else:
            yield entry
