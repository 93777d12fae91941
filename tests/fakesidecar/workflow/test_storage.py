"""Workflows outlive their sidecar when its state store does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fakesidecar.clock import VirtualClock
from fakesidecar.core.workflow import Engine, Start
from fakesidecar.core.workflow.history import TERMINATED, stamp
from fakesidecar.options import Options
from fakesidecar.resources.component import Component
from fakesidecar.sidecar import Sidecar
from tests.parity.process import Redis

from .scripted import (
    Action,
    So,
    Worker,
    again,
    child,
    complete,
    ended,
    instance_of,
    kinds,
    output,
    start,
    task,
    text,
    timer,
    wait,
    wait_for,
)

Restart = Callable[[], Engine]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture(scope="module")
def redis_server() -> Iterator[Redis]:
    """A Redis that outlives the sidecars."""
    with closing(Redis()) as server:
        yield server


@pytest.fixture(params=["state.sqlite", "state.redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Component:
    """A store that is still there when its sidecar is not."""
    if request.param == "state.sqlite":
        where = {"connectionString": str(tmp_path / "db")}
    else:
        server: Redis = request.getfixturevalue("redis_server")
        server.call("FLUSHALL")
        where = {"redisHost": server.address}
    return Component("store", request.param, metadata={**where, "actorStateStore": "true"})


@pytest.fixture
def restart(store: Component, clock: VirtualClock) -> Iterator[Restart]:
    """Stop the sidecar, if there is one, and start another on the same store."""
    running: list[Sidecar] = []

    def again() -> Engine:
        stop()
        running.append(Sidecar(Options(app_id="app", redis="real"), components=[store], clock=clock))
        return running[-1].core.workflow

    def stop() -> None:
        while running:
            running.pop().stop()
        clock.clear()

    yield again
    stop()


def everything(so: So) -> list[Action]:
    """An activity, a timer, a child, an event: whatever the input begins with first."""
    if not so.took(1):
        return [task(1, "work"), timer(2, so.new[0].timestamp.seconds + 60), child(3, "waits"), wait_for(4, "go")]
    if so.result(1) and so.fired(2) and so.result(3) and so.raised("go"):
        return [complete(5, f"{so.result(1)} {so.result(3)} {so.raised('go')[0]}")]
    return []


def waits(so: So) -> list[Action]:
    return [complete(2, so.raised("go")[0])] if so.raised("go") else [] if so.took(1) else [wait_for(1, "go")]


SCRIPTS = {"everything": everything, "waits": waits}


def test_what_was_begun_goes_on(restart: Restart, clock: VirtualClock) -> None:
    engine = restart()
    worker = Worker(engine, SCRIPTS)
    start(engine, "w", "everything")
    worker.hold()  # the activity: its worker goes down with the sidecar
    wait(engine.wait_until_started("w:0003"))
    before = kinds(instance_of(engine, "w"))

    engine = restart()
    assert engine.get("w") is not None
    assert kinds(instance_of(engine, "w")) == before
    Worker(engine, SCRIPTS, {"work": lambda data: "worked"})
    wait(engine.raise_event("w:0003", "go", text("child")))
    wait(engine.raise_event("w", "go", text("event")))
    clock.advance(60)
    assert output(ended(engine, "w")) == "worked child event"

    engine = restart()
    assert engine.get("w") is not None
    assert output(instance_of(engine, "w")) == "worked child event"
    Worker(engine)
    assert wait(engine.purge("w", recursive=True)) == 2

    assert restart().list_ids(None, None) == ([], None)


def test_results_are_not_asked_for_twice(restart: Restart) -> None:
    def two(so: So) -> list[Action]:
        if so.result(2) is not None:
            return [complete(3, so.result(2))]
        if so.result(1) is not None:
            return [] if so.took(2) else [task(2, "held", so.result(1))]
        return [] if so.took(1) else [task(1, "count")]

    ran = []

    def count(data: str) -> str:
        ran.append(data)
        return "counted"

    engine = restart()
    worker = Worker(engine, {"two": two}, {"count": count})
    start(engine, "w", "two")
    worker.hold()
    engine = restart()
    Worker(engine, {"two": two}, {"count": count, "held": str})
    engine.get("w")
    assert output(ended(engine, "w")) == "counted"
    assert len(ran) == 1


def test_what_a_turn_has_taken_is_there_when_it_is_lost(restart: Restart) -> None:
    engine = restart()
    worker = Worker(engine)
    engine.begin(Start("w", "waits"))
    worker.hold()
    engine = restart()
    worker = Worker(engine, SCRIPTS)
    wait(engine.wait_until_started("w"))
    worker.leave()
    worker = Worker(engine)
    wait(engine.raise_event("w", "go", text("came")))
    worker.hold()
    engine = restart()
    Worker(engine, SCRIPTS)
    assert output(ended(engine, "w")) == "came"


def test_a_child_that_ended_meanwhile_tells_its_parent(restart: Restart) -> None:
    def parent(so: So) -> list[Action]:
        return [complete(2, so.result(1))] if so.result(1) is not None else [child(1, "waits")]

    engine = restart()
    worker = Worker(engine, {"waits": waits})  # nobody answers the parent's second turn
    engine.begin(Start("w", "parent"))
    worker.answer_turn(worker.hold(), child(1, "waits"))
    wait(engine.wait_until_started("w:0001"))
    wait(engine.raise_event("w:0001", "go", text("done")))
    ended(engine, "w:0001")
    worker.hold()
    engine = restart()
    Worker(engine, {"parent": parent, "waits": waits})
    engine.get("w")
    assert output(ended(engine, "w")) == "done"


def test_a_start_that_lay_ahead_still_does(restart: Restart, clock: VirtualClock) -> None:
    engine = restart()
    Worker(engine, SCRIPTS)
    wait(engine.start(Start("later", "waits", at=stamp(clock.now() + 60))))
    engine = restart()
    Worker(engine, SCRIPTS)
    clock.advance(59)
    assert kinds(instance_of(engine, "later")) == []
    clock.advance(1)
    assert kinds(instance_of(engine, "later"))[-1] == "1:timerCreated"


def test_a_new_round_replaces_what_was_kept(restart: Restart, clock: VirtualClock) -> None:
    def rounds(so: So) -> list[Action]:
        if so.input == "last":
            return waits(so)
        return [again(9, "last")] if len(so.raised("go")) == 3 else []

    engine = restart()
    Worker(engine, {"rounds": rounds})
    start(engine, "w", "rounds", "first")
    for _ in range(3):
        wait(engine.raise_event("w", "go", None))
    Worker(engine, {"rounds": rounds})
    wait(engine.suspend("w", None))
    before = [event.SerializeToString() for event in engine.history("w")]
    engine = restart()
    assert [event.SerializeToString() for event in engine.history("w")] == before
    Worker(engine, {"rounds": rounds})
    wait(engine.terminate("w", None, recursive=True))
    assert ended(engine, "w").facts.status == TERMINATED


def test_what_a_store_in_memory_keeps_is_not_written(clock: VirtualClock) -> None:
    store = Component("store", "state.in-memory", metadata={"actorStateStore": "true"})
    sidecar = Sidecar(components=[store], clock=clock)
    with closing(sidecar.core):
        Worker(sidecar.core.workflow, SCRIPTS)
        start(sidecar.core.workflow, "w", "waits")
        assert sidecar.core.state.store("store").keys("") == []


@pytest.mark.parametrize("began", [False, True], ids=["the first turn", "a later turn"])
def test_what_a_turn_was_told_is_told_again(restart: Restart, began: bool) -> None:
    engine = restart()
    worker = Worker(engine)  # nobody answers
    engine.begin(Start("w", "waits"))
    if began:
        worker.answer_turn(worker.hold(), wait_for(1, "go"))
        wait(engine.raise_event("w", "go", text("told")))
    worker.hold()
    engine = restart()
    Worker(engine, SCRIPTS)
    engine.get("w")
    if not began:
        wait(engine.raise_event("w", "go", text("told")))
    assert output(ended(engine, "w")) == "told"
