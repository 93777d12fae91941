"""`state.sqlite`: a table in a SQLite file, or in memory."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from fakesidecar import golang
from fakesidecar.components.registry import Surroundings, component
from fakesidecar.components.state import Delete, Item, Operation, StateStore, Upsert, check_options
from fakesidecar.components.state.in_memory import encode
from fakesidecar.errors import ComponentError, EtagMismatch
from fakesidecar.resources.component import Component

IN_MEMORY = ":memory:"
BUSY_SECONDS = 0.8


@component("state.sqlite", features=("ETAG", "TRANSACTIONAL", "TTL", "KEYS_LIKE", "ACTOR"))
class Sqlite(StateStore):
    """Values in a SQLite database (`connectionString`), which outlives the sidecar when it is a file."""

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        given = {name.lower(): value for name, value in spec.metadata.items()}
        path = given.get("connectionstring", "").removeprefix("file:").partition("?")[0]
        if not path:
            raise ComponentError("missing connection string")
        self._table = given.get("tablename") or "state"
        if not self._table.isidentifier():
            raise ComponentError(f"invalid identifier: {self._table}")
        self._lock = threading.RLock()
        try:
            self._database = sqlite3.connect(path, BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            self._database.execute(
                f"CREATE TABLE IF NOT EXISTS {self._table} "
                "(key TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL, etag TEXT NOT NULL, expiration_time REAL)"
            )
        except sqlite3.Error as error:
            raise ComponentError(f"failed to create a connection: {error}") from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All that happens inside is kept, or none of it."""
        with self._lock:
            try:
                self._database.execute("BEGIN IMMEDIATE")
                try:
                    yield self._database
                except BaseException:
                    self._database.execute("ROLLBACK")
                    raise
                self._database.execute("COMMIT")
            except sqlite3.Error as error:
                raise ComponentError(str(error)) from error

    def get(self, key: str, metadata: Mapping[str, str], consistency: str = "") -> Item | None:
        with self._transaction() as database:
            row = self._row(database, key)
        if row is None:
            return None
        value, etag, expires = row
        return Item(value, etag, {} if expires is None else {"ttlExpireTime": golang.format_rfc3339(expires)})

    def _row(self, database: sqlite3.Connection, key: str) -> tuple[bytes, str, float | None] | None:
        """What is stored under a key and has not ended."""
        found = database.execute(
            f"SELECT value, etag, expiration_time FROM {self._table} "
            "WHERE key = ? AND (expiration_time IS NULL OR expiration_time >= ?)",
            (key, self.around.clock.now()),
        ).fetchone()
        return None if found is None else (bytes(found[0]), found[1], found[2])

    def set(self, request: Upsert) -> None:
        self.transact([request], {})

    def delete(self, request: Delete) -> None:
        self.transact([request], {})

    def transact(self, operations: Sequence[Operation], metadata: Mapping[str, str]) -> None:
        for operation in operations:
            check_options(operation)
        with self._transaction() as database:
            for operation in operations:
                self._carry_out(database, operation)

    def _carry_out(self, database: sqlite3.Connection, operation: Operation) -> None:
        ttl = None if isinstance(operation, Delete) else ttl_of(operation)
        row = self._row(database, operation.key)
        if operation.etag:
            if row is None or row[1] != operation.etag:
                raise EtagMismatch
        elif operation.concurrency == "first-write" and row is not None and isinstance(operation, Upsert):
            raise EtagMismatch
        if isinstance(operation, Delete):
            database.execute(f"DELETE FROM {self._table} WHERE key = ?", (operation.key,))
            return
        expires = None if ttl is None else self.around.clock.now() + ttl
        database.execute(
            f"INSERT OR REPLACE INTO {self._table} (key, value, etag, expiration_time) VALUES (?, ?, ?, ?)",
            (operation.key, encode(operation.value), self.around.ids.uuid(), expires),
        )

    def reset(self) -> None:
        with self._transaction() as database:
            database.execute(f"DELETE FROM {self._table}")

    def close(self) -> None:
        with self._lock:
            self._database.close()


def ttl_of(request: Upsert) -> int | None:
    """The seconds that a value is to live, None for ever."""
    text = request.metadata.get("ttlInSeconds", "")
    if not text:
        return None
    try:
        seconds = golang.parse_int(text)
    except golang.GoError as error:
        raise ComponentError(f"error parsing TTL: incorrect value for metadata 'ttlInSeconds': {error}") from error
    return seconds if seconds > 0 else None
