"""The crypto building block: documents, and the operations behind them (dapr pkg/api/universal, crypto.go)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fakesidecar.components.crypto import CryptoProvider, Sealed
from fakesidecar.errors import (
    ComponentError,
    CryptoFailed,
    CryptoKeyFailed,
    CryptoProviderNotFound,
    CryptoProvidersNotConfigured,
    DocumentError,
    InvalidRequest,
    SubtleCryptoNotBuilt,
)
from fakesidecar.resources.component import Component

if TYPE_CHECKING:
    from fakesidecar.components.crypto.keys import Key
    from fakesidecar.core import Core
    from fakesidecar.core.crypto_document import Converter, Decrypter, Encrypter, Manifest

DEFAULT_CIPHER = "AES-GCM"
KEPT = 1000
"""How many of the last documents `CryptoBlock.operations` has."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A document that was made or opened, or begun to be."""

    name: str
    """`encrypt` or `decrypt`."""
    provider: str
    given_key: str
    converter: Converter = field(repr=False)

    @property
    def key(self) -> str:
        """The key that wraps the document's own, or unwraps it."""
        return self.given_key or (self._manifest.key_name if self._manifest else "")

    @property
    def algorithm(self) -> str:
        """How it does; empty when nothing came that is a document."""
        return self._manifest.algorithm if self._manifest else ""

    @property
    def cipher(self) -> str:
        """How the rest of the document is encrypted."""
        return self._manifest.cipher if self._manifest else ""

    @property
    def data(self) -> bytes:
        """What was in it, the first 64 KiB of it."""
        return bytes(self.converter.beginning)

    @property
    def size(self) -> int:
        """How many bytes were in it."""
        return self.converter.size

    @property
    def complete(self) -> bool:
        """False while it is under way, and when it failed."""
        return self.converter.complete

    @property
    def _manifest(self) -> Manifest | None:
        return self.converter.manifest


class CryptoBlock:
    """Crypto providers by name; `encrypter` and `decrypter` make and read documents with their keys."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._providers: dict[str, CryptoProvider] = {}
        self.operations: deque[Operation] = deque(maxlen=KEPT)
        """The last documents that were asked for."""
        self.subtle = SubtleCrypto(self, core.options.subtle_crypto)

    def add(self, spec: Component, provider: CryptoProvider) -> None:
        """Load a provider under its component's name."""
        self._providers[spec.name] = provider

    def provider(self, name: str) -> CryptoProvider:
        """The provider of that name."""
        if not self._providers:
            raise CryptoProvidersNotConfigured
        if not name:
            raise InvalidRequest(cause="missing component name")
        try:
            return self._providers[name]
        except KeyError:
            raise CryptoProviderNotFound(provider=name) from None

    def encrypter(
        self,
        provider: str,
        key: str,
        algorithm: str,
        *,
        cipher: str = "",
        key_name: str | None = None,
        noted: bool = True,
    ) -> Encrypter:
        """What makes a document whose own key is wrapped with a provider's key; `noted` is among the `operations`.

        The document names the key that decrypts it: `key_name`, nothing when that is empty, by default the same key.
        """
        from fakesidecar.core.crypto_document import (
            CIPHERS,
            KEY_ALGORITHM_ALIASES,
            KEY_ALGORITHMS,
            KEY_BYTES,
            NONCE_PREFIX_BYTES,
            Encrypter,
            Manifest,
        )

        found = self.provider(provider)
        algorithm, cipher = algorithm.upper(), cipher.upper() or DEFAULT_CIPHER
        algorithm = KEY_ALGORITHM_ALIASES.get(algorithm, algorithm)
        if algorithm not in KEY_ALGORITHMS:
            raise CryptoFailed(cause=f"option Algorithm is not valid: algorithm {algorithm} is not supported")
        if cipher not in CIPHERS:
            raise CryptoFailed(cause=f"option Cipher is not valid: cipher {cipher} is not supported")
        file_key = self._core.around.ids.token_bytes(KEY_BYTES)
        try:
            wrapped = wrap(found, key, algorithm, file_key).data
        except ComponentError as error:
            raise CryptoFailed(cause=f"failed to wrap the file key: {error}") from error
        nonce_prefix = self._core.around.ids.token_bytes(NONCE_PREFIX_BYTES)
        name = key if key_name is None else key_name
        encrypter = Encrypter(Manifest(algorithm, wrapped, cipher, nonce_prefix, name), file_key)
        if noted:
            self.operations.append(Operation("encrypt", provider, key, encrypter))
        return encrypter

    def decrypter(self, provider: str, key: str = "", *, noted: bool = True) -> Decrypter:
        """What opens a document, with the key that it names unless another one is given."""
        from fakesidecar.core.crypto_document import Decrypter

        found = self.provider(provider)

        def unwrapped(manifest: Manifest) -> bytes | None:
            name = key or manifest.key_name
            if not name:
                raise DocumentError("document's manifest does not contain a key name, and no key name was provided")
            try:
                return unwrap(found, name, manifest.algorithm, Sealed(manifest.wrapped_key))
            except ComponentError:
                return None  # nobody is to learn from the answer why it failed

        decrypter = Decrypter(unwrapped)
        if noted:
            self.operations.append(Operation("decrypt", provider, key, decrypter))
        return decrypter

    def waits(self) -> bool:
        """Whether any provider waits for something outside of this process."""
        return any(provider.blocking for provider in self._providers.values())

    def blocking(self, name: str) -> bool:
        """Whether the provider of that name waits for something outside of this process."""
        provider = self._providers.get(name)
        return provider is not None and provider.blocking

    def reset(self) -> None:
        """Forget what was done, and the keys that were added."""
        self.operations.clear()
        for provider in self._providers.values():
            provider.reset()

    def close(self) -> None:
        """Let go of everything outside of this process."""
        for provider in self._providers.values():
            provider.close()


