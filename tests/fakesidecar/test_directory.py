"""Where sidecars of different processes are written down: who is found, and who is gone however it ended."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakesidecar import Options, Sidecar
from fakesidecar.clock import SystemClock
from fakesidecar.errors import ComponentError
from fakesidecar.peers.directory import Directory, Place, place_of, usual_folder
from fakesidecar.resources.configuration import Configuration
from fakesidecar.resources.load import Resources


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(tmp_path / "deep" / "names.db")


@pytest.fixture
def directory(file: str) -> Iterator[Directory]:
    directory = Directory(Place(file))
    yield directory
    directory.close()


def rows(file: str, table: str = "hosts") -> list[tuple[object, ...]]:
    database = sqlite3.connect(file)
    try:
        return database.execute(f"SELECT * FROM {table}").fetchall()
    finally:
        database.close()


def test_who_is_written_down_is_found_until_it_is_struck_out(directory: Directory, file: str) -> None:
    shop = directory.register("127.0.0.1:1", "shop", "")
    directory.register("127.0.0.1:2", "kitchen", "there")
    other = Directory(Place(file))
    assert (other.find("shop"), other.find("kitchen"), other.find("Shop")) == (["127.0.0.1:1"], ["127.0.0.1:2"], [])
    other.close()
    directory.remove(shop)
    assert directory.find("shop") == []
    assert [row[1:4] for row in rows(file)] == [("127.0.0.1:2", "kitchen", "there")]
    directory.close()
    assert rows(file) == []


def test_the_file_is_one_of_daprds(directory: Directory, file: str) -> None:
    directory.register("127.0.0.1:1", "shop", "")
    assert rows(file, "metadata") == [("nr-migrations", "1")]
    now = int(SystemClock().now())
    database = sqlite3.connect(file)
    with database:  # as daprd writes
        for name, address, when in (("fresh", "10.0.0.1:1", now), ("old", "10.0.0.1:2", now - 10)):
            database.execute("INSERT INTO hosts VALUES (?, ?, 'kitchen', '', ?)", (name, address, when))
    database.close()
    assert directory.find("kitchen") == ["10.0.0.1:1"]


def test_who_takes_an_address_over_replaces_the_one_before(directory: Directory) -> None:
    directory.register("127.0.0.1:1", "shop", "")
    directory.register("127.0.0.1:1", "kitchen", "")
    assert (directory.find("shop"), directory.find("kitchen")) == ([], ["127.0.0.1:1"])


CHILD = """
import sys
from fakesidecar.peers.directory import Directory, Place
Directory(Place(sys.argv[1])).register("127.0.0.1:1", "shop", "")
print("there", flush=True)
sys.stdin.read()
"""


def test_who_was_killed_is_gone_at_once(directory: Directory, file: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "there\n"
        assert directory.find("shop") == ["127.0.0.1:1"]
        name = rows(file)[0][0]
        child.kill()
    assert directory.find("shop") == []
    assert rows(file) == []
    assert not (usual_folder() / "alive" / str(name)).exists()


def test_what_is_left_of_who_was_killed_goes_when_the_next_one_comes(directory: Directory, file: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        child.kill()
    left = usual_folder() / "alive" / str(rows(file)[0][0])
    assert left.exists()
    directory.register("127.0.0.1:2", "kitchen", "")
    assert not left.exists()
    assert directory.find("shop") == []


def test_a_registration_is_renewed(directory: Directory, file: str) -> None:
    name = directory.register("127.0.0.1:1", "shop", "")
    database = sqlite3.connect(file)
    with database:
        database.execute("UPDATE hosts SET last_update = 0")
    database.close()
    directory._renew(name)
    assert rows(file)[0][4] != 0


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "missing connection string"),
        ({"connectionString": "x", "tableName": "a b"}, "invalid identifier for table name: a b"),
        ({"connectionString": "x", "metadataTableName": "1"}, "invalid identifier for metadata table name: 1"),
        ({"connectionString": "x", "updateInterval": "often"}, 'time: invalid duration "often"'),
    ],
)
def test_a_place_that_cannot_be(given: dict[str, str], reason: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ComponentError, match=reason):
        place_of(given)
    configuration = Configuration(name_resolution="sqlite", name_resolution_settings=given)
    sidecar = Sidecar(Options(), resources=Resources(configuration=configuration))
    assert sidecar.peers is None
    assert f"nr (sqlite/v1): {reason}" in caplog.text
    sidecar.stop()


def test_a_place_has_names_of_its_own(tmp_path: Path) -> None:
    file = str(tmp_path / "x.db")
    given = {"connectionString": f"file:{file}", "tableName": "t", "metadataTableName": "m", "updateInterval": "20s"}
    place = place_of(given)
    assert place.good_for == 20
    directory = Directory(place)
    directory.register("127.0.0.1:1", "shop", "")
    assert directory.find("shop") == ["127.0.0.1:1"]
    assert (len(rows(file, "t")), len(rows(file, "m"))) == (1, 1)
    directory.close()


def test_a_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "names.db").write_text("no database, but text that is long enough to be looked at" * 20)
    with pytest.raises(ComponentError, match="failed to open the names of sidecars"):
        Directory(Place(str(tmp_path / "names.db"))).register("127.0.0.1:1", "shop", "")


async def test_a_sidecar_without_its_file_is_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "names.db").write_text("no database, but text that is long enough to be looked at" * 20)
    async with Sidecar(Options(app_id="shop", names=str(tmp_path / "names.db"))) as shop:
        assert shop.core.neighbours.resolve("kitchen") is None
    assert "other sidecars will not find this one" in caplog.text
