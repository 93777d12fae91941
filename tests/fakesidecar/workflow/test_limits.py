"""What a configuration says of workflows: how much is under way at once, and for how long instances are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dapr_client.wire import orchestrator_service_pb2 as service
from fakesidecar.clock import VirtualClock
from fakesidecar.core.workflow import Engine, Start
from fakesidecar.core.workflow.history import COMPLETED, FAILED, TERMINATED
from fakesidecar.options import Options
from fakesidecar.resources import configuration
from fakesidecar.resources.component import Component
from fakesidecar.resources.load import Resources
from fakesidecar.sidecar import Sidecar

from .scripted import Worker, again, complete, run, task

STORE = Component("store", "state.in-memory", metadata={"actorStateStore": "true"})

Configured = Callable[[str], Engine]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def configured(tmp_path: Path, clock: VirtualClock) -> Iterator[Configured]:
    """The engine of a sidecar whose configuration says this of workflows."""
    running: list[Sidecar] = []

    def start(text: str) -> Engine:
        file = tmp_path / "config.yaml"
        file.write_text(f"kind: Configuration\nmetadata: {{name: it}}\nspec:\n  workflow: {text}\n")
        resources = Resources(configuration=configuration.load([file], {}))
        running.append(
            Sidecar(Options(app_id="app"), resources=resources, components=[STORE], clock=clock)  # one at a time
        )
        return running[-1].core.workflow

    yield start
    for sidecar in running:
        sidecar.stop()


class Desk:
    """A worker that answers when the test does."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.items: list[service.WorkItem] = []
        self.worker = engine.connect(self.items.append, lambda: None)

    @property
    def out(self) -> list[str]:
        """What was sent and not answered: `a0` for a turn, `a0/1` for an activity."""
        return [_label(item) for item in self.items]

    def answer(self, label: str, *actions: object) -> None:
        item = next(item for item in self.items if _label(item) == label)
        self.items.remove(item)
        if item.HasField("workflowRequest"):
            answer = service.WorkflowResponse(instanceId=item.workflowRequest.instanceId, actions=actions)  # type: ignore[arg-type]
            self.engine.complete_turn(answer)
        else:
            request = item.activityRequest
            self.engine.complete_task(
                service.ActivityResponse(instanceId=request.workflowInstance.instanceId, taskId=request.taskId)
            )


def _label(item: service.WorkItem) -> str:
    if item.HasField("workflowRequest"):
        return item.workflowRequest.instanceId
    return f"{item.activityRequest.workflowInstance.instanceId}/{item.activityRequest.taskId}"


def begin(engine: Engine, *ids: str) -> None:
    """Instances of workflows that are named as their ids begin."""
    for id in ids:
        engine.begin(Start(id, id[0]))


@pytest.mark.parametrize("name", ["maxConcurrentWorkflowInvocations", "globalMaxConcurrentWorkflowInvocations"])
def test_so_many_turns_are_out_at_once(configured: Configured, name: str) -> None:
    engine = configured(f"{{{name}: 2}}")
    desk = Desk(engine)
    begin(engine, "a0", "a1", "b0", "b1")
    assert desk.out == ["a0", "a1"]
    assert not engine.starved
    desk.answer("a1", task(1, "x"))
    assert desk.out == ["a0", "a1/1", "b0"]
    desk.answer("a1/1")
    assert desk.out == ["a0", "b0"]
    desk.answer("b0", complete(1))
    assert desk.out == ["a0", "b1"]
    desk.answer("a0", complete(1))
    assert desk.out == ["b1", "a1"]


@pytest.mark.parametrize("name", ["maxConcurrentActivityInvocations", "globalMaxConcurrentActivityInvocations"])
def test_so_many_activities_are_out_at_once(configured: Configured, name: str) -> None:
    engine = configured(f"{{{name}: 2}}")
    desk = Desk(engine)
    begin(engine, "a0")
    desk.answer("a0", task(1, "x"), task(2, "x"), task(3, "y"))
    assert desk.out == ["a0/1", "a0/2"]
    desk.answer("a0/2")
    assert desk.out == ["a0/1", "a0/3", "a0"]


