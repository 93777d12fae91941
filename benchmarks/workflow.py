"""Workflows: a day of timers, a thousand instances at once, and what a turn costs when a history is long."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from benchmarks._measure import Row, at_most
from dapr_client.wire import orchestrator_actions_pb2 as actions
from dapr_client.wire import orchestrator_service_pb2 as service
from dapr_client.workflow import DaprWorkflowClient, DaprWorkflowContext, WorkflowActivityContext, WorkflowRuntime
from fakesidecar import Component, Sidecar, VirtualClock
from fakesidecar.core.workflow import Engine, Start

STORE = Component("statestore", "state.in-memory", metadata={"actorStateStore": "true"})
INSTANCES, ACTIVITIES = 1000, 10
SHORT, LONG = 100, 5000
"""Turns of histories whose costs are compared."""


def hours(ctx: DaprWorkflowContext, count: int) -> Generator[Any, Any, int]:
    for _ in range(count):
        yield ctx.create_timer(timedelta(hours=1))
    return count


def double(ctx: WorkflowActivityContext, number: int) -> int:
    return 2 * number


def chain(ctx: DaprWorkflowContext, count: int) -> Generator[Any, Any, int]:
    total = 0
    for number in range(count):
        total += yield ctx.call_activity(double, input=number)
    return total


def rows() -> Iterator[Row]:
    """What workflows cost, with a worker of `dapr_client` on a port."""
    yield from a_day()
    yield from a_thousand()
    yield from a_long_history()


@contextmanager
def running(sidecar: Sidecar) -> Iterator[DaprWorkflowClient]:
    """A sidecar with a worker, and a client."""
    sidecar.start()
    runtime = WorkflowRuntime("127.0.0.1", str(sidecar.grpc_port))
    for workflow in (hours, chain):
        runtime.register_workflow(workflow)
    runtime.register_activity(double)
    with runtime, DaprWorkflowClient("127.0.0.1", str(sidecar.grpc_port)) as client:
        yield client
    sidecar.stop()


def a_day() -> Iterator[Row]:
    """Twenty-four hours, one timer after the other."""
    clock = VirtualClock()
    sidecar = Sidecar(components=[STORE], clock=clock)
    seconds = []
    with running(sidecar) as client:
        for _ in range(7):
            began = time.perf_counter()
            id = client.schedule_new_workflow(hours, input=24)
            clock.advance(timedelta(days=1))
            assert client.wait_for_workflow_completion(id, timeout_in_seconds=30) is not None
            seconds.append(time.perf_counter() - began)
    yield at_most("workflow with 24 h of timers", sorted(seconds)[3], 50e-3, "ms", 1e3)


def a_thousand() -> Iterator[Row]:
    """A thousand instances at once, ten activities each."""
    sidecar = Sidecar(components=[STORE])
    with running(sidecar) as client:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.perf_counter()
        engine = sidecar.core.workflow
        ids = [f"chain-{n}" for n in range(INSTANCES)]
        for id in ids:
            client.schedule_new_workflow(chain, input=ACTIVITIES, instance_id=id)
        for id in ids:
            engine.wait_until_completed(id).result(120)
        seconds = time.perf_counter() - began
        megabytes = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    yield Row(f"{INSTANCES:,} workflows, {ACTIVITIES} activities each", f"{INSTANCES / seconds:,.0f} /s", "", None)
    yield Row("memory that they take", f"{megabytes:,.0f} MB", "", None)


def a_long_history() -> Iterator[Row]:
    """The last turns of a long history cost what those of a short one cost, for a worker that keeps histories."""
    sidecar = Sidecar(components=[STORE])
    short, long = seconds_per_turn(sidecar.core.workflow, SHORT), seconds_per_turn(sidecar.core.workflow, LONG)
    sidecar.stop()
    yield at_most(f"a turn after {LONG:,} turns, against one after {SHORT}", long / short, 1.5, "x", 1)


def seconds_per_turn(engine: Engine, turns: int) -> float:
    """The median of the last turns of an instance, the engine's part alone."""
    items: list[service.WorkItem] = []
    worker = engine.connect(items.append, lambda: None, stateful=True)
    id = f"turns-{turns}"
    engine.begin(Start(id, "turns"))
    seconds = []
    for number in range(turns):
        began = time.perf_counter()
        turn = items.pop()
        task = actions.WorkflowAction(id=number, scheduleTask=actions.ScheduleTaskAction(name="work"))
        engine.complete_turn(
            service.WorkflowResponse(instanceId=id, actions=[task], completionToken=turn.completionToken)
        )
        done = items.pop()
        engine.complete_task(
            service.ActivityResponse(instanceId=id, taskId=number, completionToken=done.completionToken)
        )
        seconds.append(time.perf_counter() - began)
    engine.disconnect(worker)
    return statistics.median(seconds[-SHORT:])
