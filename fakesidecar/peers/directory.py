"""Where sidecars are written down by app id, so that other processes find them: a SQLite file.

Its tables are those of daprd's name resolution `sqlite` (components-contrib nameresolution/sqlite), whose sidecars
may be in the same file. They know each other by heartbeats: a row is good for some seconds. The rows of this
sidecar are better than that: each has a file that its process keeps locked, and the system unlocks when the
process ends, however it ends. A row whose file nobody locks is gone at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import sqlite3
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from fakesidecar import golang
from fakesidecar.clock import SystemClock
from fakesidecar.errors import ComponentError
from fakesidecar.ids import RandomIds

log = logging.getLogger("fakesidecar.runtime.peers")

OURS = "fakesidecar-"
"""How the registrations of this sidecar begin; those of daprd are UUIDs."""
BEAT_SECONDS = 2.0
WAIT_SECONDS = 2.0
"""How long to wait for another process that writes to the file."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS {metadata} (key text NOT NULL PRIMARY KEY, value text NOT NULL);
CREATE TABLE IF NOT EXISTS {hosts} (
  registration_id TEXT NOT NULL PRIMARY KEY,
  address TEXT NOT NULL,
  app_id TEXT NOT NULL,
  namespace TEXT NOT NULL,
  last_update INTEGER NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS {hosts}_address_idx ON {hosts} (address);
CREATE INDEX IF NOT EXISTS {hosts}_last_update_idx ON {hosts} (last_update);
INSERT OR IGNORE INTO {metadata} VALUES ('nr-migrations', '1');
"""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Place:
    """Which file, and which tables in it."""

    connection: str
    """A path, or a SQLite URI (`file:…`)."""
    hosts: str = "hosts"
    metadata: str = "metadata"
    good_for: float = 5.0
    """Seconds that a heartbeat of daprd's is good for."""


def place_of(configuration: Mapping[str, Any]) -> Place:
    """The place that a Configuration names (`spec.nameResolution.configuration`); raises `ComponentError`."""
    given = {str(name).lower(): str(value) for name, value in configuration.items()}
    connection = given.get("connectionstring", "")
    if not connection:
        raise ComponentError("missing connection string")
    place = Place(connection, given.get("tablename") or "hosts", given.get("metadatatablename") or "metadata")
    for what, name in (("table", place.hosts), ("metadata table", place.metadata)):
        if not _NAME.fullmatch(name):
            raise ComponentError(f"invalid identifier for {what} name: {name}")
    if interval := given.get("updateinterval"):
        try:
            good_for = golang.parse_duration(interval)
        except golang.GoError as error:
            raise ComponentError(str(error)) from error
        place = Place(place.connection, place.hosts, place.metadata, good_for)
    return place


def usual_folder() -> Path:
    """The folder of this user in which sidecars of this machine find each other."""
    import getpass

    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a user without a name
        user = str(os.getuid()) if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir()) / f"fakesidecar-{user}"


def usual_place() -> str:
    """The file in it."""
    return str(usual_folder() / "names.db")


