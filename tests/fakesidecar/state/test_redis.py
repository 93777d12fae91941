"""`state.redis` on the embedded Redis: what it answers, and what then lies in Redis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fakesidecar import Component, SeededIds, Sidecar, VirtualClock
from fakesidecar.components.state import Delete, Item, Json, Upsert
from fakesidecar.errors import (
    QueryFailed,
    StateBulkDeleteFailed,
    StateDeleteFailed,
    StateGetFailed,
    StateSaveFailed,
    TransactionFailed,
)

STORE = Component("store", "state.redis", metadata={"redisHost": "redis:6379"})
BRIEF = Component("brief", "state.redis", metadata={"redisHost": "redis:6379", "ttlInSeconds": "600"})
LOCK = "ERR user_script:14: failed to set key {} script: d908b9553add63a82e03589b5c6d01a7654ef0f2, on @user_script:14."
GONE = "ERR user_script:6: failed to delete {} script: 2446db0de2c963f100727b388f03ead01d18c265, on @user_script:6."


class Shop:
    """A sidecar with two stores in one Redis, and a look into it."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.sidecar = Sidecar(components=[STORE, BRIEF], clock=self.clock, ids=SeededIds(1))
        self.state = self.sidecar.core.state
        self.redis = self.sidecar.core.around.redis.connect({"redisHost": "redis:6379"})

    def save(
        self, key: str, value: bytes = b"v", etag: str | None = None, *, store: str = "store", **more: Any
    ) -> None:
        self.state.save(store, [Upsert(key, value, etag, **more)])

    def refusal(self, key: str, etag: str | None = None, **more: Any) -> str:
        with pytest.raises(StateSaveFailed) as caught:
            self.save(key, b"x", etag, **more)
        return caught.value.message.removeprefix("failed saving state in state store store: ")

    def look(self, *words: str) -> Any:
        def ask(client: Any) -> Any:
            return client.execute_command(*words)

        return self.redis(ask)


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()
    yield shop
    shop.redis.close()
    shop.sidecar.core.close()


def test_a_value_is_a_hash_with_data_and_version(shop: Shop) -> None:
    shop.save("k", b"one")
    shop.save("k", b"two")
    assert shop.look("HGETALL", "app||k") == {b"data": b"two", b"version": b"2"}
    assert shop.state.get("store", "k") == Item(b"two", "2")


@pytest.mark.parametrize("etag", ["1", "01", "+1", "0", "00", "", None])
def test_an_etag_counts_as_a_number_and_zero_is_none(shop: Shop, etag: str | None) -> None:
    shop.save("k")
    shop.save("k", b"new", etag)
    assert shop.state.get("store", "k") == Item(b"new", "2")


@pytest.mark.parametrize("etag", ["2", "-1", "9"])
def test_another_etag_is_refused_with_the_words_of_daprs_script(shop: Shop, etag: str) -> None:
    shop.save("k")
    assert shop.refusal("k", etag) == "possible etag mismatch. error from state store: " + LOCK.format("app||k")


@pytest.mark.parametrize(
    ("etag", "why"),
    [("abc", "invalid syntax"), ("1.5", "invalid syntax"), ("99999999999999999999", "value out of range")],
)
def test_an_etag_that_is_no_number_is_invalid(shop: Shop, etag: str, why: str) -> None:
    assert shop.refusal("k", etag) == f'invalid etag value: strconv.Atoi: parsing "{etag}": {why}'


def test_the_last_write_wins_whatever_its_etag(shop: Shop) -> None:
    shop.save("k")
    shop.save("k", b"new", "abc", concurrency="last-write")
    assert shop.state.get("store", "k") == Item(b"new", "2")


def test_a_first_write_marks_the_key_for_ever(shop: Shop) -> None:
    shop.save("k", b"one", concurrency="first-write")
    assert shop.look("HGETALL", "app||k") == {b"data": b"one", b"version": b"1", b"first-write": b"0"}
    plain = f"failed to set key app||k: {LOCK.format('app||k')}"
    assert shop.refusal("k", concurrency="first-write") == plain
    assert shop.refusal("k", concurrency="last-write") == plain
    assert shop.refusal("k", "0") == "possible etag mismatch. error from state store: " + LOCK.format("app||k")
    shop.save("k", b"two", "1")


def test_a_first_write_overwrites_a_key_without_the_mark(shop: Shop) -> None:
    shop.save("k")
    shop.save("k", b"two", concurrency="first-write")
    assert shop.state.get("store", "k") == Item(b"two", "2")


def test_a_time_to_live_stays_until_it_is_changed(shop: Shop) -> None:
    shop.save("k", metadata={"ttlInSeconds": "10"})
    shop.save("k", b"w")
    assert shop.look("TTL", "app||k") == 10
    shop.clock.advance(9)
    assert shop.state.get("store", "k") == Item(b"w", "2")
    shop.clock.advance(2)
    assert shop.state.get("store", "k") is None


@pytest.mark.parametrize("seconds", ["0", "-1"])
def test_a_time_to_live_that_is_not_positive_is_none(shop: Shop, seconds: str) -> None:
    shop.save("k", metadata={"ttlInSeconds": "10"})
    shop.save("k", metadata={"ttlInSeconds": seconds})
    assert shop.look("TTL", "app||k") == -1


def test_a_store_gives_its_own_time_to_live(shop: Shop) -> None:
    shop.save("k", store="brief")
    assert shop.look("TTL", "app||k") == 600
    shop.save("k", store="brief", metadata={"ttlInSeconds": "-1"})
    assert shop.look("TTL", "app||k") == -1


