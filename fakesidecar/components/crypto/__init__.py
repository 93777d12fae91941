"""What a crypto provider is: keys by name. What is done with them is in `operations.py`."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fakesidecar.components.base import ComponentBase

if TYPE_CHECKING:
    from fakesidecar.components.crypto.keys import Key


@dataclass(frozen=True, slots=True)
class Sealed:
    """What was encrypted, and the tag that authenticates it where the algorithm has one."""

    data: bytes
    tag: bytes = b""


class CryptoProvider(ComponentBase):
    """A place where keys are kept."""

    @abstractmethod
    def key(self, name: str) -> Key:
        """The key of that name; what is missing or cannot be read raises `ComponentError`."""