class Directory:
    """The sidecars in one SQLite file."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._clock = SystemClock()  # other processes do not know this sidecar's clock
        self._mine: dict[str, Life] = {}
        self._database: sqlite3.Connection | None = None

    @cached_property
    def _lives(self) -> Lives:
        return Lives()

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._database is None:
                self._database = self._connect()
            with self._database:
                yield self._database

    def _connect(self) -> sqlite3.Connection:
        text = self._place.connection
        uri = text.startswith("file:")
        if not uri and text != ":memory:":
            private_folder(Path(text).absolute().parent)
        database = None
        try:
            database = sqlite3.connect(text, timeout=WAIT_SECONDS, check_same_thread=False, uri=uri)
            database.execute("PRAGMA journal_mode = WAL")
            database.executescript(SCHEMA.format(hosts=self._place.hosts, metadata=self._place.metadata))
        except sqlite3.Error as error:
            if database is not None:
                database.close()
            raise ComponentError(f"failed to open the names of sidecars in {text}: {error}") from error
        return database

    def register(self, address: str, app_id: str, namespace: str) -> str:
        """Write a sidecar down; the name of its registration."""
        life = self._lives.begin()
        row = (life.name, address, app_id, namespace, int(self._clock.now()))
        try:
            with self._open() as database:
                database.execute(f"INSERT OR REPLACE INTO {self._place.hosts} VALUES (?, ?, ?, ?, ?)", row)
        except BaseException:
            life.end()
            raise
        self._mine[life.name] = life
        return life.name

    def remove(self, name: str) -> None:
        """Strike a registration out."""
        with contextlib.suppress(sqlite3.Error), self._open() as database:
            database.execute(f"DELETE FROM {self._place.hosts} WHERE registration_id = ?", (name,))
        if (life := self._mine.pop(name, None)) is not None:
            life.end()

    async def keep(self, name: str) -> None:
        """Renew a registration every now and then, which daprd wants to see; without end."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                await asyncio.to_thread(self._renew, name)
            except sqlite3.Error as error:
                log.warning("the registration in %s could not be renewed: %s", self._place.connection, error)

    def _renew(self, name: str) -> None:
        with self._open() as database:
            update = f"UPDATE {self._place.hosts} SET last_update = ? WHERE registration_id = ?"
            database.execute(update, (int(self._clock.now()), name))
        self._mine[name].touch()

    def find(self, app_id: str) -> list[str]:
        """The addresses of an app's sidecars that are there; whatever their namespace, as daprd does it."""
        query = f"SELECT registration_id, address, last_update FROM {self._place.hosts} WHERE app_id = ? ORDER BY 1"
        try:
            with self._open() as database:
                rows = database.execute(query, (app_id,)).fetchall()
        except sqlite3.Error as error:
            raise ComponentError(f"failed to look up {app_id} in {self._place.connection}: {error}") from error
        good_from = self._clock.now() - self._place.good_for
        found = []
        for name, address, last_update in rows:
            alive = self._lives.has(name)
            if alive is False:
                log.info("the sidecar of %s at %s ended without a word; its registration is removed", app_id, address)
                self.remove(name)
            elif alive or last_update > good_from:
                found.append(address)
        return found

    def close(self) -> None:
        """Strike out what is left, and close the file."""
        for name in [*self._mine]:
            self.remove(name)
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None


# --- whether a process lives -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Life:
    """A file that is locked as long as this process lives."""

    path: Path
    handle: int

    @property
    def name(self) -> str:
        return self.path.name

    def touch(self) -> None:
        """Show those who clean up old files that this one is in use."""
        os.utime(self.handle) if os.utime in os.supports_fd else os.utime(self.path)

    def end(self) -> None:
        """Unlock the file, and remove it."""
        self.path.unlink(missing_ok=True)
        os.close(self.handle)


class Lives:
    """The folder in which the processes of this user have such files."""

    def __init__(self) -> None:
        self._folder = private_folder(own(usual_folder()) / "alive")
        self._mark = f"{OURS}{sha256(str(self._folder).encode()).hexdigest()[:8]}-"
        """How the names begin whose files are here."""

    def begin(self) -> Life:
        """Make a file, and lock it before others can see it."""
        private_folder(self._folder)  # somebody may have tidied up
        for path in self._folder.glob(f"{OURS}*"):
            self.has(path.name)  # removes the files of those that ended without a word
        name = f"{self._mark}{RandomIds().token_bytes(12).hex()}"
        new = self._folder / f".{name}"
        handle = os.open(new, os.O_CREAT | os.O_RDWR, 0o600)
        lock(handle, shared=False)
        return Life(new.rename(self._folder / name), handle)

    def has(self, name: str) -> bool | None:
        """Whether the process of a registration lives; None when nobody here can tell."""
        if not name.startswith(self._mark):
            return None
        path = self._folder / name
        try:
            handle = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            if not lock(handle, shared=True):
                return True
            path.unlink(missing_ok=True)
            return False
        finally:
            os.close(handle)


def lock(handle: int, *, shared: bool) -> bool:
    """Lock a file if nobody has; several may share one lock."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        locking: Any = msvcrt
        try:
            locking.locking(handle, locking.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def own(folder: Path) -> Path:
    """A folder that is this user's; raises `ComponentError` when somebody else was there first."""
    owner = private_folder(folder).stat().st_uid
    if hasattr(os, "getuid") and owner != os.getuid():
        raise ComponentError(f"the folder {folder} belongs to another user")
    return folder


def private_folder(folder: Path) -> Path:
    """A folder that is there, made for this user alone when it was not."""
    for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
    return folder
