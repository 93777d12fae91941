"""What is too large for a message: an instance stalls, as daprd's do, and the engine goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fakesidecar.clock import VirtualClock
from fakesidecar.core.workflow import Engine, Start
from fakesidecar.core.workflow.faults import InstanceStalled
from fakesidecar.core.workflow.history import RUNNING, STALLED, Facts
from fakesidecar.core.workflow.instance import Instance
from fakesidecar.options import Options
from fakesidecar.resources.component import Component
from fakesidecar.sidecar import Sidecar

from .scripted import Action, So, Worker, child, complete, ended, instance_of, kinds, output, run, start, task, wait

LIMIT = 10_000

Begin = Callable[[int], Engine]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """A sidecar that takes messages of that size, in the place of the one before, on the same database."""
    store = Component(
        "store", "state.sqlite", metadata={"connectionString": str(tmp_path / "db"), "actorStateStore": "true"}
    )
    running: list[Sidecar] = []

    def stop() -> None:
        while running:
            running.pop().stop()

    def again(limit: int) -> Engine:
        stop()
        options = Options(app_id="app", max_body_size=limit)
        running.append(Sidecar(options, components=[store], clock=VirtualClock()))
        return running[-1].core.workflow

    yield again
    stop()


def why(instance: Instance) -> str:
    """Why an instance is stalled."""
    assert instance.facts.stalled is not None
    return instance.facts.stalled.executionStalled.description


def collecting(so: So) -> list[Action]:
    """One activity after the other, until there are three results."""
    for id in (1, 2, 3):
        if so.result(id) is None:
            return [] if so.took(id) else [task(id, "large")]
    return [complete(4, "all")]


def test_a_history_that_is_too_large_stalls_until_messages_may_be_larger(begin: Begin) -> None:
    engine = begin(LIMIT)
    Worker(engine, {"collecting": collecting}, {"large": lambda data: "x" * 4000})
    engine.begin(Start("w", "collecting"))
    wait(engine._wait("w", lambda one: one.facts.status == STALLED))
    stalled = instance_of(engine, "w")
    size = Facts(stalled.history[:-1]).size + sum(event.ByteSize() for event in stalled.inbox)
    assert why(stalled) == (
        f"Workflow payload size {size} bytes exceeds 95% of max gRPC body size 10000 bytes; "
        "increase daprd --max-body-size and restart to resume"
    )
    assert kinds(stalled)[-2:] == ["3:taskScheduled", "-1:executionStalled"]
    with pytest.raises(InstanceStalled):
        wait(engine.raise_event("w", "go", None))

    engine = begin(10 * LIMIT)
    Worker(engine, {"collecting": collecting}, {"large": lambda data: "x" * 4000})
    engine.get("w")
    assert output(ended(engine, "w")) == "all"


@pytest.mark.parametrize("size", [9000, 9800])
def test_a_start_may_be_too_large_for_its_workers(begin: Begin, size: int) -> None:
    engine = begin(LIMIT)
    worker = Worker(engine, {"small": lambda so: [complete(1, "well")]})
    instance = start(engine, "w", "small", "x" * size)
    assert (instance.facts.status == STALLED) == (size > 9500)
    assert len(worker.items) == (0 if size > 9500 else 1)
    assert output(run(engine, "other", "small")) == "well"


def test_an_activity_may_be_too_large(begin: Begin) -> None:
    engine = begin(LIMIT)
    worker = Worker(engine, {"asking": lambda so: [task(1, "small"), task(2, "large", "x" * 9500)]})
    instance = start(engine, "w", "asking")
    assert instance.facts.status == STALLED
    assert kinds(instance) == ["-1:executionStalled"]
    assert why(instance).startswith("activity 'large::2' payload 95")
    assert why(instance).endswith("restart to resume: activity payload exceeds max gRPC body size")
    assert all(item.HasField("workflowRequest") for item in worker.items)  # nothing of a turn that is to be done again


def test_a_child_that_is_too_large_stalls_alone(begin: Begin) -> None:
    engine = begin(LIMIT)
    Worker(engine, {"asking": lambda so: [child(1, "large", "x" * 9800)]})
    assert start(engine, "w", "asking").facts.status == RUNNING
    assert wait(engine.wait_until_started("w:0001")).facts.status == STALLED
