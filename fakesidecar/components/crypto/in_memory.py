"""`crypto.in-memory`: keys that a test has; this project's own, unknown to daprd."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fakesidecar.components.crypto import CryptoProvider
from fakesidecar.components.registry import component
from fakesidecar.errors import ComponentError

if TYPE_CHECKING:
    from fakesidecar.components.crypto.keys import Key


@component("crypto.in-memory")
class InMemory(CryptoProvider):
    """Keys from its metadata (`name: PEM, JSON Web Key or base64`), and those that a test adds."""

    def find(self, name: str) -> Key:
        from fakesidecar.components.crypto.keys import parse_key

        if name not in self.spec.metadata:
            raise ComponentError("key not found")
        return parse_key(self.spec.metadata[name].encode())

    def names(self) -> Iterable[str]:
        return self.spec.metadata
