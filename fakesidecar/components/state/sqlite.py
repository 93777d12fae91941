"""`state.sqlite`: a table in a SQLite file, or in memory."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from fakesidecar import golang
from fakesidecar.clock import Timer
from fakesidecar.components.registry import Surroundings, component
from fakesidecar.components.state import Delete, Item, Operation, StateStore, Upsert, check_options
from fakesidecar.components.state.in_memory import encode
from fakesidecar.errors import ComponentError, EtagMismatch
from fakesidecar.resources.component import Component

IN_MEMORY = ":memory:"
SCHEMA = """
CREATE TABLE IF NOT EXISTS {table} (
    key TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL,
    etag TEXT NOT NULL,
    expiration_time REAL DEFAULT NULL
)
"""
SHORTEST_TIMEOUT = 1.0
BUSY_SECONDS = 2.0
CLEANUP_SECONDS = 3600.0
PRIMARY_ERRORS = {"unable to open database file": "unable to open database file: out of memory (14)"}
"""What Go's driver makes of SQLite's messages where it differs."""

FORBIDDEN_OPTIONS = ("_pragma=busy_timeout", "_pragma=journal_mode")


class Settings:
    """The component's metadata (components-contrib common/authentication/sqlite, state/sqlite); names in any case."""

    def __init__(self, metadata: Mapping[str, str]) -> None:
        self._given = {name.lower(): value for name, value in metadata.items()}
        self._problems: list[str] = []
        self.timeout = self._seconds("timeout", "timeoutInSeconds", default=20.0)
        self.busy = self._seconds("busyTimeout", default=BUSY_SECONDS)
        self.cleanup = self._seconds("cleanupInterval", "cleanupIntervalInSeconds", default=CLEANUP_SECONDS)
        if self._problems:
            text = "\n".join(f"* {problem}" for problem in self._problems)
            raise ComponentError(f"{len(self._problems)} error(s) decoding:\n\n{text}")
        self.path = self._path(self._given.get("connectionstring", ""))
        if self.timeout < SHORTEST_TIMEOUT:
            raise ComponentError("invalid value for 'timeout': must be greater than 1s")
        self.table = self._identifier("tableName", "state")
        self._identifier("metadataTableName", "metadata")

    def _seconds(self, *names: str, default: float) -> float:
        """A duration, or a bare number of seconds, under the first of some names."""
        text = next((self._given[name.lower()] for name in names if name.lower() in self._given), "")
        if not text:
            return default
        try:
            return golang.parse_duration(text)
        except golang.GoError as no_duration:
            try:
                return float(golang.parse_int(text))
            except golang.GoError as no_number:
                self._problems.append(f"error decoding '{names[0]}': {no_duration}\n{no_number}")
        return default

    def _path(self, text: str) -> str:
        if not text:
            raise ComponentError("missing connection string")
        path, _, options = text.removeprefix("file:").partition("?")
        for option in FORBIDDEN_OPTIONS:
            if option in options:
                raise ComponentError(f"found forbidden option '{option}' in the connection string")
        return path

    def _identifier(self, name: str, default: str) -> str:
        text = self._given.get(name.lower(), default)
        if not text or not text.isascii() or not text.replace("_", "a").isalnum():
            raise ComponentError(f"invalid identifier: {text}")
        return text


@component("state.sqlite", features=("ETAG", "TRANSACTIONAL", "TTL", "KEYS_LIKE", "ACTOR"))
class Sqlite(StateStore):
    """Values in a SQLite database (`connectionString`), which outlives the sidecar when it is a file."""

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        settings = Settings(spec.metadata)
        self._table, self._cleanup_seconds = settings.table, settings.cleanup
        self.lasting = settings.path != IN_MEMORY
        self._lock = threading.RLock()
        self._database = self._connect(settings)
        # Also for a sidecar that was never started, and so is never stopped.
        weakref.finalize(self, self._database.close)
        self._cleanup: Timer | None = None
        self._plan_cleanup()

    def _connect(self, settings: Settings) -> sqlite3.Connection:
        database = None
        try:
            database = sqlite3.connect(
                settings.path, timeout=settings.busy, isolation_level=None, check_same_thread=False
            )
            if settings.path != IN_MEMORY:
                database.execute("PRAGMA journal_mode = WAL").close()
        except sqlite3.Error as error:
            if database is not None:
                database.close()
            raise ComponentError(f"failed to ping: {PRIMARY_ERRORS.get(str(error), str(error))}") from error
        try:
            database.execute(SCHEMA.format(table=self._table))
        except sqlite3.Error as error:
            database.close()
            raise ComponentError(
                "failed to perform migrations: failed to perform migration 0: failed to create state table: "
                f"SQL logic error: {error} (1)"
            ) from error
        return database

    def _plan_cleanup(self) -> None:
        """Remove what has ended now and then; it is not seen before that either."""
        if self._cleanup_seconds > 0:
            self._cleanup = self.around.clock.call_later(self._cleanup_seconds, self._clean_up)

    def _clean_up(self) -> None:
        with self._transaction() as database:
            database.execute(f"DELETE FROM {self._table} WHERE expiration_time < ?", (self.around.clock.now(),))
        self._plan_cleanup()

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

    def keys(self, prefix: str) -> list[str]:
        with self._transaction() as database:
            rows = database.execute(
                f"SELECT key FROM {self._table} WHERE substr(key, 1, ?) = ?", (len(prefix), prefix)
            ).fetchall()
        return [row[0] for row in rows]

    def reset(self) -> None:
        with self._transaction() as database:
            database.execute(f"DELETE FROM {self._table}")

    def snapshot(self) -> list[tuple[str, bytes, str, float | None]]:
        with self._transaction() as database:
            return database.execute(f"SELECT key, value, etag, expiration_time FROM {self._table}").fetchall()

    def restore(self, kept: list[tuple[str, bytes, str, float | None]]) -> None:
        with self._transaction() as database:
            database.execute(f"DELETE FROM {self._table}")
            database.executemany(
                f"INSERT INTO {self._table} (key, value, etag, expiration_time) VALUES (?, ?, ?, ?)", kept
            )

    def close(self) -> None:
        if self._cleanup is not None:
            self._cleanup.cancel()
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
