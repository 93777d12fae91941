"""All that a sidecar keeps: copied, restored, written into files."""

from __future__ import annotations

import base64
import json
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fakesidecar import Component, SeededIds, Sidecar, VirtualClock
from fakesidecar.components.base import ComponentBase
from fakesidecar.components.pubsub import Message
from fakesidecar.components.registry import known
from fakesidecar.components.state import Upsert
from fakesidecar.core.resiliency import Breaker
from fakesidecar.resources.load import Resources
from fakesidecar.resources.resiliency import CircuitBreaker, ComponentTarget, Resiliency, Target
from fakesidecar.snapshots import CannotKeep, Snapshot, dumps, loads, restore, snapshot
from tests.fakesidecar.test_runtime import ask

STORES = ["state.in-memory", "state.sqlite", "state.redis"]
COMPONENTS = [
    Component("memory", "state.in-memory"),
    Component("sqlite", "state.sqlite", metadata={"connectionString": ":memory:"}),
    Component("redis", "state.redis", metadata={"redisHost": "snapshots:1"}),
    Component("secrets", "secretstores.in-memory"),
    Component("settings", "configuration.in-memory"),
    Component("locks", "lock.in-memory"),
    Component("redislocks", "lock.redis", metadata={"redisHost": "snapshots:1"}),
    Component("redispubsub", "pubsub.redis", metadata={"redisHost": "snapshots:1", "consumerID": "readers"}),
    Component("pubsub", "pubsub.in-memory"),
    Component("talk", "conversation.scripted"),
]


@pytest.fixture
def it() -> Iterator[Sidecar]:
    sidecar = Sidecar(components=COMPONENTS, clock=VirtualClock(), ids=SeededIds(1))
    yield sidecar
    sidecar.stop()


def fill(it: Sidecar, value: str) -> None:
    core: Any = it.core
    for store in ("memory", "sqlite", "redis"):
        core.state.save(store, [Upsert("k", value.encode()), Upsert("t", b"x", metadata={"ttlInSeconds": "60"})])
    core.secrets.store("secrets").set("name", value)
    core.configuration.store("settings").set("key", value)
    for store in ("locks", "redislocks"):
        core.lock.try_lock(store, value, owner="ann", seconds=60)
    core.metadata.set("k", value)


def seen(it: Sidecar) -> Any:
    core: Any = it.core
    owners = [[core.lock.owner(store, name) for name in ("one", "two")] for store in ("locks", "redislocks")]
    return (
        [core.state.get(store, key) for store in ("memory", "sqlite", "redis") for key in ("k", "t")],
        dict(core.secrets.get("secrets", "name") or {}),
        core.configuration.get("settings", ["key"]),
        owners,
        core.metadata.get().extended,
        core.clock.now(),
    )


@pytest.mark.parametrize("through_a_file", [False, True])
def test_everything_is_as_it_was(it: Sidecar, through_a_file: bool) -> None:
    fill(it, "one")
    before, kept = seen(it), snapshot(it.core)
    assert isinstance(it.clock, VirtualClock)
    it.clock.advance(3600)
    fill(it, "two")
    assert seen(it) != before
    restore(it.core, loads(dumps(kept)) if through_a_file else kept)
    assert seen(it) == before
    it.clock.advance(61)
    core = it.core
    assert [core.state.get(store, "t") for store in ("memory", "sqlite", "redis")] == [None] * 3
    assert [core.lock.owner(store, "one") for store in ("locks", "redislocks")] == [None] * 2
    restore(it.core, kept)
    assert seen(it) == before


def test_ids_go_on_from_where_they_were(it: Sidecar) -> None:
    kept = snapshot(it.core)
    first = [it.ids.uuid() for _ in range(3)]
    restore(it.core, loads(dumps(kept)))
    assert [it.ids.uuid() for _ in range(3)] == first


