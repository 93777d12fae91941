"""Encrypted documents in Dapr's own format, `dapr.io/enc/v1`: chunks of bytes in, chunks of bytes out.

    encrypter = Encrypter(manifest, file_key)
    document = encrypter.header + b"".join([*encrypter.feed(b"text"), *encrypter.finish()])

A document is a header of three lines (the scheme, a manifest in JSON, a code that authenticates both) and segments
of 64 KiB, each sealed by itself under a nonce that tells its place and whether it is the last. Neither direction
keeps more than a chunk and a segment (dapr kit/schemes/enc/v1).
"""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from fakesidecar import golang
from fakesidecar.errors import DocumentError, SegmentDamaged

SCHEME = b"dapr.io/enc/v1"
SEGMENT_BYTES = 64 << 10
TAG_BYTES = 16
KEY_BYTES = 32
NONCE_PREFIX_BYTES = 7
MAX_HEADER_BYTES = 64 << 10
HEADER_LINES = 3
MAX_SEGMENTS = 1 << 32
NOTED_BYTES = 64 << 10

KEY_ALGORITHMS = {"A256KW": 1, "A128CBC-NOPAD": 2, "A192CBC-NOPAD": 3, "A256CBC-NOPAD": 4, "RSA-OAEP-256": 5}
"""How a file key can be wrapped, and the number that stands for it in a manifest."""
KEY_ALGORITHM_ALIASES = {"AES": "A256KW", "RSA": "RSA-OAEP-256"}
CIPHERS = {"AES-GCM": 1, "CHACHA20-POLY1305": 2}
"""How segments can be sealed, and the number that stands for it in a manifest."""

_AEAD: Mapping[str, type[AESGCM | ChaCha20Poly1305]] = {"AES-GCM": AESGCM, "CHACHA20-POLY1305": ChaCha20Poly1305}
_ALGORITHM_OF = {number: name for name, number in KEY_ALGORITHMS.items()}
_CIPHER_OF = {number: name for name, number in CIPHERS.items()}

_MANIFEST = golang.Struct(
    "v1.Manifest",
    (
        golang.Field("k", golang.TEXT),
        golang.Field("kw", golang.INT),
        golang.Field("wfk", golang.TEXT),
        golang.Field("cph", golang.INT),
        golang.Field("np", golang.TEXT),
    ),
)


@dataclass(frozen=True, slots=True)
class Manifest:
    """How a document is encrypted."""

    algorithm: str
    """How its key is wrapped."""
    wrapped_key: bytes
    cipher: str
    nonce_prefix: bytes
    key_name: str = ""
    """The key that unwraps the document's own; empty when whoever decrypts must know."""


