"""State encrypted at rest: what lies in the store, what comes back, and keys that do not fit."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fakesidecar import Component, SeededIds, Sidecar, VirtualClock
from fakesidecar.components.state import Item, Json, StateStore, Upsert
from fakesidecar.errors import QueryFailed, StateGetFailed
from fakesidecar.resources import SecretRef, StartupError

KEYS = {"key1": "41" * 32, "key2": "42" * 16, "short": "4142", "nothex": "zz" * 16, "odd": "414"}


@pytest.fixture
def vault(tmp_path: Path) -> Component:
    path = tmp_path / "secrets.json"
    path.write_text(json.dumps(KEYS))
    return Component("vault", "secretstores.local.file", metadata={"secretsFile": str(path)})


def sidecar_with(vault: Component, kind: str = "state.in-memory", **secrets: str) -> Sidecar:
    refs: Mapping[str, SecretRef] = {name: SecretRef(secret) for name, secret in secrets.items()}
    store = Component("store", kind, secret_refs=refs, secret_store="vault")
    return Sidecar(components=[vault, store], clock=VirtualClock(), ids=SeededIds(1))


def at_rest(sidecar: Sidecar) -> StateStore:
    return sidecar.core.state.store("store")


def stored(sidecar: Sidecar, key: str) -> bytes:
    item = at_rest(sidecar).get(f"app||{key}", {})
    assert item is not None
    return item.data


def value(sidecar: Sidecar, key: str) -> bytes:
    item = sidecar.core.state.get("store", key)
    assert item is not None
    return item.data


def test_a_value_lies_as_nonce_and_ciphertext_in_base64_with_the_name_of_its_key(vault: Component) -> None:
    sidecar = sidecar_with(vault, primaryEncryptionKey="key1")
    sidecar.core.state.save("store", [Upsert("k", b"hello")])
    text, _, name = stored(sidecar, "k").rpartition(b"||")
    sealed = base64.b64decode(text)
    assert name == b"key1"
    assert AESGCM(b"A" * 32).decrypt(sealed[:12], sealed[12:], None) == b"hello"
    assert value(sidecar, "k") == b"hello"
    assert [item.data for item in sidecar.core.state.bulk_get("store", ["k", "missing"])] == [b"hello", None]


def test_the_secondary_key_reads_what_was_written_before(vault: Component) -> None:
    before = sidecar_with(vault, primaryEncryptionKey="key1")
    before.core.state.save("store", [Upsert("k", b"hello")])
    after = sidecar_with(vault, primaryEncryptionKey="key2", secondaryEncryptionKey="key1")
    at_rest(after).set(Upsert("app||k", stored(before, "k")))
    after.core.state.save("store", [Upsert("new", b"hello again")])
    assert value(after, "k") == b"hello"
    assert stored(after, "new").endswith(b"||key2")


@pytest.mark.parametrize(
    ("given", "printed"),
    [
        ("text", b"text"),
        (5.0, b"5"),
        (1.5, b"1.5"),
        (True, b"true"),
        (None, b"<nil>"),
        ([1.0, "a", {"b": 2.0}], b"[1 a map[b:2]]"),
        ({"a": 1.0}, b"map[a:1]"),
    ],
)
def test_json_comes_back_as_go_prints_it(vault: Component, given: object, printed: bytes) -> None:
    sidecar = sidecar_with(vault, primaryEncryptionKey="key1")
    sidecar.core.state.save("store", [Upsert("k", Json(given))])
    assert value(sidecar, "k") == printed


def test_a_transaction_prints_the_numbers_of_the_bytes(vault: Component) -> None:
    sidecar = sidecar_with(vault, primaryEncryptionKey="key1")
    sidecar.core.state.transact("store", [Upsert("k", b"v1")])
    assert value(sidecar, "k") == b"[118 49]"


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"no name||", "could not decrypt data for state store store: encryption key name not found on record"),
        (b"no separator", "could not decrypt data for state store store: encryption key name not found on record"),
        (b"not base64!||key2", "illegal base64 data at input byte 3"),
        (b"bm90IGVuY3J5cHRlZA==||key2", "cipher: message authentication failed"),
        (b"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQQ==||key2", "cipher: message authentication failed"),
    ],
)
def test_a_record_that_cannot_be_read_is_an_error(vault: Component, record: bytes, reason: str) -> None:
    sidecar = sidecar_with(vault, primaryEncryptionKey="key2")
    at_rest(sidecar).set(Upsert("app||k", record))
    with pytest.raises(StateGetFailed) as caught:
        sidecar.core.state.get("store", "k")
    assert caught.value.message == f"fail to get k from state store store: {reason}"
    assert [item.error for item in sidecar.core.state.bulk_get("store", ["k"])] == [reason]


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        ("short", "crypto/aes: invalid key size 2"),
        ("nothex", "encoding/hex: invalid byte: U+007A 'z'"),
        ("odd", "encoding/hex: odd length hex string"),
        ("absent", "failed to extract encryption key: failed to extract encryption key: secret absent not found"),
    ],
)
def test_a_key_that_does_not_fit_keeps_the_sidecar_from_starting(vault: Component, secret: str, reason: str) -> None:
    with pytest.raises(StartupError) as caught:
        sidecar_with(vault, primaryEncryptionKey=secret)
    assert caught.value.message == (
        "process component store error: "
        "[INIT_COMPONENT_FAILURE]: initialization error occurred for store (state.in-memory/v1): "
        f"[CREATE_COMPONENT_FAILURE]: initialization error occurred for store (state.in-memory/v1): {reason}"
    )


def test_a_key_that_is_no_secret_is_ignored() -> None:
    store = Component("store", "state.in-memory", metadata={"primaryEncryptionKey": KEYS["key1"]})
    sidecar = Sidecar(components=[store], clock=VirtualClock())
    sidecar.core.state.save("store", [Upsert("k", b"v")])
    assert at_rest(sidecar).get("app||k", {}) == sidecar.core.state.get("store", "k")
    assert isinstance(at_rest(sidecar).get("app||k", {}), Item)


def test_an_encrypted_store_cannot_be_queried(vault: Component) -> None:
    sidecar = sidecar_with(vault, "state.in-memory-query", primaryEncryptionKey="key1")
    with pytest.raises(QueryFailed, match="cannot query encrypted store"):
        sidecar.core.state.query("store", b"{}")