def test_a_copy_begins_another_sidecar(it: Sidecar) -> None:
    it.core.state.save("memory", [Upsert("k", b"v")])
    other = Sidecar(components=[*COMPONENTS[:1], Component("more", "state.in-memory")], clock=VirtualClock())
    other.core.state.save("more", [Upsert("k", b"v")])
    restore(other.core, snapshot(it.core))
    item = other.core.state.get("memory", "k")
    assert item is not None
    assert item.data == b"v"
    assert other.core.state.get("more", "k") is None
    it.core.state.save("memory", [Upsert("k", b"w")])
    other.core.state.save("memory", [Upsert("k", b"x")])
    item = it.core.state.get("memory", "k")
    assert item is not None
    assert item.data == b"w"


def test_those_who_watch_hear_of_it(it: Sidecar) -> None:
    store: Any = it.core.configuration.store("settings")
    store.set("a", "1")
    kept = snapshot(it.core)
    store.set("a", "2")
    store.set("b", "1")
    heard: list[Any] = []
    store.subscribe([], lambda settings: heard.append({key: one.value for key, one in settings.items()}))
    restore(it.core, kept)
    assert heard == [{"a": "1"}, {"b": ""}]


def test_a_script_goes_on_from_where_it_was(it: Sidecar) -> None:
    from fakesidecar.components.conversation import Message, Prompt

    model: Any = next(component for spec, component in it.core.components if spec.name == "talk")
    model.when("hello", say="once", times=1)
    model.when("hello", say="then")
    prompt = Prompt((Message("user", ("hello",)),))
    kept = snapshot(it.core)
    assert model.converse(prompt).text == "once"
    assert model.converse(prompt).text == "then"
    restore(it.core, kept)
    assert model.asked == []
    assert model.converse(prompt).text == "once"


class Waiter:
    """Reads a topic, and answers when it is told to."""

    def __init__(self, it: Sidecar, pubsub: str = "pubsub") -> None:
        self.handed: list[tuple[bytes, Callable[[Exception | None], None]]] = []
        broker: Any = it.core.pubsub.broker(pubsub)
        broker.subscribe("orders", self._take, {})
        self.given_up: list[bytes] = []

    def _take(self, message: Message, done: Callable[[Exception | None], None]) -> Callable[[], None]:
        self.handed.append((message.data, done))
        return lambda: self.given_up.append(message.data)

    @property
    def seen(self) -> list[bytes]:
        return [data for data, _ in self.handed]


def publish(it: Sidecar, *events: bytes, pubsub: str = "pubsub") -> None:
    for event in events:
        it.core.pubsub.send(pubsub, Message("orders", event))


@pytest.mark.parametrize("through_a_file", [False, True])
@pytest.mark.parametrize("pubsub", ["pubsub", "redispubsub"])
def test_what_was_not_answered_is_handed_over_again(it: Sidecar, pubsub: str, through_a_file: bool) -> None:
    waiter = Waiter(it, pubsub)
    publish(it, b"1", b"2", b"3", pubsub=pubsub)
    waiter.handed[0][1](None)
    held = 1 if pubsub == "pubsub" else 2  # the one hands over one at a time, the other ten
    assert waiter.seen == [b"1", b"2", b"3"][: 1 + held]
    kept = snapshot(it.core)
    assert isinstance(it.clock, VirtualClock)
    it.clock.advance(10)
    before = [*waiter.handed]
    for _, done in before[1:]:
        done(None)
    publish(it, b"4", pubsub=pubsub)
    waiter.handed.clear()
    restore(it.core, loads(dumps(kept)) if through_a_file else kept)
    assert waiter.seen == [b"2", b"3"][:held]
    assert waiter.given_up[-1] in (b"3", b"4")
    before[-1][1](None)  # of no consequence any more
    while waiter.seen[-1] != b"3":
        waiter.handed[-1][1](None)
    for _, done in waiter.handed:
        done(None)
    assert waiter.seen == [b"2", b"3"]
    it.clock.advance(3600)
    assert waiter.seen == [b"2", b"3"]


