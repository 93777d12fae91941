"""Actors: whose turn it is, when they are deactivated, what they keep and are reminded of, and where they live."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from fakesidecar import snapshots
from fakesidecar.clock import VirtualClock
from fakesidecar.components.state import Delete, Json, Upsert
from fakesidecar.core.actors import ActorsBlock
from fakesidecar.core.actors.config import TypeConfig, types_of
from fakesidecar.core.actors.hosts import ActorReply, ActorTimer, Reminder
from fakesidecar.core.actors.names import fault_in_method, fault_in_name
from fakesidecar.core.actors.place import weight
from fakesidecar.errors import (
    ActorInstanceMissing,
    ActorInvokeFailed,
    ActorNotHosted,
    ActorRuntimeClosed,
    ActorsNotPlaced,
    ActorStackDepth,
    ActorStateStoreMissing,
    ActorTransactionFailed,
    ActorTypeReserved,
    ApiError,
    ReminderCreateFailed,
    ReminderExists,
    ReminderNotFound,
    ReminderNotHosted,
    TimerCreateFailed,
)
from fakesidecar.faults import from_json
from fakesidecar.golang import GoError
from fakesidecar.neighbours import Neighbours
from fakesidecar.options import Options
from fakesidecar.resources.component import Component
from fakesidecar.resources.resiliency import CircuitBreaker, Resiliency, Retry, Target
from fakesidecar.schedule import BURST
from fakesidecar.scheduler import DROP, FailurePolicy
from fakesidecar.sidecar import Sidecar

from .actor_hosts import STORE, Asked, Stage, call, prompt, sidecar_with_actors
from .doors import HOST, SECONDS, Refused, grpc_call, http_ok

HOUR, DAY = 3600.0, 86400.0
TYPES = {"Cat": TypeConfig(), "Nested": TypeConfig(stack_depth=2)}


@pytest.fixture
def sidecar() -> Iterator[Sidecar]:
    sidecar = sidecar_with_actors(ttl=True)
    yield sidecar
    sidecar.stop()


@pytest.fixture
def actors(sidecar: Sidecar) -> ActorsBlock:
    return sidecar.core.actors


@pytest.fixture
def clock(sidecar: Sidecar) -> VirtualClock:
    assert isinstance(sidecar.clock, VirtualClock)
    return sidecar.clock


@pytest.fixture
def stage(actors: ActorsBlock) -> Stage:
    """A host that answers when it is told to."""
    stage = Stage()
    actors.register(stage, TYPES)
    return stage


@pytest.fixture
def host(actors: ActorsBlock) -> Stage:
    """A host that answers at once; whatever is called `bad` fails."""
    host = prompt(fail="bad")
    actors.register(host, TYPES)
    return host


# --- turns ---------------------------------------------------------------------------------------


def test_an_actor_does_one_thing_after_the_other(actors: ActorsBlock, stage: Stage) -> None:
    first, second, other = call(actors, "eat"), call(actors, "sleep"), call(actors, "eat", "felix")
    assert stage.said() == [("method", "tom", "eat"), ("method", "felix", "eat")]
    stage.asked[0].ok(b"fish")
    assert first.result().data == b"fish"
    assert [asked.name for asked in stage.open if asked.actor == "tom"] == ["sleep"]
    stage.asked[2].fail()
    with pytest.raises(ActorInvokeFailed, match="error invoke actor method: it broke"):
        second.result()
    assert not other.done()


def test_what_was_done_can_be_looked_at(actors: ActorsBlock, host: Stage, clock: VirtualClock) -> None:
    call(actors, "eat").result()
    clock.advance(5)
    with pytest.raises(ActorInvokeFailed):
        call(actors, "bad").result()
    eat, bad = actors.turns
    assert (eat.type, eat.id, eat.kind, eat.name, eat.outcome) == ("Cat", "tom", "method", "eat", "ok")
    assert (bad.outcome, bad.error, bad.begin - eat.begin) == ("failed", "it broke", 5)
    assert actors.active() == [("Cat", "tom")]


def test_nobody_begins_what_nobody_waits_for(actors: ActorsBlock, stage: Stage) -> None:
    call(actors, "eat")
    assert call(actors, "sleep").cancel()
    call(actors, "purr")
    stage.asked[0].ok()
    assert [asked.name for asked in stage.asked] == ["eat", "purr"]


def test_calls_of_one_reentrancy_id_nest_as_deep_as_the_type_allows(actors: ActorsBlock, stage: Stage) -> None:
    mine: dict[str, Any] = {"type": "Nested", "headers": [("Dapr-Reentrancy-Id", "mine")]}
    outer, inner = call(actors, "outer", **mine), call(actors, "inner", **mine)
    assert [asked.name for asked in stage.open] == ["outer", "inner"]
    with pytest.raises(ActorStackDepth):
        call(actors, "innermost", **mine)
    stranger = call(actors, "stranger", type="Nested")
    for asked in reversed(stage.open):
        asked.ok()
    assert (outer.done(), inner.done(), stranger.done()) == (True, True, False)
    (asked,) = stage.open
    assert asked.what.header("dapr-reentrancy-id") not in (None, "mine")


def test_a_reentrancy_id_means_nothing_to_other_types(actors: ActorsBlock, stage: Stage) -> None:
    for method in ("outer", "inner"):
        call(actors, method, headers=[("Dapr-Reentrancy-Id", "mine")])
    assert [asked.name for asked in stage.open] == ["outer"]


# --- idle actors ---------------------------------------------------------------------------------


def test_an_idle_actor_is_deactivated(actors: ActorsBlock, host: Stage, clock: VirtualClock) -> None:
    actors.register(host, {"Brief": TypeConfig(idle_seconds=60)})
    call(actors, "eat", type="Brief").result()
    clock.advance(59)
    call(actors, "eat", type="Brief").result()
    clock.advance(59)
    assert actors.active() == [("Brief", "tom")]
    clock.advance(1)
    assert actors.active() == []
    assert host.said()[-1] == ("deactivation", "tom", "")
    call(actors, "eat", type="Brief").result()
    assert actors.active() == [("Brief", "tom")]


def test_an_actor_that_is_called_is_not_idle(actors: ActorsBlock, stage: Stage, clock: VirtualClock) -> None:
    actors.register(stage, {"Brief": TypeConfig(idle_seconds=60)})
    call(actors, "eat", type="Brief")
    clock.advance(HOUR)
    assert [asked.kind for asked in stage.open] == ["method"]
    stage.open[0].ok()
    clock.advance(60)
    assert [asked.kind for asked in stage.open] == ["deactivation"]


def test_who_calls_during_a_deactivation_waits_and_activates_again(actors: ActorsBlock, stage: Stage) -> None:
    call(actors, "eat")
    stage.asked[0].ok()
    gone, back = actors.deactivate("Cat", "tom"), call(actors, "eat")
    assert [asked.kind for asked in stage.open] == ["deactivation"]
    stage.asked[1].fail()
    assert gone.exception() is not None
    assert [asked.kind for asked in stage.open] == ["method"]
    stage.asked[2].ok()
    assert back.result() == ActorReply()
    assert actors.is_active("Cat", "tom")


def test_an_actor_is_deactivated_once(actors: ActorsBlock, stage: Stage) -> None:
    call(actors, "eat")
    both = [actors.deactivate("Cat", "tom") for _ in range(2)]
    stage.asked[0].ok()
    stage.asked[1].ok()
    assert [future.result(0) for future in both] == [None, None]
    assert [kind for kind, _, _ in stage.said()] == ["method", "deactivation"]


# --- state ---------------------------------------------------------------------------------------


def save(actors: ActorsBlock, *operations: Upsert | Delete, id: str = "tom") -> None:
    actors.transact("Cat", id, lambda: operations)


def test_state_belongs_to_an_actor(actors: ActorsBlock, host: Stage, sidecar: Sidecar) -> None:
    call(actors, "eat").result()
    save(actors, Upsert("mood", Json("good")), Upsert("raw", b"\x00"))
    item = actors.get_state("Cat", "tom", "mood")
    assert item is not None
    assert item.data == b'"good"'
    assert actors.get_state("Cat", "felix", "mood") is None
    assert actors.state.all("Cat", "tom") == {"mood": b'"good"', "raw": b"\x00"}
    store = sidecar.core.state.store("store")
    assert store.get("app||Cat||tom||mood", {}) == item
    save(actors, Delete("mood"))
    assert actors.state.all("Cat", "tom") == {"raw": b"\x00"}


def test_state_of_an_actor_that_is_not_active_is_read_but_not_written(actors: ActorsBlock, host: Stage) -> None:
    call(actors, "eat").result()
    save(actors, Upsert("mood", b"1"))
    actors.deactivate("Cat", "tom").result()
    assert actors.get_state("Cat", "tom", "mood") is not None
    with pytest.raises(ActorInstanceMissing):
        save(actors, Upsert("mood", b"2"))


def test_all_of_a_transaction_or_nothing(actors: ActorsBlock, host: Stage) -> None:
    call(actors, "eat").result()
    for last in (Upsert("b", b"1", etag="99"), Upsert("", b"1"), Upsert("b", b"1", metadata={"ttlInSeconds": "soon"})):
        with pytest.raises(ActorTransactionFailed):
            save(actors, Upsert("a", b"1"), last)
    assert actors.state.all("Cat", "tom") == {}


def test_state_expires_when_the_feature_is_on(actors: ActorsBlock, host: Stage, clock: VirtualClock) -> None:
    call(actors, "eat").result()
    save(actors, Upsert("mood", b"1", metadata={"ttlInSeconds": "10"}))
    clock.advance(11)
    assert actors.get_state("Cat", "tom", "mood") is None


def test_state_does_not_expire_when_the_feature_is_off() -> None:
    sidecar = sidecar_with_actors()
    actors = sidecar.core.actors
    actors.register(prompt(), TYPES)
    call(actors, "eat").result()
    with pytest.raises(ActorTransactionFailed, match='not supported without the "ActorStateTTL" feature'):
        save(actors, Upsert("mood", b"1", metadata={"ttlInSeconds": "10"}))
    sidecar.stop()


# --- reminders -----------------------------------------------------------------------------------


def remind(actors: ActorsBlock, name: str = "feed", type: str = "Cat", id: str = "tom", **texts: Any) -> None:
    more = {key: texts.pop(key) for key in ("overwrite", "policy") if key in texts}
    actors.create_reminder(Reminder(type, id, name, **texts), **more)


def times(actors: ActorsBlock, clock: VirtualClock, kind: str) -> list[float]:
    """A list that grows: seconds from now on at which something of a kind is asked of a host that answers at once."""
    came: list[float] = []
    start = clock.now()

    def answer(asked: Asked) -> None:
        if asked.kind == kind:
            came.append(clock.now() - start)
        asked.ok()

    actors.register(Stage(answer), TYPES)
    return came


def test_a_month_of_reminders(actors: ActorsBlock, host: Stage, clock: VirtualClock) -> None:
    remind(actors, period="1h")
    clock.advance(30 * DAY)
    assert sum(asked.kind == "reminder" for asked in host.asked) == 30 * 24
    assert actors.get_reminder("Cat", "tom", "feed").period == "@every 1h0m0s"


@pytest.mark.parametrize(
    ("texts", "ticks"),
    [
        ({"due_time": "10s"}, [10]),
        ({"due_time": "-1h"}, [0]),
        ({"due_time": "10s", "period": "R3/PT5S"}, [10, 15, 20]),
        ({"period": "R2/PT5S"}, [5, 10]),
        ({"due_time": "10s", "period": "5s", "ttl": "11s"}, [10, 15, 20]),
        ({"period": "5s", "ttl": "2001-01-02T03:04:05Z"}, []),
        ({"due_time": "2030-01-01T00:00:07Z"}, [7]),
    ],
)
def test_when_a_reminder_comes(
    actors: ActorsBlock, clock: VirtualClock, texts: dict[str, str], ticks: list[float]
) -> None:
    came = times(actors, clock, "reminder")
    remind(actors, **texts)
    clock.advance(HOUR)
    assert came == ticks
    with pytest.raises(ReminderNotFound):
        actors.get_reminder("Cat", "tom", "feed")


@pytest.mark.parametrize(
    ("policy", "tries"), [(DROP, 1), (FailurePolicy(1, 2), 3), (FailurePolicy(), 4), (FailurePolicy(600, None), 6)]
)
def test_a_reminder_that_fails_is_tried_again(
    actors: ActorsBlock, host: Stage, clock: VirtualClock, policy: FailurePolicy, tries: int
) -> None:
    remind(actors, "bad", due_time="0s", policy=policy)
    clock.advance(3000 if policy.max_retries is None else HOUR)
    assert [asked.kind for asked in host.asked if asked.kind == "reminder"] == ["reminder"] * tries


def test_a_reminder_waits_for_a_host(actors: ActorsBlock, host: Stage, clock: VirtualClock) -> None:
    remind(actors, due_time="1m")
    actors.unregister(host)
    clock.advance(HOUR)
    assert host.asked == []
    actors.register(host, TYPES)
    assert host.said() == [("reminder", "tom", "feed")]


def test_a_reminder_that_waited_for_a_host_may_be_gone(actors: ActorsBlock, host: Stage, clock: VirtualClock) -> None:
    remind(actors, due_time="1m")
    actors.unregister(host)
    clock.advance(HOUR)
    actors.place.reminders.remove_all()
    actors.register(host, TYPES)
    assert host.asked == []


def test_reminders_are_replaced_listed_and_deleted(actors: ActorsBlock, host: Stage, clock: VirtualClock) -> None:
    remind(actors, due_time="1h")
    with pytest.raises(ReminderExists):
        remind(actors, due_time="2h", overwrite=False)
    remind(actors, due_time="2h")
    remind(actors, "play", due_time="1h", id="felix")
    assert [one.id for one in actors.list_reminders("Cat")] == ["felix", "tom"]
    assert [one.due_time for one in actors.list_reminders("Cat", "tom")] == ["2h"]
    actors.delete_reminder("Cat", "tom", "feed")
    actors.delete_reminder("Cat", "tom", "feed")
    actors.delete_reminders("Cat", "felix")
    clock.advance(DAY)
    assert host.asked == []


def test_a_test_may_be_the_one_who_reminds(actors: ActorsBlock, host: Stage) -> None:
    remind(actors, due_time="1h")
    actors.create_timer(ActorTimer("Cat", "tom", "look", due_time="1h"))
    actors.fire_reminder("Cat", "tom", "feed").result()
    actors.fire_timer("Cat", "tom", "look").result()
    assert host.said() == [("reminder", "tom", "feed"), ("timer", "tom", "look")]
    assert len(actors.list_reminders("Cat")) == 1
    with pytest.raises(KeyError):
        actors.fire_timer("Cat", "tom", "other")


@pytest.mark.parametrize(
    "texts",
    [
        {},
        {"data": b"1"},
        {"due_time": "tomorrow"},
        {"due_time": "R2/PT1H"},
        {"period": "often"},
        {"period": "@daily"},
        {"period": "P1D"},
        {"due_time": "1h", "ttl": "2h"},
        {"period": "1h", "ttl": "long"},
        {"due_time": "1h", "name": "a/b"},
    ],
)
def test_reminders_that_make_no_sense(actors: ActorsBlock, host: Stage, texts: dict[str, Any]) -> None:
    with pytest.raises(ReminderCreateFailed):
        remind(actors, **texts)
    assert actors.list_reminders("Cat") == []


@pytest.mark.parametrize("period", ["1ns", "0s", "-1s", "R-1/PT0S", "R0", "PT9999999999H"])
def test_reminders_without_a_pause_do_not_hold_the_clock_up(
    actors: ActorsBlock, clock: VirtualClock, period: str
) -> None:
    came = times(actors, clock, "reminder")
    remind(actors, period=period)
    clock.advance(300)
    assert BURST + 300 - 2 <= len(came) <= BURST + 300


def test_a_reminder_counts_in_32_bits(actors: ActorsBlock, clock: VirtualClock) -> None:
    came = times(actors, clock, "reminder")
    with pytest.raises(ReminderCreateFailed, match="defined repeats must be greater than 0"):
        remind(actors, period="R4294967296/PT1S")
    remind(actors, period="R4294967298/PT1S")
    clock.advance(HOUR)
    assert came == [1, 2]


# --- timers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "ticks"),
    [
        ({}, [0]),
        ({"due_time": "10s"}, [10]),
        ({"period": "R2/PT5S"}, [0, 5]),
        ({"due_time": "10s", "period": "5s", "ttl": "11s"}, [10, 15, 20]),
        ({"due_time": "10s", "period": "5s", "ttl": "10s"}, [10, 15]),
        ({"ttl": "0s"}, []),
        ({"due_time": "-2h", "ttl": "3h"}, [0]),
        ({"due_time": "10s", "period": "0s"}, [10]),
        ({"due_time": "10s", "period": "R3/PT0S"}, [10]),
        ({"due_time": "9999-12-31T23:59:59Z"}, []),
        ({"period": "R9223372036854775807/P99999Y"}, [0]),
        ({"period": "R3/P1D"}, [0, DAY, 2 * DAY]),
        ({"period": "R3/P1M"}, [0, 31 * DAY, 59 * DAY]),
    ],
)
def test_when_a_timer_ticks(
    actors: ActorsBlock, clock: VirtualClock, texts: dict[str, Any], ticks: list[float]
) -> None:
    came = times(actors, clock, "timer")
    actors.create_timer(ActorTimer("Cat", "tom", "look", **texts))
    clock.advance(90 * DAY)
    assert came == ticks


def test_a_timer_goes_on_whatever_becomes_of_its_actor(actors: ActorsBlock, host: Stage, clock: VirtualClock) -> None:
    actors.create_timer(ActorTimer("Cat", "tom", "bad", period="2h"))
    clock.advance(4 * HOUR)  # each tick fails, and the actor is idle for an hour after each
    assert [kind for kind, _, _ in host.said()] == ["timer", "deactivation", "timer", "deactivation", "timer"]
    actors.delete_timer("Cat", "tom", "bad")
    clock.advance(DAY)
    assert [kind for kind, _, _ in host.said()].count("timer") == 3


@pytest.mark.parametrize("period", ["1ns", "-1s", "R-1/PT-1S", "P-1D", "P1M-31D", "PT9999999999H"])
def test_timers_without_a_pause_do_not_hold_the_clock_up(actors: ActorsBlock, clock: VirtualClock, period: str) -> None:
    came = times(actors, clock, "timer")
    actors.create_timer(ActorTimer("Cat", "tom", "look", period=period))
    clock.advance(300)
    assert BURST + 300 - 2 <= len(came) <= BURST + 300 + 1


@pytest.mark.parametrize(
    ("texts", "moments"),
    [
        ({"ttl": "-1s"}, "2030-01-01 00:00:00 +0000 UTC m=+0.000000001 TTL: -1s"),
        ({"due_time": "1s", "ttl": "-1s"}, "2030-01-01 00:00:01 +0000 UTC m=+0.000000001 TTL: -1s"),
        (
            {"due_time": "2031-01-01T00:00:00Z", "ttl": "2030-06-01T00:00:00Z"},
            "2031-01-01 00:00:00 +0000 UTC TTL: 2030-06-01T00:00:00Z",
        ),
    ],
)
def test_a_timer_that_is_over_before_it_begins(actors: ActorsBlock, host: Stage, texts: Any, moments: str) -> None:
    with pytest.raises(TimerCreateFailed) as caught:
        actors.create_timer(ActorTimer("Cat", "tom", "look", **texts))
    assert str(caught.value).endswith(f"timer Cat||tom||look has already expired: dueTime: {moments}")


@pytest.mark.parametrize(
    "texts",
    [
        {"due_time": "soon"},
        {"due_time": "R2/PT1H"},
        {"period": "often"},
        {"period": "@every 1s"},
        {"period": "R0/PT1H"},
        {"ttl": "long"},
        {"ttl": "2001-01-02T03:04:05Z"},
    ],
)
def test_timers_that_make_no_sense(actors: ActorsBlock, host: Stage, texts: dict[str, Any]) -> None:
    with pytest.raises(TimerCreateFailed):
        actors.create_timer(ActorTimer("Cat", "tom", "look", **texts))


# --- who is served -------------------------------------------------------------------------------


def test_types_that_nobody_hosts_or_nobody_may_have(actors: ActorsBlock, host: Stage) -> None:
    with pytest.raises(ActorNotHosted, match="did not find address for actor 'Dog/rex'"):
        call(actors, "bark", "rex", "Dog")
    with pytest.raises(ReminderNotHosted):
        remind(actors, type="Dog", due_time="1h")
    with pytest.raises(TimerCreateFailed, match=r"can't create timer for actor Dog\|\|rex: actor type not registered"):
        actors.create_timer(ActorTimer("Dog", "rex", "look"))
    with pytest.raises(ActorTypeReserved):
        actors.get_state("dapr.internal.default.app.workflow", "1", "k")


def test_without_placement_or_a_store_there_are_no_actors() -> None:
    nowhere = Sidecar(Options(placement_host_address=""), components=[STORE])
    with pytest.raises(ActorsNotPlaced):
        nowhere.core.actors.get_state("Cat", "tom", "k")
    assert nowhere.core.metadata.get().actor_runtime.status == "DISABLED"
    storeless = Sidecar(components=[Component("store", "state.in-memory")])
    storeless.core.actors.register(prompt(), TYPES)
    with pytest.raises(ActorStateStoreMissing):
        storeless.core.actors.get_state("Cat", "tom", "k")
    with pytest.raises(ActorNotHosted):
        call(storeless.core.actors, "eat")
    nowhere.stop()
    storeless.stop()


def test_the_metadata_count_active_actors(sidecar: Sidecar, actors: ActorsBlock, host: Stage) -> None:
    for id in ("tom", "felix"):
        call(actors, "eat", id).result()
    found = sidecar.core.metadata.get().actor_runtime
    assert (found.status, found.active, found.host_ready) == ("RUNNING", {"Cat": 2, "Nested": 0}, True)


def test_a_newer_host_takes_over(actors: ActorsBlock, host: Stage) -> None:
    call(actors, "eat").result()
    newer = prompt()
    actors.register(newer, {"Cat": TypeConfig()})
    assert actors.active() == []
    call(actors, "eat").result()
    actors.unregister(host)
    assert actors.types == ["Cat"]
    assert (len(host.asked), len(newer.asked)) == (1, 1)


def test_what_is_under_way_when_the_sidecar_ends(actors: ActorsBlock, stage: Stage) -> None:
    call(actors, "eat")
    stage.asked[0].ok()
    under_way, waiting = call(actors, "sleep"), call(actors, "purr")
    (gone,) = actors.drain()
    with pytest.raises(ActorRuntimeClosed):
        call(actors, "eat")
    actors.close()
    for future in (under_way, waiting):
        with pytest.raises(ApiError, match="the sidecar is closed"):
            future.result(0)
    assert gone.exception(0) is not None


def test_a_reset_leaves_nothing(sidecar: Sidecar, actors: ActorsBlock, host: Stage, clock: VirtualClock) -> None:
    call(actors, "eat").result()
    save(actors, Upsert("mood", b"1"))
    remind(actors, due_time="1h")
    actors.create_timer(ActorTimer("Cat", "tom", "look", due_time="1h"))
    sidecar.reset()
    assert host.said()[-1] == ("deactivation", "tom", "")
    clock.advance(DAY)
    assert len(host.asked) == 2
    assert actors.state.all("Cat", "tom") == {}


def test_a_copy_has_reminders_timers_and_state(
    sidecar: Sidecar, actors: ActorsBlock, host: Stage, clock: VirtualClock
) -> None:
    call(actors, "eat").result()
    save(actors, Upsert("mood", b"1"))
    remind(actors, period="R3/PT1H", policy=DROP)
    actors.create_timer(ActorTimer("Cat", "tom", "look", due_time="90m", period="R3/P1D"))
    clock.advance(HOUR)
    kept = snapshots.loads(snapshots.dumps(snapshots.snapshot(sidecar.core)))
    clock.advance(3 * DAY)
    assert (actors.list_reminders("Cat"), actors.timers.select()) == ([], [])
    snapshots.restore(sidecar.core, kept)
    assert (actors.active(), actors.state.all("Cat", "tom")) == ([], {"mood": b"1"})
    del host.asked[:]
    clock.advance(DAY)
    assert [kind for kind, _, _ in host.said()].count("reminder") == 2
    clock.advance(2 * DAY)
    came = [turn.begin - kept.time for turn in actors.turns if turn.kind == "timer"]
    assert (came, actors.timers.select()) == ([HOUR / 2, HOUR / 2 + DAY, HOUR / 2 + 2 * DAY], [])


# --- several sidecars ----------------------------------------------------------------------------


def test_neighbours_share_actors_and_reminders() -> None:
    clock, neighbours = VirtualClock(), Neighbours()
    one, two = (sidecar_with_actors(app_id=name, clock=clock, neighbours=neighbours) for name in ("one", "two"))
    hosts = (prompt(fail="bad"), prompt(fail="bad"))
    for sidecar, host in zip((one, two), hosts, strict=True):
        sidecar.core.actors.register(host, TYPES)
    names = [f"cat-{number}" for number in range(40)]
    for name in names:
        assert call(one.core.actors, "eat", name).result().data == b"eat"
    before = [[asked.actor for asked in host.asked] for host in hosts]
    assert all(before)
    assert sorted(before[0] + before[1]) == sorted(names)
    assert {asked.what.header("x-dapr-remote") for asked in hosts[1].asked} == {"true"}
    assert {asked.what.header("dapr-caller-app-id") for asked in hosts[1].asked} == {"two"}
    for name in names:
        call(two.core.actors, "eat", name).result()
    assert [
        [asked.actor for asked in host.asked[len(was) :]] for host, was in zip(hosts, before, strict=True)
    ] == before
    with pytest.raises(ActorInvokeFailed) as failure:
        call(one.core.actors, "bad", before[1][0]).result()
    assert failure.value.remote
    remind(one.core.actors, id=before[1][0], due_time="1h")
    assert two.core.actors.get_reminder("Cat", before[1][0], "feed")
    two.stop()
    clock.advance(HOUR)
    assert ("reminder", before[1][0], "feed") in hosts[0].said()
    one.stop()


DRAIN = 10.0


class Pair:
    """Two sidecars of a clock. `tom` is active at the first, and is to live at the second when that has a host, too."""

    def __init__(self, drain: float = DRAIN) -> None:
        self.clock, neighbours = VirtualClock(), Neighbours()
        self.types = {"Cat": TypeConfig(drain_seconds=drain)}
        self.one, self.two = (
            sidecar_with_actors(app_id="app", clock=self.clock, neighbours=neighbours) for _ in range(2)
        )
        self.old, self.new = Stage(), Stage()
        self.one.core.actors.register(self.old, self.types)
        second = self.two.core.actors
        names = (f"cat-{number}" for number in range(100))
        self.tom = next(name for name in names if weight(second.address, "Cat", name) > weight("0", "Cat", name))

    def ask(self, method: str) -> Future[ActorReply]:
        return call(self.one.core.actors, method, self.tom)

    def join(self) -> None:
        self.two.core.actors.register(self.new, self.types)

    def said(self) -> list[list[tuple[str, str]]]:
        """Kind and name of all that the old host and the new one were asked."""
        return [[(kind, name) for kind, _, name in stage.said()] for stage in (self.old, self.new)]


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    yield pair
    pair.one.stop()
    pair.two.stop()


def test_an_actor_moves_when_its_call_is_over(pair: Pair) -> None:
    under_way, waiting = pair.ask("sleep"), pair.ask("eat")
    pair.join()
    late = pair.ask("purr")
    assert pair.said() == [[("method", "sleep")], []]
    pair.old.asked[0].ok(b"zzz")
    assert under_way.result(0).data == b"zzz"
    assert pair.said() == [[("method", "sleep"), ("deactivation", "")], []]
    pair.old.asked[1].ok()
    assert pair.said()[1] == [("method", "purr")]
    pair.new.asked[0].ok()
    pair.new.asked[1].ok(b"fish")
    assert (late.done(), waiting.result(0).data) == (True, b"fish")
    assert pair.one.core.actors.active() == []
    assert pair.two.core.actors.active() == [("Cat", pair.tom)]


def test_a_call_that_takes_too_long_is_made_again_at_the_new_host(pair: Pair) -> None:
    asked = pair.ask("sleep")
    pair.join()
    pair.clock.advance(DRAIN - 1)
    assert pair.said()[0] == [("method", "sleep")]
    pair.clock.advance(1)
    assert pair.said()[0] == [("method", "sleep"), ("deactivation", "")]
    assert pair.said()[1] == []
    pair.old.asked[1].ok()
    pair.new.asked[0].ok(b"zzz")
    assert asked.result(0).data == b"zzz"
    assert next(turn.error for turn in pair.one.core.actors.turns).startswith("it took too long")


def test_a_type_may_say_that_nobody_waits_for_its_calls() -> None:
    pair = Pair(drain=0)
    asked = pair.ask("sleep")
    pair.join()
    pair.old.asked[1].ok()
    assert pair.said() == [[("method", "sleep"), ("deactivation", "")], [("method", "sleep")]]
    pair.new.asked[0].fail()
    with pytest.raises(ActorInvokeFailed, match="it broke"):
        asked.result(0)
    pair.one.stop()
    pair.two.stop()


def test_reminders_and_timers_follow_an_actor_that_moves(pair: Pair) -> None:
    pair.old.answer = pair.new.answer = Asked.ok
    actors = pair.one.core.actors
    pair.ask("eat")
    remind(actors, id=pair.tom, period="1h")
    actors.create_timer(ActorTimer("Cat", pair.tom, "look", period="2h"))
    pair.join()
    pair.clock.advance(2 * HOUR)
    assert pair.said() == [
        [("method", "eat"), ("timer", "look"), ("deactivation", "")],
        [("reminder", "feed"), ("timer", "look"), ("reminder", "feed")],
    ]
    actors.fire_timer("Cat", pair.tom, "look")
    actors.fire_reminder("Cat", pair.tom, "feed")
    assert pair.said()[1][3:] == [("timer", "look"), ("reminder", "feed")]


def test_actors_move_on_when_their_sidecar_ends(pair: Pair) -> None:
    pair.join()
    asked = pair.ask("sleep")
    ended = pair.two.core.actors.drain()
    waiting = pair.ask("eat")
    assert (pair.said(), [one.done() for one in ended]) == ([[], [("method", "sleep")]], [False])
    pair.new.asked[0].ok(b"zzz")
    pair.new.asked[1].ok()
    pair.old.asked[0].ok(b"fish")
    assert (asked.result(0).data, waiting.result(0).data, ended[0].done()) == (b"zzz", b"fish", True)


def test_a_deactivation_is_not_cut_short(pair: Pair) -> None:
    pair.ask("sleep")
    pair.join()
    pair.old.asked[0].ok()
    pair.clock.advance(2 * DRAIN)
    late = pair.ask("eat")
    assert pair.said()[1] == []
    pair.old.asked[1].ok()
    pair.new.asked[0].ok()
    assert late.result(0).data == b""


def test_an_actor_that_is_still_leaving_may_come_back(pair: Pair) -> None:
    first = pair.ask("sleep")
    pair.join()
    second = pair.ask("eat")
    pair.two.core.actors.drain()
    assert pair.said() == [[("method", "sleep")], []]
    for asked in range(3):
        pair.old.asked[asked].ok()
    assert pair.said() == [[("method", "sleep"), ("deactivation", ""), ("method", "eat")], []]
    assert first.done()
    assert second.done()


# --- names and configuration ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("fine name", ""),
        ("a/b", 'name contains forbidden character: "a/b"'),
        ("a\\b", 'name contains forbidden character: "a\\\\b"'),
        ("..", 'name is a path traversal sequence: ".."'),
        ("a\nb", 'name contains control character at position 1: "a\\nb"'),
        ("", ""),
    ],
)
def test_names(name: str, fault: str) -> None:
    assert fault_in_name(name) == fault


def test_methods_may_be_paths() -> None:
    assert fault_in_method("a/b\\c") == ""
    assert fault_in_method("a?b") == 'method contains forbidden character: "a?b"'


def test_what_applications_say_of_their_types() -> None:
    said = {
        "entities": ["Cat", "Dog"],
        "actorIdleTimeout": "1h0m0s0ms0μs",
        "reentrancy": {"enabled": True},
        "entitiesConfig": [{"entities": ["Dog"], "drainOngoingCallTimeout": "1s", "actorIdleTimeout": "5m"}],
    }
    assert types_of(json.dumps(said).encode()) == {
        "Cat": TypeConfig(3600, 2, 32),
        "Dog": TypeConfig(300, 1, None),
    }
    never = {"entities": ["Cat"], "drainRebalancedActors": False, "drainOngoingCallTimeout": "1m"}
    assert types_of(json.dumps(never).encode()) == {"Cat": TypeConfig(drain_seconds=0)}
    assert types_of(json.dumps(never | {"drainRebalancedActors": True}).encode())["Cat"].drain_seconds == 60
    for broken in (b"", b"[]", b'{"entities": "Cat"}', b'{"entities": ["Cat"], "actorIdleTimeout": "long"}'):
        with pytest.raises(GoError):
            types_of(broken)


# --- an application over HTTP --------------------------------------------------------------------


@contextmanager
def beside(types: list[str], answer: Any, **config: Any) -> Iterator[Sidecar]:
    """A sidecar of an application with actors: `answer(method, path, headers, body)` gives status and JSON."""

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if self.path == "/dapr/config":
                status, value = 200, {"entities": types, **config}
            else:
                status, value = answer(self.command, self.path, self.headers, body)
            text = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_PUT = do_POST = do_DELETE = do_OPTIONS = handle_any  # noqa: N815  # the names are http.server's

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((HOST, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        with Sidecar(Options(app_port=server.server_port), components=[STORE]) as sidecar:
            yield sidecar
    finally:
        server.shutdown()
        server.server_close()


def put(sidecar: Sidecar, path: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
    connection = HTTPConnection(HOST, sidecar.http_port, timeout=SECONDS)
    try:
        connection.request("PUT", path, json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None
    finally:
        connection.close()


def test_an_application_calls_itself_as_deep_as_it_may() -> None:
    def answer(method: str, path: str, headers: Any, body: bytes) -> tuple[int, Any]:
        left = json.loads(body or b"0")
        if not left:
            return 200, {"depth": "bottom"}
        status, inner = put(beside_it, f"/v1.0{path}", left - 1, {"Dapr-Reentrancy-Id": headers["dapr-reentrancy-id"]})
        return 200, {"status": status, "inner": inner}

    with beside(["Nested"], answer, reentrancy={"enabled": True, "maxStackDepth": 3}) as beside_it:
        path = "/v1.0/actors/Nested/n/method/recurse"
        bottom = {"status": 200, "inner": {"status": 200, "inner": {"depth": "bottom"}}}
        assert put(beside_it, path, 2, {}) == (200, bottom)
        refused = {"errorCode": "ERR_ACTOR_STACK_DEPTH", "message": "maximum stack depth exceeded"}
        too_deep = {"status": 200, "inner": {"status": 200, "inner": {"status": 500, "inner": refused}}}
        assert put(beside_it, path, 3, {}) == (200, too_deep)


def test_many_wait_for_an_actor_that_needs_the_sidecar_itself() -> None:
    running = threading.Lock()

    def answer(method: str, path: str, headers: Any, body: bytes) -> tuple[int, Any]:
        if method == "DELETE":
            return 200, None
        assert running.acquire(blocking=False), "two turns at once"
        try:
            count = int(http_ok(beside_it, "GET", "/v1.0/actors/Cat/tom/state/count") or 0)
            operation = {"operation": "upsert", "request": {"key": "count", "value": count + 1}}
            http_ok(beside_it, "POST", "/v1.0/actors/Cat/tom/state", [operation])
            return 200, count + 1
        finally:
            running.release()

    with beside(["Cat"], answer) as beside_it, ThreadPoolExecutor(40) as pool:
        counts = list(pool.map(lambda n: http_ok(beside_it, "PUT", "/v1.0/actors/Cat/tom/method/count"), range(40)))
    assert sorted(counts) == list(range(1, 41))


def test_what_went_wrong_is_said_over_both_doors() -> None:
    with beside(["Cat"], lambda *asked: (500, "no")) as beside_it:
        text = 'error invoke actor method: error from actor service: (500) "no"'
        with pytest.raises(Refused) as over_http:
            http_ok(beside_it, "PUT", "/v1.0/actors/Cat/tom/method/eat")
        assert over_http.value == Refused("ERR_ACTOR_INVOKE_METHOD", text)
        with pytest.raises(Refused) as over_grpc:
            grpc_call(beside_it, "InvokeActor", actor_type="Cat", actor_id="tom", method="eat")
        assert over_grpc.value == Refused("INTERNAL", text)


def test_fault_plans_mean_what_an_actor_is_asked() -> None:
    asked: list[str] = []

    def answer(method: str, path: str, headers: Any, body: bytes) -> tuple[int, Any]:
        asked.append(path)
        return 200, "yes"

    about_tom = {"call": "app.actor", "component": "Cat", "target": "tom", "times": 1}
    path = "/v1.0/actors/Cat/tom/method/eat"
    with beside(["Cat"], answer) as beside_it:
        beside_it.core.faults.add(from_json({**about_tom, "effects": [{"kind": "fail", "message": "away"}]}))
        beside_it.core.faults.add(from_json({**about_tom, "effects": [{"kind": "reset", "applied": True}]}))
        beside_it.core.faults.add(from_json({**about_tom, "effects": [{"kind": "duplicate", "times": 3}]}))
        for text, times in (("error from actor service: (503) away", 0), ("EOF", 1)):
            with pytest.raises(Refused, match=re.escape(text)):
                http_ok(beside_it, "PUT", path)
            assert len(asked) == times
        assert http_ok(beside_it, "PUT", path) == "yes"
        assert len(asked) == 1 + 3


def test_calls_are_made_under_the_policies_of_their_type() -> None:
    resiliency = Resiliency(
        timeouts={"short": "5s"},
        retries={"twice": Retry(duration="60s", max_retries=2)},
        circuit_breakers={"wary": CircuitBreaker(trip="consecutiveFailures >= 3", timeout="1h")},
        actors={
            "Cat": Target(retry="twice", circuit_breaker="wary", circuit_breaker_scope="id"),
            "Nested": Target(timeout="short"),
        },
    )
    sidecar = sidecar_with_actors(resiliencies=[resiliency])
    actors, clock = sidecar.core.actors, sidecar.clock
    assert isinstance(clock, VirtualClock)
    host = prompt("scratch")
    actors.register(host, TYPES)
    began = clock.now()
    with pytest.raises(ActorInvokeFailed):
        call(actors, "scratch").result(SECONDS)
    assert (clock.now() - began, len(host.asked)) == (120, 3)
    with pytest.raises(ActorInvokeFailed, match="circuit breaker is open"):
        call(actors, "meow").result(SECONDS)
    assert call(actors, "meow", id="tim").result(SECONDS).data == b"meow"
    silent = Stage()
    actors.register(silent, {"Nested": TypeConfig()})
    late = call(actors, "x", type="Nested")
    clock.advance(5)
    with pytest.raises(ActorInvokeFailed, match="context deadline exceeded"):
        late.result(SECONDS)
    sidecar.stop()
