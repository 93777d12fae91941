"""Keys as they are kept in files: PEM, JSON Web Keys, and plain bytes (dapr kit/crypto/keys.go)."""

from __future__ import annotations

import base64
import binascii
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from fakesidecar import golang
from fakesidecar.errors import ComponentError

USES = {
    "": None,
    "sig": ("sign", "verify"),
    "enc": ("encrypt", "decrypt", "wrapKey", "unwrapKey"),
}
"""What a key may be used for by its `use`; None is everything."""

MISMATCH = "key type mismatch"

SYMMETRIC_SIZES = (16, 24, 32)
AES_BITS, RSA_BITS = 256, 2048
"""The size of new keys."""
SHORTEST_PEM = 11
KEPT = 64
"""How many keys are kept parsed: checking an RSA key takes much longer than using it."""

_PEM = re.compile(rb"-----BEGIN ([^\n-]+)-----\r?\n(.*?)-----END \1-----", re.DOTALL)
_BASE64 = re.compile(rb"[A-Za-z0-9+/\r\n]+")
_BASE64_OF_URLS = re.compile(rb"[A-Za-z0-9_\-\r\n]+")


@dataclass(frozen=True, slots=True)
class Key:
    """A key, and what it says it is for."""

    material: Any
    """Bytes of a symmetric key, a key object of `cryptography`, or None when no algorithm could use it."""
    algorithm: str = ""
    """The only one it is for; empty when it does not say."""
    use: str = ""
    operations: Sequence[str] = ()

    @property
    def public(self) -> Any:
        """The public half of an asymmetric key, as `cryptography` has it."""
        if self.material is None or isinstance(self.material, bytes):
            raise ComponentError(MISMATCH)
        return self.material.public_key() if hasattr(self.material, "public_key") else self.material

    def check(self, operation: str, algorithm: str) -> None:
        """Refuse what the key says that it is not for."""
        allowed = USES.get(self.use, ())
        if (allowed is not None and operation not in allowed) or (self.operations and operation not in self.operations):
            raise ComponentError(f"key cannot perform the '{operation}' operation")
        if self.algorithm not in ("", algorithm):
            raise ComponentError(f"key cannot be used with algorithm '{algorithm}'")


@lru_cache(KEPT)
def parse_key(content: bytes, suffix: str = "") -> Key:
    """The key in a file; what the suffix does not tell is told from the content."""
    if not content:
        raise ComponentError("key is empty")
    if suffix == ".json" or (content[:1] == b"{" and len(content) not in SYMMETRIC_SIZES):
        return parse_jwk(content)
    if suffix == ".pem" or (content.startswith(b"-----") and len(content) >= SHORTEST_PEM):
        return Key(_parse_pem(content))
    return Key(_parse_bytes(content))


def new_key(kind: Literal["AES", "RSA"]) -> bytes:
    """A key that nobody else has, as a file of it would be: 32 bytes as base64, or a private key as PEM."""
    if kind == "AES":
        return base64.b64encode(AESGCM.generate_key(AES_BITS))
    key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


# --- plain bytes -------------------------------------------------------------------------------------------------


def _parse_bytes(content: bytes) -> bytes:
    """A symmetric key: base64 of either alphabet where it can be that, else the bytes themselves."""
    text = content.rstrip(b"\r\n").rstrip(b"=")
    for pattern, characters in ((_BASE64, b"+/"), (_BASE64_OF_URLS, b"-_")):
        letters = text.translate(None, b"\r\n")
        if pattern.fullmatch(text) and len(letters) % 4 != 1:
            return base64.b64decode(letters + b"=" * (-len(letters) % 4), characters)
    return content


# --- PEM ---------------------------------------------------------------------------------------------------------


def _private(der: bytes) -> Any:
    return load_der_private_key(der, None)


PEM_KINDS: Mapping[bytes, tuple[str, Callable[[bytes], Any]]] = {
    b"PRIVATE KEY": ("PKCS8 private key", _private),
    b"RSA PRIVATE KEY": ("PKCS1 private key", _private),
    b"EC PRIVATE KEY": ("EC private key", _private),
    b"PUBLIC KEY": ("PKIX public key", load_der_public_key),
    b"RSA PUBLIC KEY": ("PKCS1 public key", load_der_public_key),
    b"CERTIFICATE": ("certificate", lambda der: x509.load_der_x509_certificate(der).public_key()),
}
"""What a PEM block is called, what messages call it, and how it is read."""


