"""What can be done with a key, by the name of an algorithm as JOSE has it (dapr kit/crypto).

Everything fails with a `ComponentError`: a key of another kind or size is a `key type mismatch`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import constant_time, hashes, hmac, keywrap, padding
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from fakesidecar.components.crypto import Sealed
from fakesidecar.components.crypto.keys import MISMATCH, Key
from fakesidecar.errors import ComponentError

T = TypeVar("T")

TAG_BYTES = 16
AES_BLOCK_BYTES = 16
HCHACHA_NONCE_BYTES = 16
XCHACHA_NONCE_BYTES = 24

UNSUPPORTED = "unsupported algorithm"


# --- symmetric algorithms ----------------------------------------------------------------------------------------

Seal = Callable[[bytes, bytes, bytes, bytes], Sealed]
"""Key, plaintext, nonce, associated data."""
Open = Callable[[bytes, Sealed, bytes, bytes], bytes]


def _wrap(key: bytes, plain: bytes, nonce: bytes, associated: bytes) -> Sealed:
    return Sealed(keywrap.aes_key_wrap(key, plain))


def _unwrap(key: bytes, sealed: Sealed, nonce: bytes, associated: bytes) -> bytes:
    return keywrap.aes_key_unwrap(key, sealed.data)


def _seal_cbc(key: bytes, plain: bytes, nonce: bytes, associated: bytes) -> Sealed:
    padder = padding.PKCS7(AES_BLOCK_BYTES * 8).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(nonce)).encryptor()
    return Sealed(encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize())


def _open_cbc(key: bytes, sealed: Sealed, nonce: bytes, associated: bytes) -> bytes:
    unpadder = padding.PKCS7(AES_BLOCK_BYTES * 8).unpadder()
    decryptor = Cipher(algorithms.AES(key), modes.CBC(nonce)).decryptor()
    return unpadder.update(decryptor.update(sealed.data) + decryptor.finalize()) + unpadder.finalize()


def _authentication(key: bytes, data: bytes, nonce: bytes, associated: bytes, hash_: hashes.HashAlgorithm) -> bytes:
    """The tag of AES-CBC with HMAC (RFC 7518, 5.2.2)."""
    half = len(key) // 2
    authenticator = hmac.HMAC(key[:half], hash_)
    authenticator.update(associated + nonce + data + (len(associated) * 8).to_bytes(8, "big"))
    return authenticator.finalize()[:half]


def _cbc_hmac(hash_: hashes.HashAlgorithm) -> tuple[Seal, Open]:
    def seal(key: bytes, plain: bytes, nonce: bytes, associated: bytes) -> Sealed:
        sealed = _seal_cbc(key[len(key) // 2 :], plain, nonce, associated)
        return Sealed(sealed.data, _authentication(key, sealed.data, nonce, associated, hash_))

    def open_(key: bytes, sealed: Sealed, nonce: bytes, associated: bytes) -> bytes:
        expected = _authentication(key, sealed.data, nonce, associated, hash_)
        if not constant_time.bytes_eq(expected, sealed.tag):
            raise InvalidTag
        return _open_cbc(key[len(key) // 2 :], sealed, nonce, associated)

    return seal, open_


def _aead(kind: Callable[[bytes, bytes], tuple[AESGCM | ChaCha20Poly1305, bytes]]) -> tuple[Seal, Open]:
    """Both directions of a cipher that authenticates; `kind` makes it of key and nonce."""

    def seal(key: bytes, plain: bytes, nonce: bytes, associated: bytes) -> Sealed:
        cipher, nonce = kind(key, nonce)
        whole = cipher.encrypt(nonce, plain, associated)
        return Sealed(whole[:-TAG_BYTES], whole[-TAG_BYTES:])

    def open_(key: bytes, sealed: Sealed, nonce: bytes, associated: bytes) -> bytes:
        cipher, nonce = kind(key, nonce)
        return cipher.decrypt(nonce, sealed.data + sealed.tag, associated)

    return seal, open_


def _gcm(key: bytes, nonce: bytes) -> tuple[AESGCM, bytes]:
    return AESGCM(key), nonce


def _chacha(key: bytes, nonce: bytes) -> tuple[ChaCha20Poly1305, bytes]:
    return ChaCha20Poly1305(key), nonce


def _xchacha(key: bytes, nonce: bytes) -> tuple[ChaCha20Poly1305, bytes]:
    """XChaCha20: the first 16 bytes of the nonce make a key of their own (draft-irtf-cfrg-xchacha, 2.3)."""
    if len(nonce) != XCHACHA_NONCE_BYTES:
        raise ValueError("invalid nonce size")
    return ChaCha20Poly1305(_hchacha(key, nonce[:HCHACHA_NONCE_BYTES])), bytes(4) + nonce[HCHACHA_NONCE_BYTES:]


def _hchacha(key: bytes, nonce: bytes) -> bytes:
    """HChaCha20: the first block of ChaCha20's key stream without the state that was added to it."""
    stream = Cipher(algorithms.ChaCha20(key, nonce), None).encryptor().update(bytes(64))
    state = b"expand 32-byte k" + key + nonce
    words = [
        (int.from_bytes(stream[at : at + 4], "little") - int.from_bytes(state[at : at + 4], "little")) % (1 << 32)
        for at in (*range(0, 16, 4), *range(48, 64, 4))
    ]
    return b"".join(word.to_bytes(4, "little") for word in words)