def test_a_workflow_and_an_activity_may_have_limits_of_their_own(configured: Configured) -> None:
    engine = configured(
        "{workflowConcurrencyLimits: [{name: a, maxConcurrent: 1}],"
        " activityConcurrencyLimits: [{name: x, maxConcurrent: 1}]}"
    )
    desk = Desk(engine)
    begin(engine, "a0", "a1", "b0", "b1")
    assert desk.out == ["a0", "b0", "b1"]
    desk.answer("a0", task(1, "x"), task(2, "x"), task(3, "y"))
    assert desk.out == ["b0", "b1", "a0/1", "a0/3", "a1"]
    desk.answer("a0/1")  # the turn that this gives waits for that of a1
    assert desk.out == ["b0", "b1", "a0/3", "a1", "a0/2"]
    desk.answer("a1", complete(1))
    assert desk.out == ["b0", "b1", "a0/3", "a0/2", "a0"]


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_that_is_not_positive_is_none(configured: Configured, limit: int) -> None:
    engine = configured(f"{{maxConcurrentWorkflowInvocations: {limit}}}")
    desk = Desk(engine)
    begin(engine, "a0", "a1")
    assert desk.out == ["a0", "a1"]


def test_a_new_round_is_not_a_new_turn(configured: Configured) -> None:
    engine = configured("{maxConcurrentWorkflowInvocations: 1}")
    desk = Desk(engine)
    begin(engine, "a0", "b0")
    desk.answer("a0", again(1))
    assert desk.out == ["a0"]
    desk.answer("a0", complete(1))
    assert desk.out == ["b0"]


def test_a_lost_worker_has_nothing_under_way(configured: Configured) -> None:
    engine = configured("{maxConcurrentWorkflowInvocations: 1}")
    desk = Desk(engine)
    begin(engine, "a0", "b0")
    engine.disconnect(desk.worker)
    desk = Desk(engine)
    assert len(desk.out) == 1
    desk.answer(desk.out[0], complete(1))
    assert len(desk.out) == 1


ENDS = {
    "c": lambda so: [complete(1)],
    "f": lambda so: [complete(1, None, FAILED)],
    "t": lambda so: [complete(1, None, TERMINATED)],
}


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        ("completed: 2s", {1: "cft", 3: "ft", 100: "ft"}),
        ("completed: 2s, failed: 4s", {1: "cft", 3: "ft", 5: "t"}),
        ("anyTerminal: 1s, failed: 4s", {0: "cft", 2: "f", 5: ""}),
        ("terminated: 0s, completed: -1s", {0: "f"}),
    ],
)
def test_what_has_ended_is_kept_for_a_while(
    configured: Configured, clock: VirtualClock, policy: str, kept: dict[int, str]
) -> None:
    engine = configured(f"{{stateRetentionPolicy: {{{policy}}}}}")
    worker = Worker(engine, ENDS)
    began = clock.now()
    for name in ENDS:
        run(engine, name, name)
    for seconds, ids in kept.items():
        clock.advance_to(began + seconds)
        assert "".join(engine.instances) == ids
    worker.leave()


def test_an_id_that_is_used_again_is_kept_anew(configured: Configured, clock: VirtualClock) -> None:
    engine = configured("{stateRetentionPolicy: {completed: 10s}}")
    worker = Worker(engine, ENDS)
    run(engine, "c", "c")
    clock.advance(9)
    run(engine, "c", "c")
    clock.advance(9)
    found = engine.find("c")
    assert found is not None
    assert found.facts.status == COMPLETED
    clock.advance(1)
    assert engine.find("c") is None
    worker.leave()


def test_what_was_kept_elsewhere_is_kept_as_long(configured: Configured, clock: VirtualClock) -> None:
    engine = configured("{stateRetentionPolicy: {completed: 10s}}")
    worker = Worker(engine, ENDS)
    run(engine, "c", "c")
    copy = engine.snapshot()
    clock.advance(5)
    engine.restore(copy)
    clock.advance(4)
    assert engine.find("c") is not None
    clock.advance(1)
    assert engine.find("c") is None
    worker.leave()


@pytest.mark.parametrize("value", ["nonsense", "5"])
def test_a_time_that_is_none_is_refused(tmp_path: Path, value: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: c}\nspec:\n  workflow:\n"
        f"    stateRetentionPolicy:\n      completed: {value}\n"
    )
    kind = "int" if value.isdigit() else "str"
    with pytest.raises(Exception, match=f"line 7: cannot unmarshal !!{kind} `{value}` into time.Duration"):
        configuration.load([file], {})
