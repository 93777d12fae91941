"""Encryption: how much of the speed of the cipher is left, and how much memory a large document takes."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks._measure import Row, at_most, python_megabytes, seconds_per_call
from dapr_client import DaprClient, DecryptOptions, EncryptOptions
from dapr_testing._inprocess import Channel
from fakesidecar import Component, Sidecar
from fakesidecar.core.crypto_document import SEGMENT_BYTES

SIZE = 64 << 20
LEAST_SHARE = 0.5
MOST_MEGABYTES = 32.0
OPTIONS, DECRYPT = EncryptOptions("keys", "aes", "AES"), DecryptOptions("keys")

GIBIBYTE = """
import benchmarks.crypto as crypto
from benchmarks._memory import peak_megabytes

with crypto.client() as dapr:
    def convert(pieces):
        part = bytes(1 << 20)
        document = dapr.encrypt((part for _ in range(pieces)), crypto.OPTIONS)
        assert sum(map(len, dapr.decrypt(document, crypto.DECRYPT))) == pieces << 20

    convert(16)
    before = peak_megabytes()
    convert(1024)
    print(peak_megabytes() - before)
"""
"""Encrypts a GiB and decrypts it again at the same time; prints the MiB that this took beyond what 16 MiB take."""


@contextmanager
def client() -> Iterator[DaprClient]:
    """A client in process with its sidecar, which has a key."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "aes").write_bytes(bytes(32))
        component = Component("keys", "crypto.dapr.localstorage", metadata={"path": folder})
        with DaprClient(channel=Channel(Sidecar(components=[component]).grpc)) as dapr:
            yield dapr


def rows() -> Iterator[Row]:
    """What encryption costs.

    Whoever makes a document with the cipher alone and keeps it waits for memory more than for the cipher; whoever
    throws every segment away at once has it all in the processor's cache. Both are measured.
    """
    plain = os.urandom(SIZE)
    view, cipher, nonce = memoryview(plain), AESGCM(bytes(32)), bytes(12)

    def segments() -> Iterator[bytes]:
        return (
            cipher.encrypt(nonce, view[begin : begin + SEGMENT_BYTES], None) for begin in range(0, SIZE, SEGMENT_BYTES)
        )

    with client() as dapr:
        document = dapr.encrypt(plain, OPTIONS).read()
        took = seconds_per_call(
            {
                "cipher, kept": lambda: b"".join(segments()),
                "encrypt, kept": lambda: dapr.encrypt(plain, OPTIONS).read(),
                "decrypt, kept": lambda: dapr.decrypt(document, DECRYPT).read(),
                "cipher": lambda: deque(segments(), 0),
                "encrypt": lambda: deque(dapr.encrypt(plain, OPTIONS), 0),
                "decrypt": lambda: deque(dapr.decrypt(document, DECRYPT), 0),
            },
            calls=1,
        )
    for name in ("encrypt", "decrypt"):
        share = took["cipher, kept"] / took[f"{name}, kept"]
        target = f"≥ {LEAST_SHARE:.2f} ×"
        yield Row(f"{name} in process, against AES-GCM alone", f"{share:.2f} ×", target, share >= LEAST_SHARE)
        share = took["cipher"] / took[name]
        rate = f"{SIZE / took[name] / 1e6:.0f} MB/s, {share:.2f} ×"
        yield Row(f"  {name}, and nothing kept", rate, "", None)
    yield at_most("memory for a GiB, encrypted and decrypted", python_megabytes(GIBIBYTE), MOST_MEGABYTES, "MB")
