"""State that is encrypted at rest (dapr pkg/encryption): AES-GCM, with the name of the key behind the value."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fakesidecar import golang
from fakesidecar.components.state import Json, Operation, Upsert
from fakesidecar.errors import ComponentError, NotCreated
from fakesidecar.resources.component import Component

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from fakesidecar.ids import Ids

SEPARATOR = b"||"
NONCE_BYTES = 12
PROPERTIES = ("primaryEncryptionKey", "secondaryEncryptionKey")


@dataclass(frozen=True, slots=True)
class Key:
    """An AES key, known by the name of its secret."""

    name: str
    cipher: AESGCM


class Encryption:
    """Encrypts with the first of its keys, decrypts with the one that a value names."""

    def __init__(self, store: str, keys: list[Key], ids: Ids) -> None:
        self._store = store
        self._keys = keys
        self._ids = ids

    def encrypted(self, operation: Operation, *, in_transaction: bool) -> Operation:
        """The operation with its value encrypted, as text of the kind that Go's `%v` makes of it."""
        if not isinstance(operation, Upsert):
            return operation
        value = operation.value
        # A transaction prints bytes as Go prints a slice of them, a save takes them as they are.
        plain = golang.sprint(value.value if isinstance(value, Json) else value).encode()
        if isinstance(value, bytes) and not in_transaction:
            plain = value
        return Upsert(
            operation.key,
            self._encrypt(plain),
            operation.etag,
            operation.metadata,
            operation.concurrency,
            operation.consistency,
        )

    def _encrypt(self, plain: bytes) -> bytes:
        key = self._keys[0]
        nonce = self._ids.token_bytes(NONCE_BYTES)
        return base64.b64encode(nonce + key.cipher.encrypt(nonce, plain, None)) + SEPARATOR + key.name.encode()

    def decrypt(self, stored: bytes) -> bytes:
        """The value of what is stored."""
        from cryptography.exceptions import InvalidTag

        text, _, name = stored.rpartition(SEPARATOR)
        key = next((key for key in self._keys if key.name.encode() == name), None)
        if key is None:
            raise ComponentError(
                f"could not decrypt data for state store {self._store}: encryption key name not found on record"
            )
        sealed = _decoded(text)
        try:
            return key.cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)
        except (InvalidTag, ValueError):
            raise ComponentError("cipher: message authentication failed") from None


def encryption_of(spec: Component, ids: Ids) -> Encryption | None:
    """The encryption that a store's metadata asks for; keys count only when they come from secrets."""
    keys = [_key(spec, name) for name in PROPERTIES if name in spec.secret_refs]
    return Encryption(spec.name, keys, ids) if keys else None


def _key(spec: Component, property_name: str) -> Key:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    secret = spec.secret_refs[property_name].name
    if not spec.metadata.get(property_name):
        reason = f"failed to extract encryption key: secret {secret} not found"
        raise NotCreated(f"failed to extract encryption key: {reason}")
    text = spec.metadata[property_name]
    for character in text:
        if character not in "0123456789abcdefABCDEF":
            raise NotCreated(f"encoding/hex: invalid byte: U+{ord(character):04X} '{character}'")
    if len(text) % 2:
        raise NotCreated("encoding/hex: odd length hex string")
    raw = bytes.fromhex(text)
    if len(raw) not in (16, 24, 32):
        raise NotCreated(f"crypto/aes: invalid key size {len(raw)}")
    return Key(secret, AESGCM(raw))


def _decoded(text: bytes) -> bytes:
    try:
        return golang.decode_base64(text)
    except golang.GoError as error:
        raise ComponentError(str(error)) from error
