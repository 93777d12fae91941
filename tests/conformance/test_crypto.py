"""Every crypto provider, by every way in: documents that daprd makes and takes, made and taken here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dapr_testing import DaprSidecar
from fakesidecar import Component, Sidecar

from .conftest import KEYS, Case
from .ways import Refused, Way

DOCUMENTS = KEYS.parent / "documents"
MADE = json.loads((DOCUMENTS / "index.json").read_text())["documents"]
KEY_OF = {"aes256.bin": "aes", "rsa2048.pem": "rsa"}
LARGE = bytes(range(251)) * 1000


@pytest.mark.parametrize("cipher", ["aes-gcm", "chacha20-poly1305"])
@pytest.mark.parametrize(
    ("key", "algorithm"), [("aes", "A256KW"), ("aes", "aes"), ("rsa", "RSA-OAEP-256"), ("rsa", "RSA")]
)
def test_what_is_encrypted_comes_back(way: Way, key: str, algorithm: str, cipher: str) -> None:
    for plain in (b"", b"some text", LARGE):
        document = way.encrypt("store", key, algorithm, plain, cipher)
        assert document.startswith(f'dapr.io/enc/v1\n{{"k":"{key}",'.encode())
        assert plain not in document or not plain
        assert way.decrypt("store", document) == plain


@pytest.mark.parametrize("made", [one for one in MADE if one["key"] in KEY_OF], ids=lambda one: one["file"])
def test_what_a_daprd_encrypted_is_opened(way: Way, made: dict[str, str]) -> None:
    size = int(made["size"])
    document = (DOCUMENTS / made["file"]).read_bytes()
    assert way.decrypt("store", document, KEY_OF[made["key"]]) == (bytes(range(251)) * (size // 251 + 1))[:size]


def test_what_the_fake_encrypts_is_opened(way: Way, case: Case, folder: Path) -> None:
    crypto = Sidecar(
        components=[Component("other", "crypto.dapr.localstorage", metadata={"path": str(folder / "keys")})]
    ).core.crypto
    for key, algorithm, cipher in (("aes", "AES", "AES-GCM"), ("rsa", "RSA", "CHACHA20-POLY1305")):
        for plain in (b"", b"x", LARGE, bytes(65536)):
            encrypter = crypto.encrypter("other", key, algorithm, cipher=cipher)
            document = b"".join([encrypter.header, *encrypter.feed(plain), *encrypter.finish()])
            assert way.decrypt("store", document) == plain


def test_what_was_changed_is_noticed(way: Way) -> None:
    document = way.encrypt("store", "aes", "AES", LARGE)
    for place in (3, 30, 150, len(document) // 2, len(document) - 1):
        changed = document[:place] + bytes([document[place] ^ 1]) + document[place + 1 :]
        with pytest.raises(Refused):
            way.decrypt("store", changed)
    with pytest.raises(Refused):
        way.decrypt("store", document[:-1])


def test_another_key_does_not_open_it(way: Way) -> None:
    document = way.encrypt("store", "aes", "AES", b"some text")
    with pytest.raises(Refused, match="failed to validate the document's signature"):
        way.decrypt("store", document, "rsa")


def test_a_key_or_an_algorithm_that_is_not_there_is_refused(way: Way, dapr_sidecar: DaprSidecar) -> None:
    with pytest.raises(Refused, match="failed to wrap the file key: failed to retrieve the key encryption key"):
        way.encrypt("store", "lost", "AES", b"some text")
    with pytest.raises(Refused, match="algorithm ROT13 is not supported"):
        way.encrypt("store", "aes", "ROT13", b"some text")
    with pytest.raises(Refused, match="key type mismatch"):
        way.encrypt("store", "rsa", "AES", b"some text")
    with pytest.raises(Refused, match="crypto provider nowhere not found"):
        way.encrypt("nowhere", "aes", "AES", b"some text")