def wrap(
    provider: CryptoProvider, key: str, algorithm: str, plain: bytes, nonce: bytes = b"", associated: bytes = b""
) -> Sealed:
    """A key, wrapped with a provider's (components-contrib crypto/localcrypto_base.go)."""
    from fakesidecar.components.crypto import operations

    try:
        wrapping = provider.key(key)
    except ComponentError as error:
        raise ComponentError(f"failed to retrieve the key encryption key: {error}") from error
    wrapping.check("wrapKey", algorithm)
    try:
        return operations.encrypt(wrapping, algorithm, plain, nonce, associated)
    except ComponentError as error:
        raise ComponentError(f"failed to encrypt data: {error}") from error


def unwrap(
    provider: CryptoProvider, key: str, algorithm: str, sealed: Sealed, nonce: bytes = b"", associated: bytes = b""
) -> bytes:
    """The key that was wrapped with a provider's."""
    from fakesidecar.components.crypto import operations

    return operations.decrypt(_key(provider, key, "unwrapKey", algorithm), algorithm, sealed, nonce, associated)


def _key(provider: CryptoProvider, name: str, operation: str, algorithm: str) -> Key:
    key = provider.key(name)
    key.check(operation, algorithm)
    return key


class SubtleCrypto:
    """The operations by themselves; official builds of daprd answer that they have none (build tag `subtlecrypto`)."""

    def __init__(self, block: CryptoBlock, served: bool) -> None:
        self._block = block
        self._served = served

    def public_key(self, provider: str, name: str, *, as_jwk: bool = False) -> str:
        """The public half of a key, as PEM or as a JSON Web Key."""
        from fakesidecar.components.crypto.keys import public_jwk, public_pem

        found = self._provider(provider)
        try:
            return (public_jwk if as_jwk else public_pem)(found.key(name))
        except ComponentError as error:
            raise CryptoKeyFailed(key=name, cause=error) from error

    def encrypt(
        self, provider: str, key: str, algorithm: str, plain: bytes, *, nonce: bytes = b"", associated: bytes = b""
    ) -> Sealed:
        """Encrypt a few bytes."""
        from fakesidecar.components.crypto import operations

        with self._using(provider, "encrypt") as found:
            return operations.encrypt(_key(found, key, "encrypt", algorithm), algorithm, plain, nonce, associated)

    def decrypt(
        self, provider: str, key: str, algorithm: str, sealed: Sealed, *, nonce: bytes = b"", associated: bytes = b""
    ) -> bytes:
        """Decrypt a few bytes."""
        from fakesidecar.components.crypto import operations

        with self._using(provider, "decrypt") as found:
            return operations.decrypt(_key(found, key, "decrypt", algorithm), algorithm, sealed, nonce, associated)

    def wrap_key(
        self, provider: str, key: str, algorithm: str, plain: bytes, *, nonce: bytes = b"", associated: bytes = b""
    ) -> Sealed:
        """Wrap a key with another one."""
        with self._using(provider, "wrap key") as found:
            return wrap(found, key, algorithm, plain, nonce, associated)

    def unwrap_key(
        self, provider: str, key: str, algorithm: str, sealed: Sealed, *, nonce: bytes = b"", associated: bytes = b""
    ) -> bytes:
        """Unwrap a key that another one wrapped."""
        with self._using(provider, "unwrap key") as found:
            return unwrap(found, key, algorithm, sealed, nonce, associated)

    def sign(self, provider: str, key: str, algorithm: str, digest: bytes) -> bytes:
        """Sign a digest."""
        from fakesidecar.components.crypto import operations

        with self._using(provider, "sign") as found:
            return operations.sign(_key(found, key, "sign", algorithm), algorithm, digest)

    def verify(self, provider: str, key: str, algorithm: str, digest: bytes, signature: bytes) -> bool:
        """Whether a signature is a key's."""
        from fakesidecar.components.crypto import operations

        with self._using(provider, "verify signature") as found:
            return operations.verify(_key(found, key, "verify", algorithm), algorithm, digest, signature)

    def _provider(self, name: str) -> CryptoProvider:
        if not self._served:
            raise SubtleCryptoNotBuilt
        return self._block.provider(name)

    @contextmanager
    def _using(self, provider: str, what: str) -> Iterator[CryptoProvider]:
        found = self._provider(provider)
        try:
            yield found
        except ComponentError as error:
            raise CryptoFailed(cause=f"failed to {what}") from error  # nobody is to learn from the answer why
