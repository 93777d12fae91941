"""Every lock store, by every way in."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dapr_testing import DaprSidecar
from tests.conformance.ways import Refused, Way

Key = Callable[[str], str]


def test_one_owner_at_a_time(way: Way, key: Key) -> None:
    assert way.lock("store", key("r"), "ann", 60)
    assert not way.lock("store", key("r"), "bob", 60)
    assert not way.lock("store", key("r"), "ann", 60)
    assert way.lock("store", key("other"), "bob", 60)


def test_only_its_owner_ends_a_lease(way: Way, key: Key) -> None:
    way.lock("store", key("r"), "ann", 60)
    assert way.unlock("store", key("r"), "bob") == "lock_belongs_to_others"
    assert way.unlock("store", key("r"), "ann") == "success"
    assert way.unlock("store", key("r"), "ann") == "lock_does_not_exist"
    assert way.lock("store", key("r"), "bob", 60)


def test_a_lease_ends_when_its_time_is_up(way: Way, key: Key, dapr_sidecar: DaprSidecar) -> None:
    way.lock("store", key("r"), "ann", 60)
    dapr_sidecar.clock.advance(59)
    assert not way.lock("store", key("r"), "bob", 60)
    dapr_sidecar.clock.advance(2)
    assert way.unlock("store", key("r"), "ann") == "lock_does_not_exist"
    assert way.lock("store", key("r"), "bob", 60)


def test_an_unknown_store_is_named(way: Way) -> None:
    for ask in (lambda: way.lock("nowhere", "r", "ann", 5), lambda: way.unlock("nowhere", "r", "ann")):
        with pytest.raises(Refused, match="lock store nowhere not found"):
            ask()