SYMMETRIC: Mapping[str, tuple[int, Seal, Open]] = {
    **{f"A{bits}CBC": (bits // 8, _seal_cbc, _open_cbc) for bits in (128, 192, 256)},
    **{f"A{bits}GCM": (bits // 8, *_aead(_gcm)) for bits in (128, 192, 256)},
    **{f"A{bits}KW": (bits // 8, _wrap, _unwrap) for bits in (128, 192, 256)},
    "A128CBC-HS256": (32, *_cbc_hmac(hashes.SHA256())),
    "A192CBC-HS384": (48, *_cbc_hmac(hashes.SHA384())),
    "A256CBC-HS512": (64, *_cbc_hmac(hashes.SHA512())),
    "C20P": (32, *_aead(_chacha)),
    "C20PKW": (32, *_aead(_chacha)),
    "XC20P": (32, *_aead(_xchacha)),
    "XC20PKW": (32, *_aead(_xchacha)),
}
"""The size of the key in bytes, and both directions."""

# --- asymmetric algorithms ---------------------------------------------------------------------------------------


def _oaep(hash_: hashes.HashAlgorithm) -> Callable[[bytes], rsa_padding.AsymmetricPadding]:
    return lambda label: rsa_padding.OAEP(rsa_padding.MGF1(hash_), hash_, label or None)


RSA: Mapping[str, Callable[[bytes], rsa_padding.AsymmetricPadding]] = {
    "RSA1_5": lambda label: rsa_padding.PKCS1v15(),
    "RSA-OAEP": _oaep(hashes.SHA1()),  # the name says so (RFC 7518)
    "RSA-OAEP-256": _oaep(hashes.SHA256()),
    "RSA-OAEP-384": _oaep(hashes.SHA384()),
    "RSA-OAEP-512": _oaep(hashes.SHA512()),
}
"""The padding, given a label."""

HASHES: Mapping[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
SIGNATURES = (*(f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in HASHES), "EdDSA")
CURVES = {"256": "secp256r1", "384": "secp384r1", "512": "secp521r1"}


# --- what is done with a key -------------------------------------------------------------------------------------


def encrypt(key: Key, algorithm: str, plain: bytes, nonce: bytes = b"", associated: bytes = b"") -> Sealed:
    """Encrypt with the key."""
    if algorithm in SYMMETRIC:
        size, seal, _ = SYMMETRIC[algorithm]
        return _tried(lambda: seal(_bytes_of(key, size), plain, nonce, associated))
    padding_of = RSA.get(algorithm)
    if padding_of is None:
        raise ComponentError(UNSUPPORTED)
    public = key.public
    if not isinstance(public, rsa.RSAPublicKey):
        raise ComponentError(MISMATCH)
    return Sealed(_tried(lambda: public.encrypt(plain, padding_of(associated))))


def decrypt(key: Key, algorithm: str, sealed: Sealed, nonce: bytes = b"", associated: bytes = b"") -> bytes:
    """Decrypt with the key."""
    if algorithm in SYMMETRIC:
        size, _, open_ = SYMMETRIC[algorithm]
        return _tried(lambda: open_(_bytes_of(key, size), sealed, nonce, associated))
    padding_of, private = RSA.get(algorithm), key.material
    if padding_of is None:
        raise ComponentError(UNSUPPORTED)
    if not isinstance(private, rsa.RSAPrivateKey):
        raise ComponentError(MISMATCH)
    return _tried(lambda: private.decrypt(sealed.data, padding_of(associated)))


def sign(key: Key, algorithm: str, digest: bytes) -> bytes:
    """The signature of a digest; of the message itself where the algorithm takes no digest."""
    private, how = key.material, _signing(algorithm, key.material)
    if not hasattr(private, "sign"):
        raise ComponentError(MISMATCH)
    signature: bytes = _tried(lambda: private.sign(digest, *how))
    return signature


def verify(key: Key, algorithm: str, digest: bytes, signature: bytes) -> bool:
    """Whether the signature is the key's."""
    public = key.public
    how = _signing(algorithm, public)
    try:
        _tried(lambda: public.verify(signature, digest, *how))
    except InvalidSignature:
        return False
    return True


def _bytes_of(key: Key, size: int) -> bytes:
    if not isinstance(key.material, bytes) or len(key.material) != size:
        raise ComponentError(MISMATCH)
    return key.material


def _signing(algorithm: str, material: Any) -> tuple[Any, ...]:
    """What `sign` and `verify` of a key are told besides the data."""
    if algorithm not in SIGNATURES:
        raise ComponentError(UNSUPPORTED)
    if algorithm == "EdDSA":
        _check_kind(material, (ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey))
        return ()
    kind, hash_ = algorithm[:2], HASHES[algorithm[2:]]
    if kind == "ES":
        _check_kind(material, (ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey))
        if material.curve.name != CURVES[algorithm[2:]]:
            raise ComponentError(MISMATCH)
        return (ec.ECDSA(Prehashed(hash_)),)
    _check_kind(material, (rsa.RSAPrivateKey, rsa.RSAPublicKey))
    if kind == "RS":
        return rsa_padding.PKCS1v15(), Prehashed(hash_)
    private = isinstance(material, rsa.RSAPrivateKey)
    salt = rsa_padding.PSS.MAX_LENGTH if private else rsa_padding.PSS.AUTO
    return rsa_padding.PSS(rsa_padding.MGF1(hash_), salt), Prehashed(hash_)


def _check_kind(material: Any, kinds: tuple[type, ...]) -> None:
    if not isinstance(material, kinds):
        raise ComponentError(MISMATCH)


def _tried(action: Callable[[], T]) -> T:
    try:
        return action()
    except (ValueError, InvalidTag, keywrap.InvalidUnwrap) as error:
        raise ComponentError(str(error) or "message authentication failed") from error
