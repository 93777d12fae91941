"""`state.sqlite`: what it answers, what it keeps, and what it does not start with."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakesidecar import Component, SeededIds, Sidecar, VirtualClock
from fakesidecar.components.state import Delete, Upsert
from fakesidecar.errors import StateDeleteFailed, StateSaveFailed, TransactionFailed
from fakesidecar.resources import StartupError

MISMATCH = "possible etag mismatch. error from state store"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


def sidecar_on(path: Path | str, clock: VirtualClock | None = None, **metadata: str) -> Sidecar:
    store = Component("store", "state.sqlite", metadata={"connectionString": str(path), **metadata})
    return Sidecar(components=[store], clock=clock or VirtualClock(), ids=SeededIds(1))


@pytest.fixture
def sidecar(path: Path) -> Iterator[Sidecar]:
    sidecar = sidecar_on(path)
    yield sidecar
    sidecar.core.close()


def value(sidecar: Sidecar, key: str) -> bytes | None:
    item = sidecar.core.state.get("store", key)
    return None if item is None else item.data


def test_a_value_outlives_the_sidecar_in_its_file(path: Path) -> None:
    for expected in (None, b"v"):
        sidecar = sidecar_on(path)
        assert value(sidecar, "k") == expected
        sidecar.core.state.save("store", [Upsert("k", b"v")])
        sidecar.core.close()


@pytest.mark.parametrize("concurrency", ["", "first-write", "last-write"])
def test_an_etag_that_does_not_match_is_refused_without_a_reason(sidecar: Sidecar, concurrency: str) -> None:
    state = sidecar.core.state
    state.save("store", [Upsert("k", b"v")])
    for key in ("k", "missing"):
        with pytest.raises(StateSaveFailed) as caught:
            state.save("store", [Upsert(key, b"x", "bad", concurrency=concurrency)])
        assert caught.value.message == f"failed saving state in state store store: {MISMATCH}"
        with pytest.raises(StateDeleteFailed) as refused:
            state.delete("store", Delete(key, "bad", concurrency=concurrency))
        assert refused.value.message == f"failed deleting state with key {key}: {MISMATCH}"


def test_a_first_write_needs_a_key_that_is_free(sidecar: Sidecar) -> None:
    state = sidecar.core.state
    state.save("store", [Upsert("k", b"1", concurrency="first-write")])
    with pytest.raises(StateSaveFailed):
        state.save("store", [Upsert("k", b"2", concurrency="first-write")])
    state.save("store", [Upsert("k", b"3")])
    assert value(sidecar, "k") == b"3"


def test_a_transaction_that_fails_leaves_nothing_behind(sidecar: Sidecar) -> None:
    state = sidecar.core.state
    state.save("store", [Upsert("a", b"1"), Upsert("b", b"1")])
    with pytest.raises(TransactionFailed) as caught:
        state.transact("store", [Upsert("a", b"2"), Delete("b"), Upsert("c", b"2", "bad")])
    assert caught.value.message == f"error while executing state transaction: {MISMATCH}"
    assert [value(sidecar, key) for key in "abc"] == [b"1", b"1", None]


def test_a_value_that_has_ended_is_gone_at_once_and_swept_in_time(path: Path) -> None:
    clock = VirtualClock()
    sidecar = sidecar_on(path, clock, cleanupInterval="1m")
    sidecar.core.state.save("store", [Upsert("k", b"v", metadata={"ttlInSeconds": "5"})])
    item = sidecar.core.state.get("store", "k")
    assert item is not None
    assert item.metadata == {"ttlExpireTime": "2030-01-01T00:00:05Z"}
    clock.advance(6)
    assert value(sidecar, "k") is None
    assert _rows(path) == 1
    clock.advance(60)
    assert _rows(path) == 0
    sidecar.core.close()
    assert clock.pending() == 0


def _rows(path: Path) -> int:
    with sqlite3.connect(path) as database:
        count: int = database.execute("SELECT count(*) FROM state").fetchone()[0]
    database.close()
    return count


def test_a_save_without_a_time_to_live_ends_the_one_before(sidecar: Sidecar) -> None:
    state = sidecar.core.state
    state.save("store", [Upsert("k", b"v", metadata={"ttlInSeconds": "5"})])
    state.save("store", [Upsert("k", b"v")])
    item = state.get("store", "k")
    assert item is not None
    assert item.metadata == {}


def test_a_bad_time_to_live_is_told_in_gos_words(sidecar: Sidecar) -> None:
    with pytest.raises(StateSaveFailed) as caught:
        sidecar.core.state.save("store", [Upsert("k", b"v", metadata={"ttlInSeconds": "soon"})])
    assert caught.value.message.endswith(
        "error parsing TTL: incorrect value for metadata 'ttlInSeconds': "
        'strconv.ParseInt: parsing "soon": invalid syntax'
    )


def test_a_database_in_memory_is_each_stores_own() -> None:
    one, other = sidecar_on(":memory:"), sidecar_on(":memory:")
    one.core.state.save("store", [Upsert("k", b"v")])
    assert value(one, "k") == b"v"
    assert value(other, "k") is None


BAD_DURATION = 'time: invalid duration "{0}"\nstrconv.ParseInt: parsing "{0}": invalid syntax'


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"connectionString": ""}, "missing connection string"),
        ({"connectionString": "/nowhere/x.db"}, "failed to ping: unable to open database file: out of memory (14)"),
        (
            {"connectionString": "file:x.db?_pragma=busy_timeout(5)"},
            "found forbidden option '_pragma=busy_timeout' in the connection string",
        ),
        ({"tableName": "my-table"}, "invalid identifier: my-table"),
        ({"tableName": ""}, "invalid identifier: "),
        ({"metadataTableName": "a b"}, "invalid identifier: a b"),
        (
            {"tableName": "1x"},
            (
                "failed to perform migrations: failed to perform migration 0: failed to create state table: "
                'SQL logic error: unrecognized token: "1x" (1)'
            ),
        ),
        (
            {"cleanupInterval": "soon"},
            f"1 error(s) decoding:\n\n* error decoding 'cleanupInterval': {BAD_DURATION.format('soon')}",
        ),
        (
            {"timeoutInSeconds": "x"},
            f"1 error(s) decoding:\n\n* error decoding 'timeout': {BAD_DURATION.format('x')}",
        ),
        ({"timeout": "-5s"}, "invalid value for 'timeout': must be greater than 1s"),
    ],
)
def test_metadata_that_cannot_be_used_is_refused_in_daprs_words(
    path: Path, metadata: dict[str, str], reason: str
) -> None:
    with pytest.raises(StartupError) as caught:
        Sidecar(
            components=[Component("store", "state.sqlite", metadata={"connectionString": str(path), **metadata})],
            clock=VirtualClock(),
        )
    assert caught.value.message.partition("(state.sqlite/v1): ")[2].partition("(state.sqlite/v1): ")[2] == reason