class Converter(ABC):
    """Makes or opens one document: gives its `header`, then what `feed` and `finish` give. It notes what was in it."""

    header = b""
    manifest: Manifest | None = None
    """How the document is encrypted; None until that is known."""
    complete = False
    """False while there is more to come, and when it failed."""
    size = 0
    """How many bytes were in it."""

    def __init__(self) -> None:
        self.beginning = bytearray()
        """The first of what was in it."""

    @abstractmethod
    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take more; gives what is complete."""

    @abstractmethod
    def finish(self) -> Iterator[bytes]:
        """There is no more; gives what is left."""

    def _note(self, plain: bytes) -> bytes:
        self.size += len(plain)
        if len(self.beginning) < NOTED_BYTES:
            self.beginning += plain[: NOTED_BYTES - len(self.beginning)]
        return plain


class Encrypter(Converter):
    """Makes one document; there is no last segment when nothing at all was encrypted."""

    def __init__(self, manifest: Manifest, file_key: bytes) -> None:
        super().__init__()
        self.manifest = manifest
        signed = SCHEME + b"\n" + _line_of(manifest) + b"\n"
        self.header = signed + base64.b64encode(_authenticator(file_key, signed).finalize()) + b"\n"
        self._seals = _Seals(manifest, file_key)
        self._cutter = _Cutter(SEGMENT_BYTES)

    def feed(self, data: bytes) -> Iterator[bytes]:
        for segment in self._cutter.add(self._note(data)):
            yield self._seals.close(segment)

    def finish(self) -> Iterator[bytes]:
        if last := self._cutter.rest():
            yield self._seals.close(last, last=True)
        self.complete = True


class Decrypter(Converter):
    """Opens one document; `unwrap` finds the file key that a manifest tells of, None when it cannot."""

    def __init__(self, unwrap: Callable[[Manifest], bytes | None]) -> None:
        super().__init__()
        self._unwrap = unwrap
        self._head = bytearray()
        self._lines = 0
        self._seals: _Seals | None = None
        self._cutter = _Cutter(SEGMENT_BYTES + TAG_BYTES)

    @property
    def opened(self) -> bool:
        """Whether the header is read: the key is known, and what is left are segments."""
        return self._seals is not None

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._seals is None:
            self._head += data
            self._lines += data.count(b"\n")
            if self._lines < HEADER_LINES and len(self._head) <= MAX_HEADER_BYTES:
                return
            self._seals, data = self._read_header()
        for segment in self._cutter.add(data):
            yield self._note(self._seals.open(segment))

    def finish(self) -> Iterator[bytes]:
        if self._seals is None:
            self._seals, _ = self._read_header()
        if last := self._cutter.rest():
            yield self._note(self._seals.open(last, last=True))
        self.complete = True

    def _read_header(self) -> tuple[_Seals, bytes]:
        """What opens the segments, and what came of them with the header."""
        line, code, rest = _split(bytes(self._head))
        self._head.clear()
        self.manifest = manifest = _read_manifest(line)
        file_key = self._unwrap(manifest)
        try:
            expected = golang.decode_base64(code)
        except golang.GoError as error:
            raise DocumentError(f"failed to decode header's signature: {error}") from error
        if file_key is None or not _authentic(file_key, SCHEME + b"\n" + line + b"\n", expected):
            raise DocumentError("failed to validate the document's signature")
        return _Seals(manifest, file_key), rest


# --- headers -----------------------------------------------------------------------------------------------------


def _line_of(manifest: Manifest) -> bytes:
    members = [
        *([f'"k":{golang.marshal(manifest.key_name).decode()}'] if manifest.key_name else ()),
        f'"kw":{KEY_ALGORITHMS[manifest.algorithm]}',
        f'"wfk":"{base64.b64encode(manifest.wrapped_key).decode()}"',
        f'"cph":{CIPHERS[manifest.cipher]}',
        f'"np":"{base64.b64encode(manifest.nonce_prefix).decode()}"',
    ]
    return f"{{{','.join(members)}}}".encode()


def _split(head: bytes) -> tuple[bytes, bytes, bytes]:
    """The manifest and the code of a header, and what comes behind it."""
    scheme, end, _ = head[:MAX_HEADER_BYTES].partition(b"\n")
    if not end:
        raise DocumentError("invalid header: scheme name not found")
    if scheme != SCHEME:
        raise DocumentError("invalid header: unsupported scheme")
    found = [scheme]
    for name in ("manifest", "message authentication code"):
        begin = sum(len(line) + 1 for line in found)
        line, end, _ = head[begin:MAX_HEADER_BYTES].partition(b"\n")
        if not end:
            raise DocumentError(f"invalid header: {name} not found")
        if not line:
            raise DocumentError("invalid header: invalid format")
        found.append(line)
    return found[1], found[2], head[sum(len(line) + 1 for line in found) :]


def _read_manifest(line: bytes) -> Manifest:
    try:
        said = golang.unmarshal_into(line, _MANIFEST)
        manifest = Manifest(
            algorithm=_ALGORITHM_OF[said["kw"]],
            wrapped_key=golang.decode_base64(said["wfk"].encode()),
            cipher=_CIPHER_OF[said["cph"]],
            nonce_prefix=golang.decode_base64(said["np"].encode()),
            key_name=said["k"],
        )
    except (golang.GoError, KeyError):
        manifest = None
    if manifest is None or not manifest.wrapped_key or len(manifest.nonce_prefix) != NONCE_PREFIX_BYTES:
        raise DocumentError("invalid header: invalid manifest")
    return manifest


def _authenticator(file_key: bytes, signed: bytes) -> hmac.HMAC:
    key = HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=b"header").derive(file_key)
    authenticator = hmac.HMAC(key, hashes.SHA256())
    authenticator.update(signed)
    return authenticator


def _authentic(file_key: bytes, signed: bytes, code: bytes) -> bool:
    try:
        _authenticator(file_key, signed).verify(code)
    except InvalidSignature:
        return False
    return True


# --- segments ----------------------------------------------------------------------------------------------------

Segment = memoryview | bytearray


class _Seals:
    """Closes or opens segments in their order, each under a nonce of its own."""

    def __init__(self, manifest: Manifest, file_key: bytes) -> None:
        key = HKDF(hashes.SHA256(), KEY_BYTES, salt=manifest.nonce_prefix, info=b"payload").derive(file_key)
        self._aead = _AEAD[manifest.cipher](key)
        self._prefix = manifest.nonce_prefix
        self._index = 0

    def close(self, segment: Segment, *, last: bool = False) -> bytes:
        return self._aead.encrypt(self._next_nonce(last), segment, None)

    def open(self, segment: Segment, *, last: bool = False) -> bytes:
        index = self._index
        try:
            return self._aead.decrypt(self._next_nonce(last), segment, None)
        except InvalidTag:
            raise SegmentDamaged(index) from None

    def _next_nonce(self, last: bool) -> bytes:
        """The prefix, the segment's place, and whether it is the last."""
        if self._index >= MAX_SEGMENTS:
            raise DocumentError("input stream is too large")
        nonce = self._prefix + self._index.to_bytes(4, "big") + (b"\x01" if last else b"\x00")
        self._index += 1
        return nonce


class _Cutter:
    """Cuts bytes into segments of one size. The last one, which may be shorter, is known only at the end."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._held = bytearray()

    def add(self, data: bytes) -> Iterator[Segment]:
        """The segments that are complete and have something behind them; only what is left is copied."""
        view = memoryview(data)
        if self._held:
            missing = self._size - len(self._held)
            self._held += view[:missing]
            view = view[missing:]
        if not view:
            return
        if self._held:
            yield self._held
        whole = (len(view) - 1) // self._size * self._size
        for begin in range(0, whole, self._size):
            yield view[begin : begin + self._size]
        self._held = bytearray(view[whole:])

    def rest(self) -> Segment:
        """The last segment; nothing when there was nothing."""
        last, self._held = self._held, bytearray()
        return last
