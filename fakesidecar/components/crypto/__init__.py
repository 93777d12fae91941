"""What a crypto provider is: keys by name. What is done with them is in `operations.py`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fakesidecar.components.base import ComponentBase
from fakesidecar.components.registry import Surroundings
from fakesidecar.resources.component import Component

if TYPE_CHECKING:
    from fakesidecar.components.crypto.keys import Key


@dataclass(frozen=True, slots=True)
class Sealed:
    """What was encrypted, and the tag that authenticates it where the algorithm has one."""

    data: bytes
    tag: bytes = b""


class CryptoProvider(ComponentBase):
    """A place where keys are kept."""

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        self.added: dict[str, bytes] = {}
        """What was added here since; it comes before what the place itself has."""

    def key(self, name: str) -> Key:
        """The key of that name; what is missing or cannot be read raises `ComponentError`."""
        from fakesidecar.components.crypto.keys import parse_key

        return parse_key(self.added[name]) if name in self.added else self.find(name)

    @abstractmethod
    def find(self, name: str) -> Key:
        """The key of that name in this place."""

    @abstractmethod
    def names(self) -> Iterable[str]:
        """The names of the keys in this place."""

    def reset(self) -> None:
        self.added.clear()

    def snapshot(self) -> dict[str, bytes]:
        return self.added.copy()

    def restore(self, kept: dict[str, bytes]) -> None:
        self.added = kept.copy()