def _parse_pem(content: bytes) -> Any:
    block = _PEM.search(content)
    try:
        der = golang.decode_base64(block[2]) if block else None
    except golang.GoError:
        der = None
    if block is None or der is None:
        raise ComponentError("failed to parse PEM encoded key: failed to decode PEM data")
    if block[1] not in PEM_KINDS:
        raise ComponentError(f"failed to parse PEM encoded key: invalid PEM block type {block[1].decode('latin-1')}")
    kind, load = PEM_KINDS[block[1]]
    try:
        return load(der)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ComponentError(f"failed to parse PEM encoded key: failed to parse {kind}: {error}") from error


# --- JSON Web Keys -----------------------------------------------------------------------------------------------

HINT = golang.Struct(
    r'struct { Kty string "json:\"kty\""; D json.RawMessage "json:\"d\"" }',
    (golang.Field("kty", golang.TEXT), golang.Field("d", golang.ANY)),
)
REQUIRED = {"oct": ("k",), "RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
GO_TYPES = {
    "oct": ("symmetricKey", "symmetricKey"),
    "RSA": ("rsaPublicKey", "rsaPrivateKey"),
    "EC": ("ecdsaPublicKey", "ecdsaPrivateKey"),
    "OKP": ("okpPublicKey", "okpPrivateKey"),
}
"""What messages call a key that is public, and one that is private."""
PUBLIC_KINDS: Mapping[Literal["RSA", "EC", "OKP"], tuple[type, ...]] = {
    "RSA": (rsa.RSAPublicKey,),
    "EC": (ec.EllipticCurvePublicKey,),
    "OKP": (ed25519.Ed25519PublicKey, x25519.X25519PublicKey),
}
PURPOSE: Mapping[str, golang.Shape] = {
    "alg": golang.TEXT,
    "use": golang.TEXT,
    "key_ops": golang.ListOf(golang.TEXT),
}
"""What says what a key is for; Dapr looks at it when the key is used, however odd it is."""


def parse_jwk(content: bytes) -> Key:
    """The key that a JSON Web Key tells of."""
    try:
        golang.decode_first(content, HINT)
        members = golang.decode_first(content, golang.MapOf(golang.ANY))
    except golang.GoError as error:
        raise ComponentError(f"failed to unmarshal JSON into key hint: {error}") from error
    return key_of_jwk(members)


def key_of_jwk(members: Mapping[str, Any]) -> Key:
    """The key that the members of a JSON Web Key tell of."""
    check_jwk(members)
    said = _purpose(members)
    return Key(_material(members), said["alg"], said["use"], tuple(said["key_ops"] or ()))


def check_jwk(members: Mapping[str, Any]) -> None:
    """Refuse what is no JSON Web Key, without the arithmetic that shows whether the numbers in it are right."""
    kind = members.get("kty")
    if not isinstance(kind, str) or kind not in REQUIRED:
        raise ComponentError(f"invalid key type from JSON ({kind or ''})")
    if missing := [name for name in REQUIRED[kind] if name not in members]:
        raise _refusal(members, f"required field {missing[0]} is missing")
    _purpose(members)


def _purpose(members: Mapping[str, Any]) -> dict[str, Any]:
    said = {}
    for name, shape in PURPOSE.items():
        try:
            said[name] = golang.unmarshal_into(golang.marshal(members.get(name)), shape)
        except golang.GoError as error:
            raise _refusal(members, f"failed to decode value for key {name}: {error}") from error
    return said


def _material(members: Mapping[str, Any]) -> Any:
    from joserfc.errors import JoseError

    try:
        return _imported({name: value for name, value in members.items() if name not in PURPOSE}).raw_value
    except (JoseError, binascii.Error) as error:
        raise _refusal(members, str(error) or "expected base64 encoded []byte (string)") from error
    except (ValueError, KeyError):
        return None  # well written, but no such curve, or no point of it: Go finds out when the key is used


def _imported(said: Any, kind: Literal["RSA", "EC", "OKP"] | None = None) -> Any:
    """A key as joserfc has it; a key that is too short for today's taste is a key."""
    from joserfc.errors import SecurityWarning
    from joserfc.jwk import JWKRegistry

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        return JWKRegistry.import_key(said, kind)


def _refusal(members: Mapping[str, Any], reason: str) -> ComponentError:
    name = GO_TYPES[members["kty"]]["d" in members]
    return ComponentError(f"failed to unmarshal JSON into key (*jwk.{name}): {reason}")


# --- public keys -------------------------------------------------------------------------------------------------


def public_pem(key: Key) -> str:
    """The public half of a key as PEM (PKIX)."""
    text: bytes = key.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return text.decode()


def public_jwk(key: Key) -> str:
    """The public half of a key as a JSON Web Key."""
    kind = next((name for name, kinds in PUBLIC_KINDS.items() if isinstance(key.public, kinds)), None)
    if kind is None:
        raise ComponentError(MISMATCH)
    return golang.marshal(_imported(public_pem(key), kind).as_dict(private=False)).decode()
