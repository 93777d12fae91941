"""Workflows by every door: the service of workers, in process and on a port, and the management API."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import grpc
import pytest

from dapr_client import wire
from dapr_client.wire import orchestrator_service_pb2 as service
from dapr_testing._inprocess import Channel
from dapr_testing._inprocess_aio import AioChannel
from fakesidecar.clock import VirtualClock
from fakesidecar.options import Options
from fakesidecar.resources.component import Component
from fakesidecar.sidecar import Sidecar
from tests.fakesidecar.blocks.doors import Refused, grpc_call, http_call, http_ok

from .scripted import So, Worker, complete, ended, start, text, wait_for

STORE = Component("store", "state.in-memory", metadata={"actorStateStore": "true"})
ROOT = "/v1.0/workflows/dapr"


def waits(so: So) -> list[Any]:
    if found := so.raised("go"):
        return [complete(2, found[0])]
    return [] if so.took(1) else [wait_for(1, "go")]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def sidecar(clock: VirtualClock) -> Iterator[Sidecar]:
    with Sidecar(Options(app_id="app"), components=[STORE], clock=clock) as running:
        yield running


def hub(channel: Any, name: str) -> Any:
    method = wire.method(wire.TASK_HUB, name)
    return channel.unary_unary(method.path, method.request.SerializeToString, method.response.FromString)


# --- the service of workers ----------------------------------------------------------------------------------------


def test_an_answer_may_come_later_in_process(sidecar: Sidecar) -> None:
    Worker(sidecar.core.workflow, {"w": waits})
    channel = Channel(sidecar.grpc)
    hub(channel, "StartInstance")(service.CreateInstanceRequest(instanceId="w", name="w"), timeout=5)
    with pytest.raises(grpc.RpcError) as refused:
        hub(channel, "WaitForInstanceCompletion")(service.GetInstanceRequest(instanceId="w"), timeout=0.05)
    assert refused.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    hub(channel, "RaiseEvent")(service.RaiseEventRequest(instanceId="w", name="go", input=text("1")), timeout=5)
    asked = service.GetInstanceRequest(instanceId="w", getInputsAndOutputs=True)
    assert hub(channel, "WaitForInstanceCompletion")(asked, timeout=5).workflowState.output.value == "1"


async def test_an_answer_may_come_later_in_process_for_asyncio(sidecar: Sidecar) -> None:
    Worker(sidecar.core.workflow, {"w": waits})
    async with AioChannel(sidecar.grpc) as channel:
        await hub(channel, "StartInstance")(service.CreateInstanceRequest(instanceId="w", name="w"), timeout=5)
        asked = service.GetInstanceRequest(instanceId="w", getInputsAndOutputs=True)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await hub(channel, "WaitForInstanceCompletion")(asked, timeout=0.05)
        assert refused.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        waiting = asyncio.ensure_future(hub(channel, "WaitForInstanceCompletion")(asked, timeout=5))
        raised = service.RaiseEventRequest(instanceId="w", name="go", input=text("1"))
        await hub(channel, "RaiseEvent")(raised, timeout=5)
        assert (await waiting).workflowState.output.value == "1"


def test_many_may_wait_on_the_port(sidecar: Sidecar) -> None:
    Worker(sidecar.core.workflow, {"w": waits})
    with grpc.insecure_channel(f"127.0.0.1:{sidecar.grpc_port}") as channel:
        for n in range(50):
            start(sidecar.core.workflow, f"w{n}", "w")
        wait_for_end = hub(channel, "WaitForInstanceCompletion")
        waiting = [wait_for_end.future(service.GetInstanceRequest(instanceId=f"w{n}"), timeout=10) for n in range(50)]
        for n in range(50):
            hub(channel, "RaiseEvent")(service.RaiseEventRequest(instanceId=f"w{n}", name="go"), timeout=5)
        assert all(call.result().exists for call in waiting)


def test_a_worker_hears_that_the_sidecar_stops() -> None:
    method = wire.method(wire.TASK_HUB, "GetWorkItems")
    sidecar = Sidecar(components=[STORE])
    sidecar.start()
    with grpc.insecure_channel(f"127.0.0.1:{sidecar.grpc_port}") as channel:
        open_stream = channel.unary_stream(method.path, method.request.SerializeToString, method.response.FromString)
        stream = open_stream(service.GetWorkItemsRequest())
        with grpc.insecure_channel(f"127.0.0.1:{sidecar.grpc_port}") as other:
            starting = hub(other, "StartInstance").future(service.CreateInstanceRequest(instanceId="w", name="w"))
            assert "w" in str(next(stream))
            starting.cancel()
        sidecar.stop()
        with pytest.raises(grpc.RpcError) as ended_with:
            next(stream)
    assert (ended_with.value.code(), ended_with.value.details()) == (grpc.StatusCode.CANCELLED, "shutting down")


# --- the management API --------------------------------------------------------------------------------------------


def test_an_instance_is_managed_over_grpc(sidecar: Sidecar) -> None:
    Worker(sidecar.core.workflow, {"order": waits})
    started = grpc_call(sidecar, "StartWorkflowBeta1", workflow_name="order", input=b'{"n":1}')
    id = started.instance_id
    sidecar.core.workflow.wait_until_started(id).result(5)
    grpc_call(sidecar, "PauseWorkflowBeta1", instance_id=id)
    grpc_call(sidecar, "ResumeWorkflowBeta1", instance_id=id)
    grpc_call(sidecar, "RaiseEventWorkflowBeta1", instance_id=id, event_name="go", event_data=b'"x"')
    ended(sidecar.core.workflow, id)
    found = grpc_call(sidecar, "GetWorkflowBeta1", instance_id=id)
    assert (found.workflow_name, found.runtime_status) == ("order", "COMPLETED")
    assert dict(found.properties) == {"dapr.workflow.input": '{"n":1}', "dapr.workflow.output": '"x"'}
    grpc_call(sidecar, "PurgeWorkflowBeta1", instance_id=id)
    assert grpc_call(sidecar, "GetWorkflowBeta1", instance_id=id).runtime_status == ""


def test_an_instance_is_managed_over_http(sidecar: Sidecar) -> None:
    Worker(sidecar.core.workflow, {"order": waits})
    started = http_ok(sidecar, "POST", f"{ROOT}/order/start", {"n": 1}, query={"instanceID": "w"})
    assert started == {"instanceID": "w"}
    sidecar.core.workflow.wait_until_started("w").result(5)
    for action in ("pause", "resume", "terminate"):
        http_ok(sidecar, "POST", f"{ROOT}/w/{action}")
    ended(sidecar.core.workflow, "w")
    found = http_ok(sidecar, "GET", f"{ROOT}/w")
    assert (found["workflowName"], found["runtimeStatus"]) == ("order", "TERMINATED")
    http_ok(sidecar, "POST", f"{ROOT}/w/purge")
    with pytest.raises(Refused) as refused:
        http_ok(sidecar, "GET", f"{ROOT}/w")
    assert refused.value.code == "ERR_INSTANCE_ID_NOT_FOUND"


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        ({"instance_id": "a b", "workflow_name": "w"}, "INVALID_ARGUMENT", "only alphanumeric"),
        ({"instance_id": "x" * 65, "workflow_name": "w"}, "INVALID_ARGUMENT", "max length of 64"),
        ({"instance_id": "ok"}, "INVALID_ARGUMENT", "workflow name is not configured"),
        ({"instance_id": "ok", "workflow_name": "w", "input": b"\xff"}, "INTERNAL", "invalid UTF-8"),
        (
            {"instance_id": "ok", "workflow_name": "w", "options": {"dapr.workflow.start_time": "soon"}},
            "INTERNAL",
            "RFC3339",
        ),
    ],
)
def test_a_start_that_cannot_be_is_refused(sidecar: Sidecar, fields: dict[str, Any], code: str, message: str) -> None:
    with pytest.raises(Refused) as refused:
        grpc_call(sidecar, "StartWorkflowBeta1", **fields)
    assert refused.value.code == code
    assert message in refused.value.message


def test_without_a_store_for_actors_there_are_no_workflows() -> None:
    with Sidecar() as sidecar:
        assert http_call(sidecar, "POST", f"{ROOT}/w/start", query={"instanceID": "w"})[0] == 500
        with pytest.raises(Refused) as refused:
            grpc_call(sidecar, "PauseWorkflowBeta1", instance_id="w")
        assert "actorStateStore" in refused.value.message


# --- the official package ------------------------------------------------------------------------------------------


def remind(ctx: Any, day: int) -> str:
    return f"day {day}"


def month(ctx: Any, days: int) -> Any:
    said = []
    for day in range(days):
        yield ctx.create_timer(timedelta(days=1))
        said.append((yield ctx.call_activity(remind, input=day)))
    return said


@pytest.fixture
def client(sidecar: Sidecar) -> Iterator[Any]:
    """A client of the official package, whose worker is there too."""
    workflow = pytest.importorskip("dapr.ext.workflow")
    runtime = workflow.WorkflowRuntime("127.0.0.1", str(sidecar.grpc_port))
    runtime.register_workflow(month)
    runtime.register_activity(remind)
    runtime.start()
    client = workflow.DaprWorkflowClient("127.0.0.1", str(sidecar.grpc_port))
    yield client
    client.close()
    sidecar.stop()
    runtime.shutdown()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it leaves an event loop open
        del runtime
        gc.collect()


def test_workflows_of_the_official_package_run_in_virtual_time(client: Any, clock: VirtualClock) -> None:
    id = client.schedule_new_workflow(month, input=30)
    clock.advance(timedelta(days=30))
    state = client.wait_for_workflow_completion(id, timeout_in_seconds=10)
    assert state.serialized_output.count("day") == 30
