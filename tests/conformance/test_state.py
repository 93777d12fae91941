"""Every state store, by every way in."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dapr_testing import DaprSidecar
from tests.conformance.conftest import Case
from tests.conformance.ways import NOTHING, Refused, Value, Way

Key = Callable[[str], str]


def test_what_is_saved_is_there(way: Way, key: Key) -> None:
    for value in ("text", 5, 1.5, True, None, ["a", 1], {"b": {"c": [None, "ü"]}}):
        way.save("store", key("k"), value)
        found = way.get("store", key("k"))
        assert (found.data, bool(found.etag)) == (value, True)


def test_a_missing_key_is_no_error(way: Way, key: Key) -> None:
    assert way.get("store", key("k")) == NOTHING
    way.delete("store", key("k"))
    assert way.bulk_get("store", [key("k")]) == {key("k"): None}


def test_a_deleted_key_is_gone(way: Way, key: Key) -> None:
    way.save("store", key("k"), "v")
    way.delete("store", key("k"))
    assert way.get("store", key("k")) == NOTHING


def test_many_are_saved_and_read_at_once(way: Way, key: Key) -> None:
    way.save_all("store", {key("a"): 1, key("b"): 2})
    assert way.bulk_get("store", [key("a"), key("b"), key("c")]) == {key("a"): 1, key("b"): 2, key("c"): None}


@pytest.mark.needs("ETAG")
def test_an_etag_guards_against_a_lost_update(way: Way, key: Key) -> None:
    way.save("store", key("k"), 1)
    first = way.get("store", key("k"))
    way.save("store", key("k"), 2, etag=first.etag)
    second = way.get("store", key("k"))
    assert (second.data, second.etag == first.etag) == (2, False)
    with pytest.raises(Refused) as refused:
        way.save("store", key("k"), 3, etag=first.etag)
    assert refused.value.conflict
    with pytest.raises(Refused) as refused:
        way.delete("store", key("k"), etag=first.etag)
    assert refused.value.conflict
    assert way.get("store", key("k")) == second
    way.delete("store", key("k"), etag=second.etag)
    assert way.get("store", key("k")) == NOTHING


@pytest.mark.needs("ETAG")
def test_the_first_write_wins_when_told_so(way: Way, key: Key, case: Case) -> None:
    way.save("store", key("k"), 1, first=True)
    with pytest.raises(Refused) as refused:
        way.save("store", key("k"), 2, first=True)
    # Without an etag, Dapr's Redis component does not tell its script's refusal from any other failure.
    assert refused.value.conflict is (case.type != "state.redis")
    assert way.get("store", key("k")).data == 1


@pytest.mark.needs("TRANSACTIONAL")
def test_a_transaction_does_all_of_it(way: Way, key: Key) -> None:
    way.save("store", key("old"), 1)
    way.transact("store", {key("a"): 1, key("b"): 2}, [key("old")])
    assert way.bulk_get("store", [key("a"), key("b"), key("old")]) == {key("a"): 1, key("b"): 2, key("old"): None}


@pytest.mark.needs("QUERY_API")
def test_a_query_finds_what_it_asks_for(way: Way, key: Key, case: Case) -> None:
    if case.type == "state.redis":
        pytest.skip("state.redis answers queries with a search module and declared indexes only")
    way.save_all("store", {key("a"): {"n": 3, "of": "us"}, key("b"): {"n": 1, "of": "us"}, key("c"): {"n": 2}})
    query = {"filter": {"EQ": {"of": "us"}}, "sort": [{"key": "n"}]}
    assert list(way.query("store", query).items()) == [
        (key("b"), {"n": 1, "of": "us"}),
        (key("a"), {"n": 3, "of": "us"}),
    ]


@pytest.mark.needs("TTL")
def test_a_value_lives_as_long_as_it_is_told(way: Way, key: Key, dapr_sidecar: DaprSidecar) -> None:
    way.save("store", key("k"), 1, ttl=60)
    way.save("store", key("for ever"), 2)
    dapr_sidecar.clock.advance(59)
    assert way.get("store", key("k")).data == 1
    dapr_sidecar.clock.advance(2)
    assert way.get("store", key("k")) == NOTHING
    assert way.get("store", key("for ever")).data == 2


def test_keys_with_the_separator_are_refused(way: Way) -> None:
    with pytest.raises(Refused, match=r"input key/keyPrefix 'a\|\|b' can't contain '\|\|'"):
        way.get("store", "a||b")


def test_an_unknown_store_is_named(way: Way) -> None:
    for ask in (
        lambda: way.get("nowhere", "k"),
        lambda: way.save("nowhere", "k", 1),
        lambda: way.delete("nowhere", "k"),
        lambda: way.bulk_get("nowhere", ["k"]),
        lambda: way.transact("nowhere", {"k": 1}, []),
    ):
        with pytest.raises(Refused) as refused:
            ask()
        assert str(refused.value) == "state store nowhere is not found"


def test_odd_keys_are_keys_like_any_other(way: Way, key: Key) -> None:
    for name in ("a b", "ü", "{x}:y", "a|b", "100%25"):
        way.save("store", key(name), name)
        assert way.get("store", key(name)).data == name


def test_etags_are_told_by_every_read(way: Way, key: Key) -> None:
    way.save("store", key("k"), 1)
    found = way.get("store", key("k"))
    assert found == Value(1, found.etag)
    assert way.get("store", key("k")) == found
