"""Transactions that are told of on a topic."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fakesidecar.clock import VirtualClock
from fakesidecar.components.state import Delete, Json, Operation, Upsert
from fakesidecar.errors import EtagMismatch, OutboxFailed, TransactionFailed
from fakesidecar.resources.component import Component
from fakesidecar.sidecar import Sidecar

OUTBOX = {"outboxPublishPubsub": "bus", "outboxPublishTopic": "told"}


@pytest.fixture
def sidecar(clock: VirtualClock) -> Iterator[Sidecar]:
    store = Component("store", "state.in-memory", metadata=OUTBOX)
    sidecar = Sidecar(components=[store, Component("bus", "pubsub.in-memory")], clock=clock)
    yield sidecar
    sidecar.stop()


@pytest.fixture
def told(sidecar: Sidecar) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    sidecar.core.pubsub.subscribe("bus", "told", lambda delivery: events.append(delivery.event))
    return events


def transact(sidecar: Sidecar, *operations: Operation) -> None:
    sidecar.core.state.transact("store", operations)


def test_every_upsert_is_told_when_it_was_done(
    sidecar: Sidecar, clock: VirtualClock, told: list[dict[str, Any]]
) -> None:
    json = {"contentType": "application/json", "x-color": "blue"}
    transact(sidecar, Upsert("a", b"1"), Delete("gone"), Upsert("b", Json({"n": 1}), metadata=json))
    assert not told
    clock.advance(10)
    assert [event["data"] for event in told] == ["1", {"n": 1}]
    assert [event["datacontenttype"] for event in told] == ["text/plain", "application/json"]
    assert told[1]["x-color"] == "blue"
    assert told[0]["id"].startswith("outbox-")
    assert all(event["topic"] == "told" for event in told)
    assert sidecar.core.state.store("store").get(told[0]["id"], {}, "") is None


def test_a_projection_is_told_instead(sidecar: Sidecar, clock: VirtualClock, told: list[dict[str, Any]]) -> None:
    projection = {"outbox.projection": "true"}
    transact(
        sidecar,
        Upsert("k", b"told", metadata=projection),
        Upsert("k", b"kept"),
        Upsert("alone", b"", metadata=projection),
    )
    clock.advance(10)
    assert [event["data"] for event in told] == ["told"]
    kept = sidecar.core.state.get("store", "k")
    assert kept is not None
    assert kept.data == b"kept"
    assert sidecar.core.state.get("store", "alone") is None


def test_what_was_not_done_is_not_told(sidecar: Sidecar, clock: VirtualClock, told: list[dict[str, Any]]) -> None:
    with pytest.raises(TransactionFailed) as raised:
        transact(sidecar, Upsert("k", b"v", etag="7"))
    assert isinstance(raised.value.__cause__, EtagMismatch)
    transact(sidecar, Upsert("k", b"later"))
    clock.advance(60)
    assert [event["data"] for event in told] == ["later"]


def test_what_cannot_be_told_is_not_done() -> None:
    lost = {**OUTBOX, "outboxPublishPubsub": "nowhere"}
    sidecar = Sidecar(components=[Component("store", "state.in-memory", metadata=lost)])
    with pytest.raises(OutboxFailed, match="error while publishing outbox message: pubsub 'nowhere' not found"):
        transact(sidecar, Upsert("k", b"v"))
    assert sidecar.core.state.get("store", "k") is None
    transact(sidecar, Delete("k"))
    sidecar.stop()


def test_a_reset_forgets_what_was_to_be_told(sidecar: Sidecar, clock: VirtualClock, told: list[dict[str, Any]]) -> None:
    transact(sidecar, Upsert("k", b"forgotten"))
    sidecar.reset()
    clock.reset()
    events: list[Any] = []
    sidecar.core.pubsub.subscribe("bus", "told", lambda delivery: events.append(delivery.event["data"]))
    transact(sidecar, Upsert("k", b"told"))
    clock.advance(30)
    assert events == ["told"]
    assert not told
