"""The engine: what becomes of what workers answer, on a clock that tests move."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from typing import Any

import pytest

from dapr_client.wire import history_events_pb2 as pb
from dapr_client.wire import orchestration_pb2 as common
from dapr_client.wire import orchestrator_service_pb2 as service
from fakesidecar.clock import VirtualClock
from fakesidecar.core.workflow import Engine, Start
from fakesidecar.core.workflow.faults import (
    AlreadyActive,
    ChildActive,
    HistoryMissing,
    InstanceStalled,
    NoSuchInstance,
    NotCompleted,
)
from fakesidecar.core.workflow.history import FAILED, PENDING, RUNNING, STALLED, SUSPENDED, TERMINATED, stamp
from fakesidecar.options import Options
from fakesidecar.resources.component import Component
from fakesidecar.sidecar import Sidecar

from .scripted import (
    Action,
    So,
    Worker,
    again,
    child,
    complete,
    ended,
    fail,
    instance_of,
    kinds,
    output,
    run,
    start,
    task,
    text,
    timer,
    wait,
    wait_for,
)

STORE = Component("store", "state.in-memory", metadata={"actorStateStore": "true"})
DAY = 86400.0


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def engine(clock: VirtualClock) -> Iterator[Engine]:
    sidecar = Sidecar(Options(app_id="app"), components=[STORE], clock=clock)
    yield sidecar.core.workflow
    sidecar.stop()


def two(so: So) -> list[Action]:
    """Two activities, one after the other."""
    if (second := so.result(2)) is not None:
        return [complete(3, second)]
    if (first := so.result(1)) is not None:
        return [task(2, "up", first)] if not so.took(2) else []
    return [task(1, "up", so.input)] if not so.took(1) else []


def waits(so: So) -> list[Action]:
    """Waits for the event `go`."""
    if found := so.raised("go"):
        return [complete(2, found[0])]
    return [] if so.took(1) else [wait_for(1, "go")]


UP = {"up": str.upper}


# --- turns ---------------------------------------------------------------------------------------------------------


def test_activities_run_one_after_the_other(engine: Engine) -> None:
    Worker(engine, {"two": two}, UP)
    done = run(engine, "w", "two", "x")
    assert output(done) == "X"
    assert kinds(done) == [
        "-1:workflowStarted",
        "-1:executionStarted",
        "1:taskScheduled",
        "-1:workflowStarted",
        "-1:taskCompleted",
        "2:taskScheduled",
        "-1:workflowStarted",
        "-1:taskCompleted",
        "3:executionCompleted",
    ]


def test_an_activity_that_fails_is_a_failure_for_the_workflow_to_handle(engine: Engine) -> None:
    def script(so: So) -> list[Action]:
        if (message := so.failure(1)) is not None:
            return [fail(2, f"gave up: {message}")]
        return [task(1, "broken")]

    def broken(data: str) -> str:
        raise ValueError("no good")

    Worker(engine, {"w": script}, {"broken": broken})
    done = run(engine, "w", "w")
    assert done.facts.status == FAILED
    assert done.facts.completed is not None
    assert done.facts.completed.executionCompleted.failureDetails.errorMessage == "gave up: no good"


def test_an_action_that_is_given_twice_is_taken_once(engine: Engine) -> None:
    ran = []

    def script(so: So) -> list[Action]:
        if so.raised("go"):
            return [complete(9)]
        return [task(1, "count"), wait_for(2, "go")]  # on every turn

    Worker(engine, {"w": script}, {"count": lambda data: ran.append(data) or "1"})  # type: ignore[func-returns-value]  # append's None is falsy
    start(engine, "w", "w")
    wait(engine.suspend("w", None))
    wait(engine.raise_event("w", "go", None))
    done = ended(engine, "w")
    assert len(ran) == 1
    assert kinds(done).count("1:taskScheduled") == 1


def test_what_comes_during_a_turn_is_told_in_the_next(engine: Engine) -> None:
    worker = Worker(engine)
    engine.begin(Start("w", "held"))
    worker.answer_turn(worker.hold(), task(1, "held"), task(2, "held"), wait_for(3, "go"))
    first, second = worker.hold(), worker.hold()
    worker.answer_task(first, "1")
    turn = worker.hold()
    raised = engine.raise_event("w", "go", text("now"))
    assert not raised.done()  # a turn is out
    worker.answer_task(second, "2")
    worker.answer_turn(turn)
    wait(raised)
    so = worker.so(worker.hold())
    assert [e.WhichOneof("eventType") for e in so.new] == ["workflowStarted", "taskCompleted", "eventRaised"]


def test_custom_status_is_that_of_the_last_turn(engine: Engine) -> None:
    worker = Worker(engine)
    engine.begin(Start("w", "held"))
    worker.answer_turn(worker.hold(), wait_for(1, "go"), customStatus=text("waiting"))
    assert wait(engine.wait_until_started("w")).custom_status == "waiting"
    engine.raise_event("w", "go", None)
    worker.answer_turn(worker.hold(), complete(2))
    assert ended(engine, "w").custom_status == ""


def test_an_action_that_nobody_can_carry_out_leaves_the_turn_open(engine: Engine) -> None:
    worker = Worker(engine)
    engine.begin(Start("w", "held"))
    worker.answer_turn(worker.hold(), Action(id=1))
    found = instance_of(engine, "w")
    assert found.facts.status == PENDING
    engine.raise_event("w", "go", None)  # the engine lives: the next turn has it all
    worker.answer_turn(worker.hold(), complete(1, "done"))
    assert output(ended(engine, "w")) == "done"


# --- time ----------------------------------------------------------------------------------------------------------


def test_a_timer_fires_when_the_clock_says_so(engine: Engine, clock: VirtualClock) -> None:
    due = clock.now() + DAY

    def script(so: So) -> list[Action]:
        return [complete(2, "rested")] if so.fired(1) else [timer(1, due)]

    Worker(engine, {"w": script})
    start(engine, "w", "w")
    clock.advance(DAY - 1)
    assert "timerFired" not in " ".join(kinds(instance_of(engine, "w")))
    clock.advance(1)
    done = instance_of(engine, "w")
    assert not done.active
    assert done.history[-1].timestamp == stamp(due)


def test_a_moved_clock_waits_for_workers_between_timers(engine: Engine, clock: VirtualClock) -> None:
    begun = clock.now()

    def script(so: So) -> list[Action]:
        fired = sum(kind == "timerFired" for kind in so.kinds)
        if fired == 24:
            return [complete(99, "a day")]
        now = so.new[0].timestamp.seconds
        return [timer(fired + 1, now + 3600)] if so.result(100 + fired) else [task(100 + fired, "up", "x")]

    Worker(engine, {"w": script}, UP)
    start(engine, "w", "w")
    clock.advance(DAY)
    done = ended(engine, "w")
    assert output(done) == "a day"
    assert done.history[-1].timestamp == stamp(begun + DAY)


def test_a_timer_of_the_past_fires_at_once(engine: Engine, clock: VirtualClock) -> None:
    Worker(engine, {"w": lambda so: [complete(2)] if so.fired(1) else [timer(1, clock.now() - 5)]})
    assert not run(engine, "w", "w").active


def test_a_wait_without_a_limit_never_ends_by_itself(engine: Engine, clock: VirtualClock) -> None:
    Worker(engine, {"w": waits})
    start(engine, "w", "w")
    clock.advance(300 * 366 * DAY)
    clock.run_until_idle()
    found = instance_of(engine, "w")
    assert found.active
    wait(engine.raise_event("w", "GO", text("at last")))
    assert output(ended(engine, "w")) == "at last"


def test_an_event_stops_the_timer_that_limits_the_wait_for_it(engine: Engine, clock: VirtualClock) -> None:
    due = clock.now() + 60

    def script(so: So) -> list[Action]:
        if so.raised("next"):
            return [complete(9, f"fired: {so.fired(1)}")]
        return [] if so.took(1) else [timer(1, due, "go"), wait_for(2, "next")]

    Worker(engine, {"w": script})
    start(engine, "w", "w")
    wait(engine.raise_event("w", "Go", None))
    clock.advance(120)
    wait(engine.raise_event("w", "next", None))
    assert output(ended(engine, "w")) == "fired: False"


def test_an_event_stops_no_timer_of_who_has_to_wait_for_the_next(engine: Engine, clock: VirtualClock) -> None:
    due = clock.now() + 60

    def script(so: So) -> list[Action]:
        if so.fired(2):
            return [complete(9, so.raised("go")[0])]
        return [] if so.took(1) else [wait_for(1, "go"), timer(2, due, "go")]

    Worker(engine, {"w": script})
    start(engine, "w", "w")
    wait(engine.raise_event("w", "go", text("for the first")))
    clock.advance(60)
    assert output(ended(engine, "w")) == "for the first"


def test_a_start_may_lie_ahead(engine: Engine, clock: VirtualClock) -> None:
    Worker(engine, {"w": lambda so: [complete(1)]})
    wait(engine.start(Start("later", "w", at=stamp(clock.now() + 60))))
    found = instance_of(engine, "later")
    assert found.facts.status == PENDING
    clock.advance(59)
    assert found.facts.status == PENDING
    clock.advance(1)
    assert not found.active


# --- rounds --------------------------------------------------------------------------------------------------------


def test_a_new_round_has_a_history_of_its_own(engine: Engine) -> None:
    def script(so: So) -> list[Action]:
        number = int(so.input)
        return [again(1, str(number + 1))] if number < 5 else [complete(1, so.input)]

    Worker(engine, {"w": script})
    done = run(engine, "w", "w", "0")
    assert output(done) == "5"
    assert kinds(done) == ["-1:workflowStarted", "-1:executionStarted", "1:executionCompleted"]


def test_an_answer_that_comes_before_its_number_is_used_again_is_none(engine: Engine) -> None:
    worker = Worker(engine, stateful=True)
    engine.begin(Start("w", "held", text("0")))
    worker.answer_turn(worker.hold(), task(1, "held"), wait_for(2, "next"))
    old = worker.hold()
    engine.raise_event("w", "next", None)
    worker.answer_turn(worker.hold(), again(3, "1"))
    turn = worker.hold()
    worker.answer_task(old, "old")
    worker.answer_turn(turn, task(1, "held"))
    worker.answer_task(worker.hold(), "new")
    turn = worker.hold()
    assert worker.so(turn).result(1) == "new"
    worker.answer_turn(turn, complete(2))
    assert kinds(ended(engine, "w"))[2:] == [
        "1:taskScheduled",
        "-1:workflowStarted",
        "-1:taskCompleted",
        "2:executionCompleted",
    ]


def test_many_rounds_pause_now_and_then(engine: Engine, clock: VirtualClock) -> None:
    def script(so: So) -> list[Action]:
        number = int(so.input)
        return [again(1, str(number + 1))] if number < 50 else [complete(1, so.input)]

    worker = Worker(engine, {"w": script})
    engine.begin(Start("w", "w", text("0")))
    clock.advance(10)
    assert output(ended(engine, "w")) == "50"
    assert len(worker.items) == 51


def test_what_an_earlier_round_began_does_not_reach_a_later_one(engine: Engine, clock: VirtualClock) -> None:
    worker = Worker(engine, stateful=True)
    engine.begin(Start("w", "held", text("0")))
    worker.answer_turn(worker.hold(), task(1, "held"), timer(2, clock.now() + 60), wait_for(3, "next"))
    old = worker.hold()
    engine.raise_event("w", "next", None)
    worker.answer_turn(worker.hold(), again(4, "1"))
    worker.answer_turn(worker.hold(), task(1, "held"), timer(2, clock.now() + DAY))
    new = worker.hold()
    assert new.activityRequest.taskId == old.activityRequest.taskId
    worker.answer_task(old, "old")
    worker.answer_task(new, "new")
    turn = worker.hold()
    assert worker.so(turn).result(1) == "new"
    worker.answer_turn(turn, wait_for(3, "end"))
    clock.advance(120)  # past the earlier round's timer
    wait(engine.raise_event("w", "end", None))
    assert not worker.so(worker.hold()).fired(2)


def test_events_are_carried_over(engine: Engine) -> None:
    def script(so: So) -> list[Action]:
        if so.input == "second":
            return [complete(9, ",".join(so.raised("kept")))]
        kept = [event for event in so.events if event.HasField("eventRaised") and event.eventRaised.name == "kept"]
        return [again(2, "second", kept)] if so.raised("go") else []

    Worker(engine, {"w": script})
    start(engine, "w", "w", "first")
    for name, data in (("kept", "1"), ("kept", "2"), ("go", "")):
        wait(engine.raise_event("w", name, text(data)))
    assert output(ended(engine, "w")) == "1,2"


# --- children ------------------------------------------------------------------------------------------------------


def family(so: So) -> list[Action]:
    """A parent of one child, that is a parent of one child, and so on as deep as its input says."""
    depth = int(so.input)
    if depth == 0:
        return waits(so)
    if (found := so.result(1)) is not None:
        return [complete(2, found)]
    if (message := so.failure(1)) is not None:
        return [fail(2, message)]
    return [] if so.took(1) else [child(1, "family", str(depth - 1))]


def test_children_tell_their_parents(engine: Engine) -> None:
    Worker(engine, {"family": family})
    start(engine, "w", "family", "2")
    wait(engine.wait_until_started("w:0001:0001"))
    wait(engine.raise_event("w:0001:0001", "go", text("from below")))
    assert output(ended(engine, "w")) == "from below"


def test_the_end_of_a_parent_may_be_that_of_its_children(engine: Engine) -> None:
    Worker(engine, {"family": family})
    start(engine, "w", "family", "2")
    wait(engine.wait_until_started("w:0001:0001"))
    wait(engine.terminate("w", text("enough"), recursive=True))
    for id in ("w", "w:0001", "w:0001:0001"):
        done = ended(engine, id)
        assert done.facts.status == TERMINATED
        assert output(done) == "enough"
    assert wait(engine.purge("w", recursive=True)) == 3
    assert engine.instances == ()


def test_the_end_of_a_parent_may_leave_its_children_alone(engine: Engine) -> None:
    Worker(engine, {"family": family})
    start(engine, "w", "family", "1")
    wait(engine.wait_until_started("w:0001"))
    wait(engine.terminate("w", None, recursive=False))
    with pytest.raises(ChildActive):
        start(engine, "w", "family", "0")
    with pytest.raises(NotCompleted, match="failed to purge child workflow"):
        wait(engine.purge("w", recursive=True))
    assert wait(engine.purge("w", recursive=True, force=True)) == 2


def test_the_id_of_a_child_may_be_in_use(engine: Engine) -> None:
    def script(so: So) -> list[Action]:
        if (message := so.failure(1)) is not None:
            return [fail(2, message)]
        return [child(1, "family", "0", instance="taken")]

    Worker(engine, {"family": family, "parent": script})
    start(engine, "taken", "family", "0")
    done = run(engine, "w", "parent")
    assert done.facts.completed is not None
    message = done.facts.completed.executionCompleted.failureDetails.errorMessage
    assert message == "an active workflow with ID 'taken' already exists"


# --- calls ---------------------------------------------------------------------------------------------------------


def test_an_id_can_be_used_again_after_the_end(engine: Engine) -> None:
    Worker(engine, {"w": waits})
    start(engine, "w", "w")
    with pytest.raises(AlreadyActive):
        start(engine, "w", "w")
    wait(engine.raise_event("w", "go", text("1")))
    ended(engine, "w")
    start(engine, "w", "w")
    wait(engine.raise_event("w", "go", text("2")))
    assert output(ended(engine, "w")) == "2"


def test_an_instance_rests_until_it_is_resumed(engine: Engine) -> None:
    def script(so: So) -> list[Action]:
        suspended = [kind for kind in so.kinds if kind in ("executionSuspended", "executionResumed")]
        return [] if suspended[-1:] == ["executionSuspended"] else waits(so)

    Worker(engine, {"w": script})
    start(engine, "w", "w")
    assert wait(engine.suspend("w", None)).facts.status == SUSPENDED
    wait(engine.raise_event("w", "go", text("1")))
    wait(engine.resume("w", None))
    assert output(ended(engine, "w")) == "1"


def test_a_missing_instance_is_named_so(engine: Engine) -> None:
    Worker(engine)
    calls: tuple[Future[Any], ...] = (
        engine.raise_event("no", "go", None),
        engine.suspend("no", None),
        engine.terminate("no", None, recursive=True),
        engine.purge("no", recursive=False),
        engine.purge("no", recursive=False, force=True),
    )
    for call in calls:
        with pytest.raises(NoSuchInstance):
            wait(call)
    with pytest.raises(HistoryMissing):
        engine.history("no")


def test_calls_wait_for_a_worker(engine: Engine) -> None:
    begun, given_up = engine.begin(Start("w", "w")), engine.begin(Start("other", "w"))
    assert not begun.done()
    given_up.cancel()
    Worker(engine, {"w": lambda so: [complete(1)]})
    wait(begun)
    ended(engine, "w")
    assert engine.instances == ("w",)


def test_a_reset_forgets_everything(engine: Engine, clock: VirtualClock) -> None:
    Worker(engine, {"w": lambda so: [timer(1, clock.now() + 60)]})
    start(engine, "w", "w")
    watched = engine.wait_until_completed("w")
    engine.reset()
    with pytest.raises(CancelledError):
        wait(watched)
    assert engine.instances == ()
    clock.advance(120)
    assert start(engine, "w", "w").facts.status == RUNNING  # the worker is still there


# --- versions ------------------------------------------------------------------------------------------------------


def test_a_worker_with_other_patches_cannot_go_on(engine: Engine) -> None:
    worker = Worker(engine)
    engine.begin(Start("w", "held"))
    patched = common.WorkflowVersion(patches=["one"])
    worker.answer_turn(worker.hold(), wait_for(1, "go"), version=patched)
    wait(engine.raise_event("w", "go", None))
    worker.answer_turn(worker.hold(), complete(2), version=common.WorkflowVersion(patches=["two"]))
    found = instance_of(engine, "w")
    assert found.facts.status == STALLED
    assert found.history[-1].executionStalled.description == (
        "Patch mismatch. History patches: [one], current patches: [two]. "
    )
    with pytest.raises(InstanceStalled):
        wait(engine.raise_event("w", "go", None))
    better = Worker(engine, {})  # the next worker is asked again
    item = better.hold() if not better.held.empty() else worker.hold()
    worker.answer_turn(item, complete(2, "at last"), version=patched)
    assert output(ended(engine, "w")) == "at last"


# --- workers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stateful", [False, True])
def test_work_of_a_lost_worker_is_done_by_the_next(engine: Engine, stateful: bool) -> None:
    lost = Worker(engine, {"two": two}, stateful=stateful)
    start(engine, "w", "two", "x")
    item = lost.hold()
    lost.leave()
    lost.answer_task(item, "too late")
    Worker(engine, {"two": two}, UP, stateful=stateful)
    assert output(ended(engine, "w")) == "X"


def test_an_answer_counts_once(engine: Engine) -> None:
    worker = Worker(engine, stateful=True)
    engine.begin(Start("w", "held"))
    turn = worker.hold()
    assert turn.completionToken
    worker.answer_turn(turn, complete(9, "wrong"), token="not the token")
    worker.answer_turn(turn, task(1, "held"), wait_for(2, "go"))
    activity = worker.hold()
    engine.raise_event("w", "go", None)
    following = worker.hold()
    worker.answer_turn(turn, complete(9, "twice"))
    worker.answer_task(activity, "1", token="nor this")
    worker.answer_turn(following, complete(3, "right"), token="")
    assert output(ended(engine, "w")) == "right"
    worker.answer_task(activity, "late")


def test_a_stateful_worker_is_sent_what_it_has_not_seen(engine: Engine) -> None:
    def script(so: So) -> list[Action]:
        done = sum(kind == "taskCompleted" for kind in so.kinds)
        return [complete(999, str(done))] if done == 50 else [task(done + 1, "up", "x")]

    worker = Worker(engine, {"w": script}, UP, stateful=True)
    assert output(run(engine, "w", "w")) == "50"
    turns = [item.workflowRequest for item in worker.items if item.HasField("workflowRequest")]
    assert max(len(turn.pastEvents) for turn in turns) == 3
    assert turns[-1].cachedHistory.eventCount > 100


def test_turns_of_an_instance_stay_with_a_stateful_worker(engine: Engine) -> None:
    workers = [Worker(engine, {"two": two}, UP, stateful=True) for _ in range(3)]
    for n in range(6):
        run(engine, f"w{n}", "two", "x")
    for n in range(6):
        takers = [
            worker for worker in workers if any(item.workflowRequest.instanceId == f"w{n}" for item in worker.items)
        ]
        assert len(takers) == 1


def test_a_sidecar_that_stops_says_so(engine: Engine) -> None:
    worker = Worker(engine)
    wait(engine.stop())
    assert worker.ended.is_set()
    assert engine.connected_workers == 0


# --- for tests -----------------------------------------------------------------------------------------------------


def test_an_activity_may_be_answered_in_the_workers_place(engine: Engine) -> None:
    def answer(request: service.ActivityRequest) -> service.ActivityResponse | None:
        return service.ActivityResponse(result=text("mocked")) if request.name == "up" else None

    engine.activity_interceptor = answer
    worker = Worker(engine, {"two": two})
    assert output(run(engine, "w", "two", "x")) == "mocked"
    assert not any(item.HasField("activityRequest") for item in worker.items)


def test_what_an_interceptor_raises_is_the_activitys_failure(engine: Engine) -> None:
    def answer(request: service.ActivityRequest) -> None:
        raise ConnectionError("no route")

    engine.activity_interceptor = answer
    Worker(engine, {"w": lambda so: [complete(2, so.failure(1))] if so.failure(1) else [task(1, "up")]})
    assert output(run(engine, "w", "w")) == "no route"


def test_a_history_can_be_taken_elsewhere(engine: Engine, clock: VirtualClock) -> None:
    worker = Worker(engine, {"two": two})
    start(engine, "w", "two", "x")
    worker.hold()
    history = [pb.HistoryEvent.FromString(event.SerializeToString()) for event in engine.history("w")]
    other = Sidecar(components=[STORE], clock=clock).core.workflow
    Worker(other, {"two": two}, UP)
    other.import_history("copy", history)
    assert output(ended(other, "copy")) == "X"
    other.close()


def test_a_snapshot_can_be_gone_back_to(engine: Engine, clock: VirtualClock) -> None:
    worker = Worker(engine, {"two": two, "waits": waits})
    start(engine, "w", "two", "x")
    start(engine, "other", "waits")
    kept = engine.snapshot()
    worker.answer_task(worker.hold(), "Y")
    worker.answer_task(worker.hold(), "Y")
    wait(engine.raise_event("other", "go", None))
    assert output(ended(engine, "w")) == "Y"
    ended(engine, "other")
    engine.restore(kept)
    worker.answer_task(worker.hold(), "Z")
    worker.answer_task(worker.hold(), "Z")
    assert output(ended(engine, "w")) == "Z"
    assert instance_of(engine, "other").active


def test_every_commit_is_told(engine: Engine) -> None:
    told = []
    engine.on_change.append(lambda instance: told.append((instance.id, instance.facts.status)))
    Worker(engine, {"w": waits})
    start(engine, "w", "w")
    wait(engine.raise_event("w", "go", text("1")))
    ended(engine, "w")
    assert [status for _, status in told] == [PENDING, RUNNING, common.ORCHESTRATION_STATUS_COMPLETED]


# --- other apps ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "second"), [("", ""), ("one", "one"), ("one", "other")])
def test_a_child_of_an_earlier_round_answers_the_present_one(engine: Engine, first: str, second: str) -> None:
    """The child that has the number: the same one as before, if that is its id, or whoever had the number then."""

    def parent(so: So) -> list[Action]:
        if so.result(1) is not None:
            return [complete(2, so.result(1))]
        if so.raised("next"):
            return [again(2, "second")]
        return [] if so.took(1) else [child(1, "child", so.input, instance=second if so.input == "second" else first)]

    def waits(so: So) -> list[Action]:
        return [complete(2, so.input)] if so.raised("go") else [] if so.took(1) else [wait_for(1, "go")]

    Worker(engine, {"parent": parent, "child": waits})
    start(engine, "w", "parent", "first")
    for name in ("next", "later"):  # the other one waits until the next round has begun
        wait(engine.raise_event("w", name, None))
    wait(engine.raise_event(first or "w:0001", "go", None))
    assert output(ended(engine, "w")) == "first"


def test_a_child_that_ended_in_an_earlier_round_begins_anew(engine: Engine) -> None:
    def parent(so: So) -> list[Action]:
        if so.result(1) is None:
            return [] if so.took(1) else [child(1, "child", so.input)]
        return [complete(2, so.result(1)) if so.input == "second" else again(2, "second")]

    Worker(engine, {"parent": parent, "child": lambda so: [complete(1, so.input)]})
    start(engine, "w", "parent", "first")
    assert output(ended(engine, "w")) == "second"


def test_activities_and_children_may_be_another_apps(clock: VirtualClock) -> None:
    shop = Sidecar(Options(app_id="wf-shop"), components=[STORE], clock=clock).core.workflow

    def script(so: So) -> list[Action]:
        if (found := so.result(2)) is not None:
            return [complete(3, f"{so.result(1)} {found}")]
        if so.result(1) is not None:
            return [child(2, "theirs", "y", app="wf-bank")] if not so.took(2) else []
        return [task(1, "up", "x", app="wf-bank")] if not so.took(1) else []

    Worker(shop, {"w": script})
    start(shop, "w", "w")
    # Nobody of that app is there yet.
    bank = Sidecar(Options(app_id="wf-bank"), components=[STORE], clock=clock).core.workflow
    Worker(bank, {"theirs": lambda so: [complete(1, f"child of {so.input}")]}, UP)
    assert output(ended(shop, "w")) == "X child of y"
    assert bank.instances == ("w:0002",)
    shop.close()
    bank.close()


def test_histories_are_passed_on(engine: Engine) -> None:
    own, lineage = common.HISTORY_PROPAGATION_SCOPE_OWN_HISTORY, common.HISTORY_PROPAGATION_SCOPE_LINEAGE

    def parent(so: So) -> list[Action]:
        if so.result(1) is not None:
            return [complete(2)]
        return [child(1, "child", historyPropagationScope=own)]

    def of_parent(so: So) -> list[Action]:
        if so.result(2) is not None:
            return [complete(3)]
        return [task(1, "own", historyPropagationScope=own), task(2, "all", historyPropagationScope=lineage)]

    worker = Worker(engine, {"parent": parent, "child": of_parent}, {"own": str, "all": str})
    run(engine, "w", "parent")
    requests = {
        item.activityRequest.name: item.activityRequest for item in worker.items if item.HasField("activityRequest")
    }
    assert [chunk.instanceId for chunk in requests["own"].propagatedHistory.chunks] == ["w:0001"]
    chunks = requests["all"].propagatedHistory.chunks
    assert [(chunk.appId, chunk.instanceId, chunk.workflowName) for chunk in chunks] == [
        ("app", "w", "parent"),
        ("app", "w:0001", "child"),
    ]
    events = [pb.HistoryEvent.FromString(raw) for raw in chunks[0].rawEvents]
    assert [event.WhichOneof("eventType") for event in events] == [
        "workflowStarted",
        "executionStarted",
        "childWorkflowInstanceCreated",
    ]