def test_what_is_with_nobody_when_it_is_restored_waits_for_who_reads_it(it: Sidecar) -> None:
    Waiter(it)
    publish(it, b"1", b"2")
    other = Sidecar(components=COMPONENTS[-2:-1], clock=VirtualClock())
    restore(other.core, loads(dumps(snapshot(it.core))))
    publish(other, b"3")
    waiter, late = Waiter(other), Waiter(other)
    while len(waiter.seen) < 2:
        waiter.handed[-1][1](None)
    publish(other, b"4")
    waiter.handed[-1][1](None)
    assert waiter.seen == [b"1", b"2", b"4"]
    assert late.seen == [b"4"]
    other.stop()


def test_what_waits_in_redis_comes_again_when_it_would_have(it: Sidecar) -> None:
    waiter = Waiter(it, "redispubsub")
    publish(it, b"1", pubsub="redispubsub")
    assert isinstance(it.clock, VirtualClock)
    it.clock.advance(50)
    kept = loads(dumps(snapshot(it.core)))
    it.stop()
    other = Sidecar(components=COMPONENTS, clock=VirtualClock())
    restore(other.core, kept)
    waiter = Waiter(other, "redispubsub")
    assert waiter.seen == []
    assert isinstance(other.clock, VirtualClock)
    other.clock.advance(15)
    assert waiter.seen == [b"1"]
    other.stop()


def test_a_subscriber_finds_the_sidecar_as_it_was(it: Sidecar) -> None:
    found: list[str] = []

    def take(message: Message, done: Callable[[Exception | None], None]) -> None:
        found.append(it.core.metadata.get().extended["k"])

    it.core.metadata.set("k", "old")
    it.core.pubsub.broker("pubsub").subscribe("orders", take, {})
    publish(it, b"1")
    kept = snapshot(it.core)
    it.core.metadata.set("k", "new")
    restore(it.core, kept)
    assert found == ["old", "old"]


def test_a_reader_may_bring_everything_back_itself(it: Sidecar) -> None:
    seen: list[bytes] = []
    kept: list[Snapshot] = []

    def take(message: Message, done: Callable[[Exception | None], None]) -> None:
        seen.append(message.data)
        if not kept:
            kept.append(snapshot(it.core))
        elif len(seen) == 2:
            restore(it.core, kept[0])
        done(None)

    it.core.pubsub.broker("pubsub").subscribe("orders", take, {})
    publish(it, b"1", b"2")
    assert seen == [b"1", b"2", b"1"]


@pytest.mark.parametrize("through_a_file", [False, True])
def test_circuit_breakers_are_as_they_were(through_a_file: bool) -> None:
    clock = VirtualClock()
    rule = CircuitBreaker(trip="consecutiveFailures > 1", timeout="60s")
    targets: Any = {
        "apps": {"app": Target(circuit_breaker="b")},
        "actors": {"Cat": Target(circuit_breaker="b", circuit_breaker_scope="type")},
        "components": {"memory": ComponentTarget(outbound=Target(circuit_breaker="b"))},
    }
    declared = Resiliency("r", circuit_breakers={"b": rule}, **targets)
    it = Sidecar(components=COMPONENTS[:1], clock=clock, resources=Resources(resiliencies=[declared]))

    def breakers() -> list[Breaker]:
        asked = it.core.resiliency
        found = asked.app("app", "m"), asked.actor("Cat", "tom"), asked.component("memory", "Statestore", "Outbound")
        return [policy.breaker for policy in found if policy is not None and policy.breaker is not None]

    def fail_once() -> None:
        for breaker in breakers():
            breaker.refusal()
            breaker.ended(failed=True)

    assert len(breakers()) == 3
    fail_once()
    once = snapshot(it.core)
    fail_once()
    clock.advance(30)
    tripped = snapshot(it.core)
    clock.advance(31)
    assert [breaker.refusal() for breaker in breakers()] == [None] * 3
    restore(it.core, loads(dumps(tripped)) if through_a_file else tripped)
    assert [str(breaker.refusal()) for breaker in breakers()] == ["circuit breaker is open"] * 3
    clock.advance(30)
    assert [breaker.refusal() for breaker in breakers()] == [None] * 3
    restore(it.core, once)
    assert [breaker.refusal() for breaker in breakers()] == [None] * 3
    fail_once()
    assert [str(breaker.refusal()) for breaker in breakers()] == ["circuit breaker is open"] * 3