def test_a_bad_time_to_live_is_told_in_gos_words(shop: Shop) -> None:
    assert shop.refusal("k", metadata={"ttlInSeconds": "soon"}) == (
        'failed to parse ttl from metadata: strconv.ParseInt: parsing "soon": invalid syntax'
    )


def test_delete_compares_etags_as_text_and_minds_none_for_a_missing_key(shop: Shop) -> None:
    shop.save("k")
    with pytest.raises(StateDeleteFailed) as caught:
        shop.state.delete("store", Delete("k", "01"))
    assert caught.value.message.endswith(f"possible etag mismatch. error from state store: {GONE.format('app||k')}")
    shop.state.delete("store", Delete("k", "1"))
    shop.state.delete("store", Delete("k", "abc"))
    assert shop.state.get("store", "k") is None


def test_many_deletes_are_told_together(shop: Shop) -> None:
    shop.save("k")
    with pytest.raises(StateBulkDeleteFailed) as caught:
        shop.state.bulk_delete("store", [Delete("k", "5"), Delete("other")])
    mismatch = "possible etag mismatch. error from state store: "
    assert caught.value.message == f"failed deleting state in state store store: {mismatch * 2}{GONE.format('app||k')}"


def test_a_transaction_tells_its_first_refusal_and_keeps_the_rest(shop: Shop) -> None:
    shop.save("a")
    shop.save("b")
    with pytest.raises(TransactionFailed) as caught:
        shop.state.transact("store", [Delete("a", "7"), Upsert("b", b"new"), Upsert("a", b"x", "9")])
    assert caught.value.message == f"error while executing state transaction: {GONE.format('app||a')}"
    assert shop.state.get("store", "b") == Item(b"new", "2")


def test_a_transaction_knows_no_first_write(shop: Shop) -> None:
    shop.state.transact("store", [Upsert("k", b"1", concurrency="first-write")])
    assert shop.look("HGETALL", "app||k") == {b"data": b"1", b"version": b"1"}


def test_a_transaction_that_cannot_be_read_leaves_nothing_behind(shop: Shop) -> None:
    with pytest.raises(TransactionFailed):
        shop.state.transact("store", [Upsert("a", b"1"), Upsert("b", b"1", "abc")])
    assert shop.state.get("store", "a") is None


def test_an_item_of_json_in_a_transaction_wants_redisjson(shop: Shop) -> None:
    json = {"contentType": "application/json"}
    with pytest.raises(TransactionFailed, match="ERR Unknown Redis command called from script script: c5d8cabb"):
        shop.state.transact("store", [Upsert("a", b"{}", metadata=json), Upsert("b", b"1")])
    assert shop.state.get("store", "b") == Item(b"1", "1")


def test_json_is_written_as_jsoniter_does(shop: Shop) -> None:
    shop.state.save("store", [Upsert("k", Json({"n": [1.0, 1.23456789012, "<&>"]}))])
    assert shop.state.get("store", "k") == Item(b'{"n":[1,1.234568,"<&>"]}', "1")


def test_what_somebody_else_wrote_is_read_as_far_as_it_can_be(shop: Shop) -> None:
    shop.look("SET", "app||text", "just text")
    assert shop.state.get("store", "text") == Item(b"just text")
    shop.save("text")
    assert shop.state.get("store", "text") == Item(b"v", "1")
    shop.look("HSET", "app||half", "data", "no version")
    with pytest.raises(StateGetFailed, match="required hash field 'data' or 'version' was not found"):
        shop.state.get("store", "half")
    shop.look("LPUSH", "app||list", "x")
    with pytest.raises(StateGetFailed, match="WRONGTYPE Operation against a key holding the wrong kind of value"):
        shop.state.get("store", "list")
    shop.save("list")
    assert shop.state.get("store", "list") == Item(b"v", "1")


def test_a_version_that_is_no_number_cannot_be_counted_up(shop: Shop) -> None:
    shop.look("HSET", "app||k", "version", "abc", "data", "q")
    assert shop.refusal("k") == (
        "failed to set key app||k: ERR hash value is not an integer "
        "script: d908b9553add63a82e03589b5c6d01a7654ef0f2, on @user_script:12."
    )


def test_queries_are_read_before_they_are_refused(shop: Shop) -> None:
    with pytest.raises(QueryFailed, match="redis-json server support is required for query capability"):
        shop.state.query("store", b'{"filter": {}}')
    with pytest.raises(QueryFailed, match="failed to parse JSON query body: EQ filter must be a map"):
        shop.state.query("store", b'{"filter": {"EQ": 1}}')


def test_sidecars_that_name_one_host_share_what_lies_there(shop: Shop) -> None:
    other = Sidecar(components=[STORE], clock=shop.clock)
    shop.save("k")
    assert other.core.state.get("store", "k") == Item(b"v", "1")
    other.core.close()
    assert shop.state.get("store", "k") == Item(b"v", "1")


def test_an_embedded_redis_is_gone_with_the_last_that_uses_it() -> None:
    for _ in range(2):
        sidecar = Sidecar(components=[STORE, BRIEF])
        assert sidecar.core.state.get("store", "k") is None
        sidecar.core.state.save("brief", [Upsert("k", b"v")])
        assert sidecar.core.state.get("store", "k") == Item(b"v", "1")
        sidecar.core.close()


def test_a_reset_empties_the_embedded_redis(shop: Shop) -> None:
    shop.save("k")
    shop.sidecar.reset()
    assert shop.look("DBSIZE") == 0
