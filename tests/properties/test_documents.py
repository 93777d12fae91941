"""Encrypted documents: whatever is encrypted, in whatever chunks, comes back; whatever is changed is noticed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import chain, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakesidecar.core.crypto_document import (
    CIPHERS,
    KEY_ALGORITHMS,
    MAX_HEADER_BYTES,
    SEGMENT_BYTES,
    TAG_BYTES,
    Decrypter,
    Encrypter,
    Manifest,
)
from fakesidecar.errors import DocumentError, SegmentDamaged

FILE_KEY = bytes(range(32))
SEALED_BYTES = SEGMENT_BYTES + TAG_BYTES

ciphers = st.sampled_from(sorted(CIPHERS))
algorithms = st.sampled_from(sorted(KEY_ALGORITHMS))
names = st.text(max_size=30)
edges = st.sampled_from(
    [size + by for size in (0, SEGMENT_BYTES, 2 * SEGMENT_BYTES) for by in (-1, 0, 1) if size + by >= 0]
)
sizes = st.one_of(st.integers(0, 200), edges, st.integers(0, 200_000))


def pattern(size: int) -> bytes:
    """Bytes that are different in every segment."""
    return hashlib.shake_128(b"pattern").digest(size)


def manifest(cipher: str = "AES-GCM", algorithm: str = "A256KW", name: str = "key") -> Manifest:
    return Manifest(algorithm, b"wrapped", cipher, b"\x00\x01\x02\x03\x04\x05\x06", name)


def cut(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    places = sorted({min(place, len(data)) for place in cuts} | {0, len(data)})
    return (data[begin:end] for begin, end in pairwise(places))


def encrypted(plain: bytes, how: Manifest | None = None, cuts: list[int] | None = None) -> bytes:
    encrypter = Encrypter(how or manifest(), FILE_KEY)
    parts = [part for chunk in cut(plain, cuts or []) for part in encrypter.feed(chunk)]
    return encrypter.header + b"".join([*parts, *encrypter.finish()])


def decrypted(document: bytes, cuts: list[int] | None = None, into: list[bytes] | None = None) -> bytes:
    """The plaintext; what was given before an error is in `into`."""
    parts: list[bytes] = [] if into is None else into
    decrypter = Decrypter(lambda _: FILE_KEY)
    for chunk in cut(document, cuts or []):
        for part in decrypter.feed(chunk):
            parts.append(part)
    for part in decrypter.finish():
        parts.append(part)
    return b"".join(parts)


@given(sizes, ciphers, algorithms, names, st.lists(st.integers(0, 210_000)), st.lists(st.integers(0, 210_000)))
def test_what_is_encrypted_comes_back(
    size: int, cipher: str, algorithm: str, name: str, cuts: list[int], others: list[int]
) -> None:
    how = manifest(cipher, algorithm, name)
    plain = pattern(size)
    document = encrypted(plain, how, cuts)
    assert document == encrypted(plain, how)
    assert decrypted(document, others) == plain


@given(st.binary(max_size=300), st.lists(st.integers(0, 500)))
def test_any_bytes_come_back(plain: bytes, cuts: list[int]) -> None:
    assert decrypted(encrypted(plain, cuts=cuts), cuts) == plain


def test_bytes_may_come_one_by_one() -> None:
    document = encrypted(b"some text")
    assert decrypted(document, list(range(len(document)))) == b"some text"


@given(names)
def test_the_manifest_tells_how_a_document_is_encrypted(name: str) -> None:
    told: list[Manifest] = []

    def unwrap(found: Manifest) -> bytes:
        told.append(found)
        return FILE_KEY

    how = manifest("CHACHA20-POLY1305", "RSA-OAEP-256", name)
    list(Decrypter(unwrap).feed(encrypted(b"x", how)))
    assert told == [how]


@st.composite
def damages(draw: st.DrawFn) -> tuple[bytes, bytes, bytes]:
    """A plaintext, its document, and a document that is not quite it."""
    plain = pattern(draw(st.integers(1, 200_000)))
    document = encrypted(plain, manifest(draw(ciphers), draw(algorithms)))
    place = draw(st.integers(0, len(document) - 1))
    kind = draw(st.sampled_from(["flip", "drop", "cut", "swap", "add", "repeat"]))
    before, byte, after = document[:place], document[place : place + 1], document[place + 1 :]
    if kind == "flip":
        changed = before + bytes([byte[0] ^ (1 << draw(st.integers(0, 7)))]) + after
    elif kind == "drop":
        changed = before + after
    elif kind == "cut":
        changed = before
    elif kind == "swap":
        changed = before + after[:1] + byte + after[1:]
    elif kind == "add":
        changed = before + draw(st.binary(min_size=1, max_size=3)) + byte + after
    else:
        changed = document + document[-SEALED_BYTES:]
    return plain, document, changed


@given(damages(), st.lists(st.integers(0, 210_000), max_size=5))
def test_damage_is_noticed_and_nothing_behind_it_is_told(damage: tuple[bytes, bytes, bytes], cuts: list[int]) -> None:
    plain, document, changed = damage
    header = len(document) - len(plain) - TAG_BYTES * -(-len(plain) // SEGMENT_BYTES)
    told: list[bytes] = []
    if changed in (document, document[:header]):
        return  # two equal neighbours were swapped; or all segments are gone, which daprd does not notice either
    with pytest.raises(DocumentError) as caught:
        decrypted(changed, cuts, told)
    fault = next(
        (place for place, (one, other) in enumerate(zip(document, changed, strict=False)) if one != other),
        len(document),
    )
    assert len(told) <= max(0, fault - header) // SEALED_BYTES
    assert b"".join(told) == plain[: len(b"".join(told))]
    if isinstance(caught.value, SegmentDamaged):
        assert str(caught.value) == f"error processing segment {len(told)}: failed to decrypt segment"


def test_segments_cannot_change_places() -> None:
    document = encrypted(pattern(3 * SEGMENT_BYTES))
    body = len(document) - 3 * SEALED_BYTES
    first, second, third = (document[body + n * SEALED_BYTES :][:SEALED_BYTES] for n in range(3))
    with pytest.raises(SegmentDamaged, match="segment 0"):
        decrypted(document[:body] + second + first + third)
    with pytest.raises(SegmentDamaged, match="segment 1"):
        decrypted(document[:body] + first + third + second)


def test_the_nonce_prefix_belongs_to_the_key() -> None:
    one, other = manifest(), Manifest("A256KW", b"wrapped", "AES-GCM", b"\xff" * 7, "key")
    assert encrypted(b"x", one)[-17:] != encrypted(b"x", other)[-17:]


@pytest.mark.parametrize("chunk", [1 << 10, 1 << 20])
def test_no_more_is_kept_than_a_chunk_and_a_segment(chunk: int) -> None:
    encrypter, decrypter = Encrypter(manifest(), FILE_KEY), Decrypter(lambda _: FILE_KEY)
    list(decrypter.feed(encrypter.header))
    sent = got = 0
    for _ in range(100):
        sent += chunk
        for sealed in encrypter.feed(bytes(chunk)):
            got += sum(map(len, decrypter.feed(sealed)))
        assert sent - got <= 2 * SEALED_BYTES


@pytest.mark.parametrize("garbage", [b"x" * 200_000, b"dapr.io/enc/v1\n" + b"x" * 200_000])
def test_a_header_ends_somewhere(garbage: bytes) -> None:
    decrypter = Decrypter(lambda _: FILE_KEY)
    chunks = iter(garbage[place : place + 1000] for place in range(0, len(garbage), 1000))
    with pytest.raises(DocumentError, match="not found"):
        list(chain.from_iterable(map(decrypter.feed, chunks)))
    assert len(b"".join(chunks)) >= len(garbage) - MAX_HEADER_BYTES - 1000
