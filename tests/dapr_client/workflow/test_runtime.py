"""Runtimes and clients, over ports, against the sidecar."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import grpc
import pytest

from dapr_client import DaprClient, DaprGrpcError, DaprInternalError
from dapr_client.aio import DaprClient as AsyncDaprClient
from dapr_client.workflow import (
    DaprWorkflowClient,
    DaprWorkflowContext,
    LoggerOptions,
    NonRetryableError,
    RetryPolicy,
    TaskFailedError,
    WorkflowActivityContext,
    WorkflowFailedError,
    WorkflowHistoryEventType,
    WorkflowRuntime,
    WorkflowRuntimeStatus,
    WorkflowState,
    WorkflowStatus,
    alternate_name,
    when_all,
)
from dapr_client.workflow.aio import DaprWorkflowClient as AsyncDaprWorkflowClient
from fakesidecar import Options, Sidecar, VirtualClock
from tests.dapr_client.workflow.conftest import COMPONENTS, TOKEN

Context = DaprWorkflowContext
Workflow = Generator[Any, Any, Any]
SECONDS = 20
"""How long a test waits for what comes at once."""


def finished(client: DaprWorkflowClient, id: str) -> WorkflowState:
    state = client.wait_for_workflow_completion(id, timeout_in_seconds=SECONDS)
    assert state is not None
    return state


def double(ctx: WorkflowActivityContext, number: int) -> int:
    return 2 * number


async def slowly_double(ctx: WorkflowActivityContext, number: int) -> int:
    await asyncio.sleep(0)
    return 2 * number


def echo(ctx: WorkflowActivityContext, value: Any) -> Any:
    return value


def waiting(ctx: Context, name: str) -> Workflow:
    return (yield ctx.wait_for_external_event(name))


def test_a_workflow_runs_from_start_to_end(
    runtime: WorkflowRuntime, workflows: DaprWorkflowClient, clock: VirtualClock
) -> None:
    @runtime.workflow
    def child(ctx: Context, number: int) -> Workflow:
        return (yield ctx.call_activity(slowly_double, input=number))

    @runtime.workflow(name="whole")
    def parent(ctx: Context, number: int) -> Workflow:
        numbers = yield when_all([ctx.call_activity(double, input=n) for n in range(number)])
        ctx.set_custom_status("doubled")
        yield ctx.create_timer(timedelta(days=1))
        other = yield ctx.call_child_workflow(child, input=21)
        told = yield ctx.wait_for_external_event("told")
        return [numbers, other, told]

    runtime.register_activity(double)
    runtime.register_activity(slowly_double)
    runtime.start()
    id = workflows.schedule_new_workflow(parent, input=3, instance_id="w1")
    assert id == "w1"
    begun = workflows.wait_for_workflow_start(id, timeout_in_seconds=SECONDS)
    assert begun is not None
    assert (begun.name, begun.runtime_status, begun.serialized_input) == ("whole", WorkflowStatus.RUNNING, None)
    workflows.raise_workflow_event(id, "Told", data={"by": None})
    clock.advance(timedelta(days=1).total_seconds())
    state = finished(workflows, id)
    assert state.runtime_status is WorkflowStatus.COMPLETED
    assert state.serialized_output == '[[0, 2, 4], 42, {"by": null}]'
    assert (state.serialized_input, state.serialized_custom_status) == ("3", "doubled")
    assert state.last_updated_at - state.created_at >= timedelta(days=1)
    assert '"runtime_status": "COMPLETED"' in str(state)
    state.raise_if_failed()


def test_an_async_workflow_runs(runtime: WorkflowRuntime, workflows: DaprWorkflowClient) -> None:
    @runtime.workflow
    async def main(ctx: Context) -> Any:
        results = await when_all([ctx.call_activity(double, input=1), ctx.call_activity(slowly_double, input=2)])
        try:
            await ctx.call_activity("unknown")
        except TaskFailedError as error:
            return [*results, error.details.error_type]

    runtime.register_activity(double)
    runtime.register_activity(slowly_double)
    with runtime:
        state = finished(workflows, workflows.schedule_new_workflow(main))
    assert state.serialized_output == '[2, 4, "ActivityNotRegisteredError"]'


@pytest.mark.parametrize("value", [0, "", False, [], {}, None])
def test_falsy_values_go_all_the_way(runtime: WorkflowRuntime, workflows: DaprWorkflowClient, value: Any) -> None:
    @runtime.workflow
    def through(ctx: Context, given: Any = "nothing") -> Workflow:
        back = yield ctx.call_activity(echo, input=given)
        told = yield ctx.wait_for_external_event("told")
        return [back, told]

    runtime.register_activity(echo)
    runtime.start()
    id = workflows.schedule_new_workflow(through, input=value)
    workflows.raise_workflow_event(id, "told", data=value)
    state = finished(workflows, id)
    assert output_of(state) == ["nothing" if value is None else value, value]
    again = workflows.schedule_new_workflow(through)
    workflows.terminate_workflow(again, output=value)
    output = finished(workflows, again).serialized_output
    assert output == (None if value is None else json.dumps(value))


def output_of(state: WorkflowState) -> Any:
    assert state.serialized_output is not None
    return json.loads(state.serialized_output)


def test_activities_know_their_call_and_fail_with_what_they_raise(
    runtime: WorkflowRuntime, workflows: DaprWorkflowClient, clock: VirtualClock
) -> None:
    seen: list[tuple[str, int, str]] = []

    @runtime.activity
    def flaky(ctx: WorkflowActivityContext) -> str:
        inner = ctx.get_inner_context()
        assert (inner.orchestration_id, inner.task_id) == (ctx.workflow_id, ctx.task_id)
        assert ctx.get_propagated_history() is None
        seen.append((ctx.workflow_id, ctx.task_id, inner.task_execution_id))
        if len(seen) < 3:
            raise ValueError("not yet")
        return "done"

    @runtime.activity
    async def hopeless(ctx: WorkflowActivityContext) -> None:
        raise NonRetryableError("never")

    @runtime.workflow
    def retries(ctx: Context) -> Workflow:
        policy = RetryPolicy(first_retry_interval=timedelta(hours=1), max_number_of_attempts=5)
        first = yield ctx.call_activity(flaky, retry_policy=policy)
        yield ctx.call_activity(hopeless, retry_policy=policy)
        return first

    runtime.start()
    id = workflows.schedule_new_workflow(retries)
    for _ in range(2):
        clock.advance(3600)
    state = finished(workflows, id)
    assert [(workflow, task) for workflow, task, _ in seen] == [(id, 1), (id, 3), (id, 5)]
    assert len({execution for _, _, execution in seen}) == 1
    assert state.runtime_status is WorkflowStatus.FAILED
    assert state.failure_details is not None
    assert state.failure_details.error_type == "TaskFailedError"
    with pytest.raises(WorkflowFailedError, match=f"Orchestration '{id}' failed: .* failed: never") as caught:
        state.raise_if_failed()
    assert caught.value.failure_details == state.failure_details


def test_functions_stay_what_they_are(sidecar: Sidecar, workflows: DaprWorkflowClient) -> None:
    one, two = WorkflowRuntime(), WorkflowRuntime()

    @two.activity
    @one.activity(name="twice")
    def activity(ctx: WorkflowActivityContext, number: int) -> int:
        return 2 * number

    @one.workflow
    @alternate_name("other")
    def workflow(ctx: Context, number: int) -> Workflow:
        return (yield ctx.call_activity(activity, input=number))

    two.register_workflow(workflow)
    two.register_workflow(workflow)
    assert activity(None, 2) == 4  # type: ignore[arg-type]  # it does not need its context
    with pytest.raises(ValueError, match="A 'other' orchestrator already exists"):
        one.register_workflow(waiting, name="other")
    with pytest.raises(ValueError, match="A 'twice' activity already exists"):
        one.register_activity(double, name="twice")
    for each in (one, two):
        with each:
            id = workflows.schedule_new_workflow(workflow, input=4)
            state = finished(workflows, id)
            assert (state.name, state.serialized_output) == ("other", "8")


def test_versions_are_registered_by_name(runtime: WorkflowRuntime, workflows: DaprWorkflowClient) -> None:
    @runtime.versioned_workflow(name="v", is_latest=False)
    def first(ctx: Context) -> Workflow:
        yield ctx.wait_for_external_event("go")
        return "first"

    with runtime:
        runtime.register_versioned_workflow(first, name="v", is_latest=True)
        old = workflows.schedule_new_workflow("v")
        runtime.versioned_workflow(lambda ctx: "second", name="v", version_name="2", is_latest=True)
        new = workflows.schedule_new_workflow("v")
        workflows.raise_workflow_event(old, "go")
        assert [finished(workflows, id).serialized_output for id in (old, new)] == ['"first"', '"second"']


# --- start and end ---


def test_a_runtime_begins_and_ends_at_once_and_leaves_no_thread(
    sidecar: Sidecar, workflows: DaprWorkflowClient
) -> None:
    workflows.get_workflow_state("warm")
    before = set(threading.enumerate())
    runtime = WorkflowRuntime()
    runtime.register_activity(slowly_double)
    runtime.register_activity(double)

    @runtime.workflow
    def main(ctx: Context) -> Workflow:
        yield when_all([ctx.call_activity(one, input=1) for one in (double, slowly_double)])

    assert not runtime.wait_for_worker_ready(0)
    runtime.shutdown()
    for _ in range(3):
        runtime.start()
        runtime.start()
        assert runtime.wait_for_worker_ready(0)
        finished(workflows, workflows.schedule_new_workflow(main))
        runtime.shutdown()
        runtime.shutdown()
        assert [thread for thread in threading.enumerate() if thread not in before and "dapr" in thread.name] == []


def test_what_is_under_way_at_the_end_is_handed_in(sidecar: Sidecar, workflows: DaprWorkflowClient) -> None:
    runtime = WorkflowRuntime()
    begun, go_on = threading.Event(), threading.Event()

    @runtime.activity
    def held(ctx: WorkflowActivityContext) -> str:
        begun.set()
        assert go_on.wait(SECONDS)
        return "handed in"

    @runtime.workflow
    def main(ctx: Context) -> Workflow:
        return (yield ctx.call_activity(held))

    runtime.start()
    id = workflows.schedule_new_workflow(main)
    assert begun.wait(SECONDS)
    ending = threading.Thread(target=runtime.shutdown)
    ending.start()
    go_on.set()
    ending.join(SECONDS)
    completed = [one for one in workflows.get_workflow_history(id) if one.event_type.value == "taskCompleted"]
    assert len(completed) <= 1  # committed in the next turn, which needs a worker
    runtime.start()
    assert finished(workflows, id).serialized_output == '"handed in"'
    runtime.shutdown()


@pytest.mark.parametrize("cause", ["refused", "malformed"])
def test_a_runtime_without_a_sidecar_says_so(cause: str) -> None:
    if cause == "malformed":
        with pytest.raises(DaprInternalError):
            WorkflowRuntime(host="bad host:1:2", port="x")
        return
    runtime = WorkflowRuntime("127.0.0.1", 1, worker_ready_timeout=0.2)
    with pytest.raises(RuntimeError, match="worker and its stream are not ready"):
        runtime.start()
    assert not runtime.wait_for_worker_ready(0)


def test_a_runtime_connects_again_after_growing_pauses(
    workflows: DaprWorkflowClient, sidecar: Sidecar, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    pauses: list[float] = []
    tried, served = threading.Event(), threading.Event()

    def wait(stopping: threading.Event, seconds: float) -> bool:
        pauses.append(seconds)
        if len(pauses) == 8:
            tried.set()
            assert served.wait(SECONDS)
        return stopping.is_set()

    port = sidecar.grpc_port
    runtime = WorkflowRuntime(port=port, wait=wait)
    runtime.register_workflow(waiting)
    runtime.start()
    finished(workflows, _raised(workflows, workflows.schedule_new_workflow(waiting, input="e")))
    sidecar.stop()
    assert tried.wait(SECONDS)
    again = Sidecar(Options(app_id="shop", api_token=TOKEN, grpc_port=port), components=COMPONENTS, clock=clock)
    with again:
        served.set()
        assert runtime.wait_for_worker_ready(SECONDS)
        with DaprWorkflowClient(port=port) as client:
            finished(client, _raised(client, client.schedule_new_workflow(waiting, input="e")))
        runtime.shutdown()
    assert pauses[:8] == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 16.0]
    assert "no connection to the sidecar's workflows" in caplog.text


def _raised(client: DaprWorkflowClient, id: str) -> str:
    client.raise_workflow_event(id, "e")
    return id


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_no_more_activities_run_at_once_than_may(sidecar: Sidecar, workflows: DaprWorkflowClient, kind: str) -> None:
    runtime = WorkflowRuntime(maximum_concurrent_activity_work_items=2)
    running: list[int] = []
    most: list[int] = []
    lock = threading.Lock()

    def enter(number: int) -> None:
        with lock:
            running.append(number)
            most.append(len(running))

    def plain(ctx: WorkflowActivityContext, number: int) -> None:
        enter(number)
        threading.Event().wait(0.01)
        running.remove(number)

    async def asynchronous(ctx: WorkflowActivityContext, number: int) -> None:
        enter(number)
        await asyncio.sleep(0.01)
        running.remove(number)

    activity: Any = plain if kind == "plain" else asynchronous
    runtime.register_activity(activity)

    @runtime.workflow
    def main(ctx: Context) -> Workflow:
        yield when_all([ctx.call_activity(activity, input=number) for number in range(8)])

    with runtime:
        assert finished(workflows, workflows.schedule_new_workflow(main)).runtime_status is WorkflowStatus.COMPLETED
    assert (max(most), len(most)) == (2, 8)


@pytest.mark.parametrize(("off", "times"), [(False, 1), (True, 5)])
def test_a_workflow_is_kept_between_its_turns(
    sidecar: Sidecar, workflows: DaprWorkflowClient, off: bool, times: int
) -> None:
    runtime = WorkflowRuntime(disable_stateful_history=off)
    begun = []

    @runtime.workflow
    def main(ctx: Context) -> Workflow:
        begun.append(ctx.instance_id)
        for number in range(4):
            yield ctx.call_activity(double, input=number)

    runtime.register_activity(double)
    with runtime:
        finished(workflows, workflows.schedule_new_workflow(main))
    assert len(begun) == times


def test_a_runtime_that_has_forgotten_asks_for_the_history(sidecar: Sidecar, workflows: DaprWorkflowClient) -> None:
    runtime = WorkflowRuntime(history_cache_max_instances=1)
    runtime.register_workflow(waiting)
    with runtime:
        ids = [workflows.schedule_new_workflow(waiting, input="a") for _ in range(3)]
        for id in ids:
            for name in ("x", "y", "a"):
                workflows.raise_workflow_event(id, name, data=name)
        assert [finished(workflows, id).serialized_output for id in ids] == ['"a"'] * 3


def test_a_result_that_is_too_large_fails(runtime: WorkflowRuntime, workflows: DaprWorkflowClient) -> None:
    @runtime.activity
    def large(ctx: WorkflowActivityContext) -> str:
        return "x" * (5 << 20)

    @runtime.workflow
    def asks(ctx: Context) -> Workflow:
        yield ctx.call_activity(large)

    @runtime.workflow
    def returns(ctx: Context) -> str:
        return "x" * (5 << 20)

    runtime.start()
    for workflow in (asks, returns):
        state = finished(workflows, workflows.schedule_new_workflow(workflow))
        assert state.runtime_status is WorkflowStatus.FAILED
        assert state.failure_details is not None
        assert "larger than max" in state.failure_details.message


def test_code_that_has_changed_is_told(sidecar: Sidecar, workflows: DaprWorkflowClient) -> None:
    def before(ctx: Context) -> Workflow:
        yield ctx.call_activity(double, input=1)
        yield ctx.wait_for_external_event("go")

    def after(ctx: Context) -> Workflow:
        yield ctx.create_timer(timedelta(days=1))
        yield ctx.wait_for_external_event("go")

    for code in (before, after):
        runtime = WorkflowRuntime()
        runtime.register_workflow(code, name="changing")
        runtime.register_activity(double)
        with runtime:
            if code is before:
                id = workflows.schedule_new_workflow("changing")
                wait_for_event(workflows, id, "timerCreated")
            else:
                workflows.raise_workflow_event(id, "go")
                state = finished(workflows, id)
    assert state.failure_details is not None
    assert state.failure_details.error_type == "NonDeterminismError"
    assert "* 1  activity 'double'" in state.failure_details.message


def wait_for_event(client: DaprWorkflowClient, id: str, kind: str) -> None:
    waited = threading.Event()
    for _ in range(2000):
        if any(one.event_type.value == kind for one in client.get_workflow_history(id)):
            return
        waited.wait(0.01)
    raise AssertionError(f"no {kind}")


def test_where_a_runtime_logs_can_be_told(sidecar: Sidecar, capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("dapr_client.workflow")
    handler, level = logging.StreamHandler(), logger.level
    options = LoggerOptions(logging.WARNING, handler, logging.Formatter("<%(message)s>"))
    try:
        WorkflowRuntime(logger_options=options)
        DaprWorkflowClient(logger_options=options).close()
        logger.warning("once")
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    assert capsys.readouterr().err == "<once>\n"


# --- clients ---


def test_instances_are_managed(runtime: WorkflowRuntime, workflows: DaprWorkflowClient) -> None:
    runtime.register_workflow(waiting)
    runtime.start()
    id = workflows.schedule_new_workflow(waiting, input="go")
    workflows.pause_workflow(id)
    paused = workflows.get_workflow_state(id, fetch_payloads=False)
    assert paused is not None
    assert (paused.runtime_status, paused.serialized_input) == (WorkflowStatus.SUSPENDED, None)
    workflows.resume_workflow(id)
    with pytest.raises(DaprGrpcError, match="has not yet completed"):
        workflows.purge_workflow(id)
    workflows.terminate_workflow(id, output="over")
    over = finished(workflows, id)
    assert (over.runtime_status, over.serialized_output) == (WorkflowStatus.TERMINATED, '"over"')
    assert [event.event_type for event in workflows.get_workflow_history(id)][-2:] == [
        WorkflowHistoryEventType.EXECUTION_TERMINATED,
        WorkflowHistoryEventType.EXECUTION_COMPLETED,
    ]
    assert workflows.purge_workflow(id) == 1
    assert workflows.get_workflow_state(id) is None


def test_instances_are_listed_page_by_page(runtime: WorkflowRuntime, workflows: DaprWorkflowClient) -> None:
    runtime.register_workflow(waiting)
    runtime.start()
    ids = {workflows.schedule_new_workflow(waiting, input="go") for _ in range(5)}
    page = workflows.list_workflow_instance_ids(page_size=2)
    assert (len(page.instance_ids), page.continuation_token is None) == (2, False)
    assert set(workflows.iter_workflow_instance_ids(page_size=2)) == ids
    assert workflows.list_workflow_instance_ids().continuation_token is None


def test_an_instance_is_run_again_with_another_input(runtime: WorkflowRuntime, workflows: DaprWorkflowClient) -> None:
    @runtime.workflow
    def main(ctx: Context) -> Workflow:
        return (yield ctx.call_activity(echo, input="first"))

    runtime.register_activity(echo)
    runtime.start()
    id = workflows.schedule_new_workflow(main)
    finished(workflows, id)
    event = next(one for one in workflows.get_workflow_history(id) if one.is_rerunnable)
    assert (event.name, event.event_id) == ("echo", 1)
    again = workflows.rerun_workflow_from_event(id, event.event_id, new_instance_id="again", input=None)
    same = workflows.rerun_workflow_from_event(id, event.event_id)
    assert [finished(workflows, one).serialized_output for one in (again, same)] == [None, '"first"']
    assert again == "again"


def test_a_start_may_be_later(runtime: WorkflowRuntime, workflows: DaprWorkflowClient, clock: VirtualClock) -> None:
    runtime.register_workflow(waiting)
    runtime.start()
    at = clock.time + timedelta(days=3)
    id = workflows.schedule_new_workflow(waiting, input="go", start_at=at)
    pending = workflows.get_workflow_state(id)
    assert pending is not None
    assert pending.runtime_status is WorkflowStatus.PENDING


def test_waits_end_in_time(runtime: WorkflowRuntime, workflows: DaprWorkflowClient) -> None:
    runtime.register_workflow(waiting)
    runtime.start()
    id = workflows.schedule_new_workflow(waiting, input="go")
    with pytest.raises(TimeoutError, match="Timed-out waiting for the orchestration to complete"):
        workflows.wait_for_workflow_completion(id, timeout_in_seconds=0.05)
    with pytest.raises(TimeoutError, match="Timed-out waiting for the orchestration to start"):
        workflows.wait_for_workflow_start("nobody", timeout_in_seconds=0.05)


def test_errors_of_the_sidecar_are_told(runtime: WorkflowRuntime, workflows: DaprWorkflowClient) -> None:
    runtime.start()
    assert workflows.get_workflow_state("nobody") is None
    with pytest.raises(DaprGrpcError, match="no such instance exists"):
        workflows.raise_workflow_event("nobody", "event")
    with pytest.raises(DaprGrpcError) as caught:
        workflows.get_workflow_history("nobody")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    workflows.close()
    with pytest.raises(DaprInternalError, match="closed"):
        workflows.get_workflow_state("nobody")


async def test_the_async_client_does_the_same(runtime: WorkflowRuntime) -> None:
    runtime.register_workflow(waiting)
    await asyncio.to_thread(runtime.start)
    async with AsyncDaprWorkflowClient() as client:
        id = await client.schedule_new_workflow(waiting, input="go")
        assert await client.wait_for_workflow_start(id) is not None
        with pytest.raises(TimeoutError):
            await client.wait_for_workflow_completion(id, timeout_in_seconds=0.05)
        await client.pause_workflow(id)
        await client.resume_workflow(id)
        await client.raise_workflow_event(id, "go", data=0)
        state = await client.wait_for_workflow_completion(id, timeout_in_seconds=SECONDS)
        assert state is not None
        assert state.serialized_output == "0"
        assert [one async for one in client.iter_workflow_instance_ids()] == [id]
        assert await client.purge_workflow(id) == 1
        assert await client.get_workflow_state(id) is None


# --- the methods of DaprClient ---


def test_daprclient_manages_instances(runtime: WorkflowRuntime) -> None:
    runtime.register_workflow(waiting)
    runtime.start()
    with DaprClient() as dapr:
        started = dapr.start_workflow("dapr", "waiting", input="go")
        id = started.instance_id
        with DaprWorkflowClient() as client:
            client.wait_for_workflow_start(id, timeout_in_seconds=SECONDS)
            dapr.pause_workflow(id, "dapr")
            wait_for_event(client, id, "executionSuspended")
            found = dapr.get_workflow(id, "dapr")
            assert (found.runtime_status, found.workflow_name, found.instance_id) == ("Suspended", "waiting", id)
            assert found.properties["dapr.workflow.input"] == '"go"'
            assert found.created_at.ToDatetime() <= found.last_updated_at.ToDatetime()
            dapr.resume_workflow(id, "dapr")
            dapr.raise_workflow_event(id, "dapr", "go", event_data=False)
            finished(client, id)
        assert dapr.get_workflow(id, "dapr").properties["dapr.workflow.output"] == "false"
        assert isinstance(dapr.purge_workflow(id, "dapr").headers, dict)
        with pytest.raises(DaprInternalError) as caught:
            dapr.get_workflow(id, "dapr")
        assert "no such instance exists" in (caught.value._message or "")


async def test_the_async_daprclient_does_the_same(runtime: WorkflowRuntime) -> None:
    runtime.register_workflow(waiting)
    await asyncio.to_thread(runtime.start)
    async with AsyncDaprClient() as dapr, AsyncDaprWorkflowClient() as client:
        id = (await dapr.start_workflow("dapr", "waiting", b'"go"', "mine", send_raw_bytes=True)).instance_id
        await client.wait_for_workflow_start(id, timeout_in_seconds=SECONDS)
        await dapr.terminate_workflow(id, "dapr")
        await client.wait_for_workflow_completion(id, timeout_in_seconds=SECONDS)
        assert (await dapr.get_workflow(id, "dapr")).runtime_status == WorkflowRuntimeStatus.TERMINATED.value


def test_daprclient_tells_what_is_wrong(runtime: WorkflowRuntime) -> None:
    runtime.start()
    with DaprClient() as dapr:
        with pytest.raises(DaprInternalError, match="start_workflow: input data must be JSON serializable"):
            dapr.start_workflow("dapr", "waiting", input=object())
        with pytest.raises(ValueError, match="workflow_name name cannot be empty or blank"):
            dapr.start_workflow("dapr", " ")
        with pytest.raises(ValueError, match="instance_id name cannot be empty or blank"):
            dapr.get_workflow("", "dapr")
        with pytest.raises(DaprInternalError, match="unable to find workflow"):
            dapr.terminate_workflow("nobody", "dapr")
