"""Whatever is taken for a key, and whatever is asked of one: it is refused in words, or it works."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x25519
from hypothesis import given
from hypothesis import strategies as st

from fakesidecar.components.crypto import Sealed
from fakesidecar.components.crypto.keys import Key, parse_key, public_jwk, public_pem
from fakesidecar.components.crypto.operations import RSA, SIGNATURES, SYMMETRIC, decrypt, encrypt, sign, verify
from fakesidecar.components.key_sets import parse_set
from fakesidecar.errors import ComponentError

PRIVATE = (
    rsa.generate_private_key(65537, 1024),
    ec.generate_private_key(ec.SECP256R1()),
    ec.generate_private_key(ec.SECP384R1()),
    ed25519.Ed25519PrivateKey.generate(),
    ed448.Ed448PrivateKey.generate(),
    x25519.X25519PrivateKey.generate(),
)
MATERIAL: tuple[Any, ...] = (None, *map(bytes, (0, 5, 16, 24, 32, 48, 64)), *PRIVATE)

keys = st.sampled_from([Key(one) for one in (*MATERIAL, *(key.public_key() for key in PRIVATE))])
algorithms = st.sampled_from([*SYMMETRIC, *RSA, *SIGNATURES, "A128CBC-NOPAD", ""])
data = st.one_of(st.sampled_from([bytes(size) for size in (0, 8, 16, 24, 32, 48, 64, 128)]), st.binary(max_size=200))
odd: st.SearchStrategy[Any] = st.sampled_from(
    [None, 5, 1.5, True, "", "AAAA", "!!", "é", [], {}, "P-256", "Ed25519", "AQAB", ["wrapKey"], "enc"]
)
kinds = st.sampled_from(["oct", "RSA", "EC", "OKP"])
fields = st.sampled_from(
    ["k", "n", "e", "d", "p", "q", "dp", "dq", "qi", "x", "y", "crv", "use", "key_ops", "alg", "kid"]
)
members = st.builds(lambda kind, rest: {**rest, "kty": kind}, kinds | odd, st.dictionaries(fields, odd))
files = st.one_of(st.binary(max_size=100), st.text(max_size=100).map(str.encode))


@given(keys, algorithms, data, data, data, data)
def test_whatever_is_asked_of_a_key_is_done_or_refused(
    key: Key, algorithm: str, content: bytes, nonce: bytes, tag: bytes, associated: bytes
) -> None:
    with contextlib.suppress(ComponentError):
        sealed = encrypt(key, algorithm, content, nonce, associated)
        with contextlib.suppress(ComponentError):
            assert decrypt(key, algorithm, sealed, nonce, associated) == content
    with contextlib.suppress(ComponentError):
        decrypt(key, algorithm, Sealed(content, tag), nonce, associated)
    with contextlib.suppress(ComponentError):
        assert verify(key, algorithm, content, sign(key, algorithm, content))
    with contextlib.suppress(ComponentError):
        verify(key, algorithm, content, tag)
    for public in (public_pem, public_jwk):
        with contextlib.suppress(ComponentError):
            assert parse_key(public(key).encode()).public == key.public


@given(members)
def test_whatever_says_that_it_is_a_key_is_read_or_refused(said: dict[str, Any]) -> None:
    with contextlib.suppress(ComponentError):
        parse_key(json.dumps(said).encode(), ".json").check("wrapKey", "A256KW")
    with contextlib.suppress(ComponentError):
        parse_set(json.dumps({"keys": [said]}).encode())


@given(
    st.one_of(st.binary(max_size=100), st.text(max_size=100).map(str.encode)), st.sampled_from(["", ".json", ".pem"])
)
def test_any_file_is_a_key_or_is_none(content: bytes, suffix: str) -> None:
    with contextlib.suppress(ComponentError):
        parse_key(content, suffix)
    with contextlib.suppress(ComponentError):
        parse_set(content)
