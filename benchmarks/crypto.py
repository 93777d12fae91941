"""Encryption: how much of the speed of the cipher is left, and how much memory a large document takes."""

from __future__ import annotations

import tempfile
import warnings
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
OPTIONS = EncryptOptions("keys", "aes", "AES")

GIBIBYTE = """
import resource
import benchmarks.crypto as crypto

with crypto.client() as dapr:
    def convert(pieces):
        part = bytes(1 << 20)
        document = dapr.encrypt((part for _ in range(pieces)), crypto.OPTIONS)
        assert sum(map(len, dapr.decrypt(document, crypto.DecryptOptions("keys")))) == pieces << 20

    convert(16)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    convert(1024)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
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
    """What encryption costs."""
    plain = bytes(SIZE)
    view, cipher, nonce = memoryview(plain), AESGCM(bytes(32)), bytes(12)
    with client() as dapr:
        document = dapr.encrypt(plain, OPTIONS).read()

        def raw() -> None:
            for begin in range(0, SIZE, SEGMENT_BYTES):
                cipher.encrypt(nonce, view[begin : begin + SEGMENT_BYTES], None)

        def encrypt() -> None:
            for _ in dapr.encrypt(plain, OPTIONS):
                pass

        def decrypt() -> None:
            for _ in dapr.decrypt(document, DecryptOptions("keys")):
                pass

        took = seconds_per_call({"raw": raw, "encrypt": encrypt, "decrypt": decrypt}, calls=1)
    for name in ("encrypt", "decrypt"):
        share = took["raw"] / took[name]
        reached = f"{share:.2f} × ({SIZE / took[name] / 1e6:.0f} MB/s)"
        yield Row(f"{name} in process, against AES-GCM alone", reached, f"≥ {LEAST_SHARE:.2f} ×", share >= LEAST_SHARE)
    yield at_most("memory for a GiB, encrypted and decrypted", python_megabytes(GIBIBYTE), MOST_MEGABYTES, "MB")
