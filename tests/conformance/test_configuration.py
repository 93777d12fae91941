"""Every configuration store, by every way in."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from dapr_testing import DaprSidecar
from tests.conformance.ways import Refused, Way

Set = Callable[[str, str, str], None]
Key = Callable[[str], str]


@pytest.fixture
def put(dapr_sidecar: DaprSidecar, _dapr_servers: Any, request: pytest.FixtureRequest) -> Set:
    """Changes a setting where it lives."""
    if _dapr_servers.kind == "fake":
        return lambda key, value, version: dapr_sidecar.configuration.set("store", key, value, version=version)
    import redis

    host, _, port = request.getfixturevalue("redis_host").rpartition(":")

    def put(key: str, value: str, version: str) -> None:
        with redis.Redis(host, int(port)) as client:
            client.set(key, f"{value}||{version}" if version else value)

    return put


def test_settings_have_values_and_versions(way: Way, key: Key, put: Set) -> None:
    put(key("color"), "red", "3")
    put(key("size"), "large", "")
    wanted = [key("color"), key("size"), key("missing")]
    assert way.settings("store", wanted) == {key("color"): ("red", "3"), key("size"): ("large", "")}
    assert way.settings("store", [key("color")]) == {key("color"): ("red", "3")}


def test_no_keys_are_all_keys(way: Way, key: Key, put: Set) -> None:
    put(key("color"), "red", "3")
    assert way.settings("store", []).items() >= {key("color"): ("red", "3")}.items()


def test_a_change_is_told(dapr_sidecar: DaprSidecar, key: Key, put: Set) -> None:
    told: list[dict[str, tuple[str, str]]] = []
    heard = threading.Event()

    def hear(id: str, response: Any) -> None:  # the official name
        told.append({name: (item.value, item.version) for name, item in response.items.items()})
        heard.set()

    with dapr_sidecar.client() as dapr:
        subscription = dapr.subscribe_configuration("store", [key("color")], hear)
        # A Redis is subscribed to behind the caller's back: the first changes may come too early to be told.
        for _ in range(50):
            put(key("color"), "blue", "4")
            if heard.wait(0.1):
                break
        assert told[0] == {key("color"): ("blue", "4")}
        assert dapr.unsubscribe_configuration("store", str(subscription))


def test_an_unknown_store_is_named(way: Way) -> None:
    with pytest.raises(Refused, match="configuration store nowhere not found"):
        way.settings("nowhere", ["k"])
