"""Workflows: a day of timers, a thousand instances at once, and what a turn costs when a history is long."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

from google.protobuf.wrappers_pb2 import StringValue

from benchmarks._measure import COMPILED, Row, at_most
from benchmarks._memory import forget_peak, peak_megabytes
from dapr_client.wire import orchestrator_service_pb2 as service
from dapr_client.workflow import DaprWorkflowClient, DaprWorkflowContext, WorkflowActivityContext, WorkflowRuntime
from dapr_client.workflow._executions import Executions
from dapr_client.workflow._registry import Registry
from dapr_client.workflow.aio import DaprWorkflowClient as AioWorkflowClient
from dapr_testing._daprd import CONTROL_PLANE, Daprd
from dapr_testing._inprocess import Channel
from dapr_testing._inprocess_aio import AioChannel
from fakesidecar import Component, Sidecar, VirtualClock
from fakesidecar.core.workflow import Engine, Start

STORE = Component("statestore", "state.in-memory", metadata={"actorStateStore": "true"})
INSTANCES, ACTIVITIES, ROUNDS = 1000, 10, 2
IN_PROCESS, DAPRD = "all in one process, no sockets", "a daprd, over loopback"
APART = """
import sys
from fakesidecar import Component, Sidecar

with Sidecar(components=[Component("statestore", "state.in-memory", metadata={"actorStateStore": "true"})]) as sidecar:
    print(sidecar.grpc_port, flush=True)
    sys.stdin.read()
"""
DAPRDS = count()
"""Each a new app: what another one has left with the scheduler is not its."""
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


@dataclass(frozen=True, slots=True)
class Side:
    """A sidecar that runs the load, and how its worker and its client reach it."""

    name: str
    worker: dict[str, Any]
    client: Callable[[], dict[str, Any]]


def a_thousand() -> Iterator[Row]:
    """A thousand instances at once, ten activities each: the same worker and client with each sidecar, in turn."""
    forget_peak()
    before = peak_megabytes()
    best = {IN_PROCESS: alone(in_process)[1]}
    yield Row("memory that 1,000 workflows of 10 activities take", f"{peak_megabytes() - before:,.0f} MB", "", None)
    sides = [in_process, over_loopback, in_a_process_of_its_own, *([a_daprd] if daprd_is_at_hand() else [])]
    for _ in range(ROUNDS):
        for make in sides:
            name, found = alone(make)
            best[name] = max(best.get(name, 0.0), found)
    for name, found in best.items():
        yield Row(f"1,000 workflows, 10 activities each: {name}", f"{found:,.0f} /s", "", None)
    target = "≥ 5 × as many"
    if DAPRD in best:
        times = best[IN_PROCESS] / best[DAPRD]
        yield Row("in process, against the daprd", f"{times:.1f} × as many", target, times >= 5)
    else:
        yield Row("in process, against a daprd", f"no daprd, or no {' and '.join(CONTROL_PLANE)}", target, None)


def alone(make: Callable[[ExitStack], Side]) -> tuple[str, float]:
    """A side and its rate, while no other one is there; what an earlier one has left is cleared away before."""
    gc.collect()
    with ExitStack() as stack:
        side = make(stack)
        stack.enter_context(worker_of(side))
        return side.name, rate(side)


def in_process(stack: ExitStack) -> Side:
    """What a test has: sidecar, worker and client in one process, without sockets."""
    sidecar = Sidecar(components=[STORE])
    stack.callback(sidecar.stop)
    made = {"channel": lambda: Channel(sidecar.grpc)}
    return Side(IN_PROCESS, made, lambda: {"channel": AioChannel(sidecar.grpc)})


def over_loopback(stack: ExitStack) -> Side:
    """The same over a port."""
    sidecar = stack.enter_context(Sidecar(components=[STORE]))
    return on_port("all in one process, over loopback", sidecar.grpc_port)


def in_a_process_of_its_own(stack: ExitStack) -> Side:
    """What `fakesidecar run` gives."""
    process = subprocess.Popen(
        [sys.executable, "-c", APART], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=COMPILED
    )
    stack.enter_context(process)
    assert process.stdin is not None
    assert process.stdout is not None
    stack.callback(process.stdin.close)
    return on_port("the sidecar in its own process, over loopback", int(process.stdout.readline()))


def daprd_is_at_hand() -> bool:
    """Whether a real one and its control plane are."""
    return shutil.which("daprd") is not None and all(map(os.environ.get, CONTROL_PLANE))


def a_daprd(stack: ExitStack) -> Side:
    """A real one."""
    daprd = stack.enter_context(Daprd(components=[STORE], app_id=f"bench-{os.getpid()}-{next(DAPRDS)}"))
    return on_port(DAPRD, daprd.grpc_port)


def on_port(name: str, port: int) -> Side:
    """A sidecar that is reached by a port of this machine."""
    address = {"host": "127.0.0.1", "port": port}
    return Side(name, address, lambda: address)


def worker_of(side: Side) -> WorkflowRuntime:
    """The worker, the same for all."""
    runtime = WorkflowRuntime(**side.worker)
    runtime.register_workflow(chain)
    runtime.register_activity(double)
    return runtime


def rate(side: Side) -> float:
    """Workflows per second, from the first request to the last result."""

    async def load() -> float:
        async with AioWorkflowClient(**side.client()) as client:
            await client.wait_for_workflow_completion(await client.schedule_new_workflow(chain, input=1))
            began = time.perf_counter()
            ids = await asyncio.gather(
                *(client.schedule_new_workflow(chain, input=ACTIVITIES) for _ in range(INSTANCES))
            )
            await asyncio.gather(*(client.wait_for_workflow_completion(id, timeout_in_seconds=300) for id in ids))
            return INSTANCES / (time.perf_counter() - began)

    return asyncio.run(load())


def a_long_history() -> Iterator[Row]:
    """The last turns of a long history cost what those of a short one cost, for a worker that keeps histories."""
    sidecar = Sidecar(components=[STORE])
    short, long = seconds_per_turn(sidecar.core.workflow, SHORT), seconds_per_turn(sidecar.core.workflow, LONG)
    sidecar.stop()
    yield at_most(f"a turn after {LONG:,} turns, against one after {SHORT}", long / short, 1.5, "x", 1)


def seconds_per_turn(engine: Engine, turns: int) -> float:
    """The median of the last turns of an instance, and of their activities: engine and worker, and nothing between."""
    items: list[service.WorkItem] = []
    worker = engine.connect(items.append, lambda: None, stateful=True)
    registry = Registry()
    registry.add_workflow(chain, "chain")
    registry.add_activity(double, "double")
    executions = Executions(registry)
    id = f"turns-{turns}"
    engine.begin(Start(id, "chain", StringValue(value=str(turns))))
    seconds = []
    for number in range(1, turns + 1):
        began = time.perf_counter()
        turn = items.pop()
        answer = executions.turn(turn.workflowRequest, engine.history)
        engine.complete_turn(
            service.WorkflowResponse(instanceId=id, actions=answer.actions, completionToken=turn.completionToken)
        )
        done = items.pop()
        result = StringValue(value="1")
        engine.complete_task(
            service.ActivityResponse(instanceId=id, taskId=number, completionToken=done.completionToken, result=result)
        )
        seconds.append(time.perf_counter() - began)
    engine.disconnect(worker)
    return statistics.median(seconds[-SHORT:])