def test_whoever_can_be_emptied_can_be_copied() -> None:
    emptied = [cls for cls in known() if issubclass(cls, ComponentBase) and cls.reset is not ComponentBase.reset]
    assert [cls for cls in emptied if cls.snapshot is ComponentBase.snapshot] == []
    assert len(emptied) > 10


def test_jobs_go_on_from_where_they_were() -> None:
    from fakesidecar import Options
    from fakesidecar.core.jobs import Job, Triggered

    it = Sidecar(Options(scheduler_host_address="localhost:1"), clock=VirtualClock())
    clock, jobs, start = it.clock, it.core.jobs, it.clock.now()
    assert isinstance(clock, VirtualClock)
    ticks: list[float] = []

    def receive(tick: Triggered) -> bool:
        ticks.append(tick.due - start)
        return True

    jobs.receiver = receive
    jobs.schedule(Job("j", schedule="@every 10s", repeats=4))
    jobs.schedule(Job("once", due_time="35s"))
    clock.advance(25)
    kept = loads(dumps(snapshot(it.core)))
    clock.advance(60)
    assert ticks == [10, 20, 30, 35, 40]
    assert jobs.list() == ()
    for _ in range(2):
        restore(it.core, kept)
        ticks.clear()
        assert [job.name for job in jobs.list()] == ["j", "once"]
        clock.advance(60)
        assert ticks == [30, 35, 40]
    it.stop()


def test_reminders_go_on_from_where_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    from concurrent.futures import Future

    from fakesidecar.core.actors.hosts import Reminder

    it = Sidecar(clock=VirtualClock())
    clock, reminders, start = it.clock, it.core.actors.place.reminders, it.clock.now()
    assert isinstance(clock, VirtualClock)
    ticks: list[tuple[str, float]] = []

    def deliver(reminder: Reminder) -> Future[None]:
        ticks.append((reminder.name, clock.now() - start))
        done: Future[None] = Future()
        done.set_result(None)
        return done

    monkeypatch.setattr(reminders, "_deliver", deliver)
    reminders.create(Reminder("Cart", "7", "often", period="R4/PT10S", data=b"1"))
    reminders.create(Reminder("Cart", "7", "once", due_time="35s"))
    clock.advance(25)
    kept = loads(dumps(snapshot(it.core)))
    clock.advance(60)
    later = [entry for entry in ticks if entry[1] > 25]
    assert ("once", 35.0) in later
    assert reminders.select() == []
    for _ in range(2):
        restore(it.core, kept)
        ticks.clear()
        assert [(one.name, one.data) for one in reminders.select()] == [("often", b"1"), ("once", None)]
        clock.advance(60)
        assert ticks == later
    it.stop()


def test_everything_that_a_file_can_hold() -> None:
    kept = Snapshot(
        1.5,
        ids=(1, (2, None)),
        components={"a": {"b": b"\xff", 3: [True, {"$": 1}], "c": {"x", "y"}, "d": frozenset({1})}},
    )
    assert loads(dumps(kept)) == kept


class Strange:
    pass


def test_what_a_file_cannot_hold_is_refused() -> None:
    with pytest.raises(CannotKeep, match="Strange cannot be written"):
        dumps(Snapshot(0, components={"a": Strange()}))


