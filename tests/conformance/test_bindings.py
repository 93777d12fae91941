"""Every binding that a real daprd has, too, by every way in."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.conformance import mirrors
from tests.conformance.conftest import Case
from tests.conformance.ways import Refused, Way

Key = Callable[[str], str]
NAMED = {"bindings.localstorage": "fileName", "bindings.redis": "key"}
"""What says which of the things is meant that a binding keeps."""


def only(case: Case, *types: str) -> None:
    """Skip a test of what other bindings do: each has operations of its own."""
    if case.type not in types:
        pytest.skip(f"{case.type} does other things")


def test_what_is_created_is_there_until_it_is_deleted(way: Way, case: Case, key: Key) -> None:
    only(case, *NAMED)
    named = {NAMED[case.type]: key("a")}
    way.bind("store", "create", "words", named)
    assert way.bind("store", "get", metadata=named)[0].strip(b'"') == b"words"
    way.bind("store", "create", 7, named)
    assert way.bind("store", "get", metadata=named)[0] == b"7"
    way.bind("store", "delete", metadata=named)
    if case.type == "bindings.redis":
        assert way.bind("store", "get", metadata=named)[0] == b""
    else:
        with pytest.raises(Refused, match="file not found"):
            way.bind("store", "get", metadata=named)


def test_a_folder_is_listed(way: Way, case: Case, key: Key) -> None:
    only(case, "bindings.localstorage")
    for name in "ab":
        way.bind("store", "create", "words", {"fileName": f"{key('folder')}/{name}"})
    found = json.loads(way.bind("store", "list", metadata={"fileName": key("folder")})[0])
    assert sorted(path.rpartition("/")[2] for path in found) == ["a", "b"]
    with pytest.raises(Refused):
        way.bind("store", "get", metadata={"fileName": "../../etc/hostname"})


def test_a_number_is_counted_up(way: Way, case: Case, key: Key) -> None:
    only(case, "bindings.redis")
    way.bind("store", "create", 7, {"key": key("n")})
    way.bind("store", "increment", metadata={"key": key("n")})
    assert way.bind("store", "get", metadata={"key": key("n"), "delete": "true"})[0] == b"8"
    assert way.bind("store", "get", metadata={"key": key("n")})[0] == b""
    with pytest.raises(Refused, match="missing key in request metadata"):
        way.bind("store", "get")


@pytest.mark.parametrize("operation", ["create", "get", "put", "patch", "delete", "options"])
def test_a_server_is_asked(way: Way, case: Case, operation: str) -> None:
    only(case, "bindings.http")
    data, metadata = way.bind("store", operation, {"a": 1}, {"path": "/menu?x=1", "X-Table": "seven"})
    seen = json.loads(data)
    verb = "POST" if operation == "create" else operation.upper()
    assert (seen["verb"], seen["method"], seen["headers"]["x-table"]) == (verb, "menu", "seven")
    body = bytes.fromhex(seen["data"])
    assert (json.loads(body) if body else None) == ({"a": 1} if verb in ("POST", "PUT", "PATCH") else None)
    assert (metadata["statuscode"], metadata["x-mirror"]) == ("200", "yes")


def test_what_a_server_refuses_is_refused(way: Way, case: Case) -> None:
    only(case, "bindings.http")
    with pytest.raises(Refused, match="received status code 403"):
        way.bind("store", "get", metadata={"path": "/refuse"})
    data, metadata = way.bind("store", "get", metadata={"path": "/refuse", "errorIfNot2XX": "false"})
    assert (json.loads(data), metadata["statuscode"]) == (mirrors.REFUSED, "403")


def test_an_operation_that_there_is_not_is_refused(way: Way) -> None:
    with pytest.raises(Refused, match="binding store does not support operation dance"):
        way.bind("store", "dance")


def test_an_unknown_binding_is_named(way: Way) -> None:
    with pytest.raises(Refused, match="couldn't find output binding nowhere"):
        way.bind("nowhere", "create")