def forged(**fields: Any) -> str:
    return json.dumps({**json.loads(dumps(Snapshot(0))), **fields})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        forged(fakesidecar=2),
        forged(components={"$": "snapshots:dumps", "of": {}}),
        forged(components={"$": "os:system", "of": {}}),
        forged(components={"$": "cli:main", "of": {}}),
        forged(components={"$": "bytes"}),
    ],
)
def test_what_is_no_copy_is_refused(text: str) -> None:
    with pytest.raises(CannotKeep):
        loads(text)


def test_a_redis_takes_values_of_redis_alone(it: Sidecar) -> None:
    evil = pickle.dumps({0: {b"k": (print, None)}})
    with pytest.raises(pickle.UnpicklingError):
        restore(it.core, Snapshot(0, redis={"snapshots:1": evil}))


def test_a_component_that_can_only_be_emptied_is_told(monkeypatch: pytest.MonkeyPatch, it: Sidecar) -> None:
    from fakesidecar.components.base import ComponentBase
    from fakesidecar.components.lock.in_memory import InMemory

    monkeypatch.setattr(InMemory, "snapshot", ComponentBase.snapshot)
    with pytest.raises(CannotKeep, match=r"lock\.in-memory \(locks\) can be emptied, but not copied"):
        snapshot(it.core)
    assert ask(it.http, "GET", "/fakesidecar/v1/snapshot").status == 501


def test_it_goes_over_http(it: Sidecar) -> None:
    fill(it, "one")
    before = seen(it)
    answer = ask(it.http, "GET", "/fakesidecar/v1/snapshot")
    assert ask(it.http, "POST", "/fakesidecar/v1/clock/advance", b'{"seconds": 7}').status == 200
    fill(it, "two")
    assert ask(it.http, "PUT", "/fakesidecar/v1/snapshot", answer.body).status == 204
    assert seen(it) == before
    for body in (b"", b"{}", b"\xff", base64.b64encode(answer.body)):
        assert ask(it.http, "PUT", "/fakesidecar/v1/snapshot", body).status == 400
    assert json.loads(ask(it.http, "POST", "/fakesidecar/v1/clock/run-until-idle").body)["virtual"] is True


# --- restarts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keep_data", [True, False])
def test_a_restart_keeps_ports_and_data_or_not(keep_data: bool) -> None:
    from tests.fakesidecar.blocks.doors import GrpcStream, grpc_call, http_call

    with Sidecar(components=COMPONENTS, clock=VirtualClock()) as it:
        fill(it, "one")
        ports = it.grpc_port, it.http_port
        stream = GrpcStream(it, "SubscribeConfiguration", store_name="settings")
        stream.next()
        it.restart(keep_data=keep_data)
        assert (it.grpc_port, it.http_port) == ports
        assert stream.code() == "UNAVAILABLE"
        stream.close()
        found = grpc_call(it, "GetState", store_name="memory", key="k").data
        assert found == (b"one" if keep_data else b"")
        assert http_call(it, "GET", "/v1.0/healthz")[0] == 204
        assert "k" not in it.core.metadata.get().extended


def test_a_fault_restarts_it_in_the_middle_of_a_call() -> None:
    from fakesidecar.faults import Restart, Rule
    from tests.fakesidecar.blocks.doors import Refused, grpc_call, http_call

    with Sidecar(components=COMPONENTS, clock=VirtualClock()) as it:
        for effect in (Restart(applied=True), Restart(keep_data=False)):
            fill(it, "one")
            it.core.faults.add(Rule(call="state.get", times=1, effects=(effect,)))
            with pytest.raises(Refused) as raised:
                grpc_call(it, "GetState", store_name="memory", key="k")
            assert raised.value == Refused("UNAVAILABLE", "Stream removed (Socket closed)")
            found = grpc_call(it, "GetState", store_name="memory", key="k").data
            assert found == (b"one" if effect.keep_data else b"")
        it.core.faults.add(Rule(call="state.get", times=1, effects=(Restart(),)))
        with pytest.raises(ConnectionResetError):
            http_call(it, "GET", "/v1.0/state/memory/k")
