"""What a worker says to a sidecar, word for word: for what no sidecar can be brought to do."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from dapr_client._async import workflow_client
from dapr_client._sync import workflow_client as sync_workflow_client
from dapr_client._transport import serialize
from dapr_client.wire import orchestration_pb2
from dapr_client.wire import orchestrator_service_pb2 as pb
from dapr_client.workflow import DaprWorkflowClient, WorkflowRuntime, _worker
from dapr_client.workflow._replay import Answer
from dapr_client.workflow.aio import DaprWorkflowClient as AsyncDaprWorkflowClient
from tests.dapr_client.scripted import Fails, served
from tests.dapr_client.workflow.histories import completed, scheduled, started, turn, words

SECONDS = 20


class Hub:
    """The workflow part of a sidecar, as a test plays it."""

    def __init__(self) -> None:
        self.port = 0
        self.items: queue.Queue[pb.WorkItem | None] = queue.Queue()
        """What the next stream sends; None ends it."""
        self.streams: list[pb.GetWorkItemsRequest] = []
        self.turns: queue.Queue[pb.WorkflowResponse] = queue.Queue()
        self.activities: queue.Queue[pb.ActivityResponse] = queue.Queue()
        self.history: list[Any] = []
        self.asked: list[str] = []
        self.hello: Callable[[], None] = lambda: None
        self.refuse: grpc.StatusCode | None = None

    def handlers(self) -> Any:
        unary: dict[str, tuple[Any, Any]] = {
            "Hello": (self._hello, Empty),
            "CompleteWorkflowTask": (self._turn, pb.WorkflowResponse),
            "CompleteActivityTask": (self._activity, pb.ActivityResponse),
            "GetInstanceHistory": (self._history, pb.GetInstanceHistoryRequest),
        }
        methods: dict[str, Any] = {
            name: grpc.unary_unary_rpc_method_handler(handler, kind.FromString, serialize)
            for name, (handler, kind) in unary.items()
        }
        methods["GetWorkItems"] = grpc.unary_stream_rpc_method_handler(
            self._work, pb.GetWorkItemsRequest.FromString, serialize
        )
        return grpc.method_handlers_generic_handler("TaskHubSidecarService", methods)

    def _hello(self, request: Any, context: Any) -> Empty:
        self.hello()
        return Empty()

    def _turn(self, request: pb.WorkflowResponse, context: Any) -> pb.CompleteTaskResponse:
        refuse, self.refuse = self.refuse, None
        self.turns.put(request)
        if refuse is not None:
            context.abort(refuse, "told to")
        return pb.CompleteTaskResponse()

    def _activity(self, request: pb.ActivityResponse, context: Any) -> pb.CompleteTaskResponse:
        self.activities.put(request)
        return pb.CompleteTaskResponse()

    def _history(self, request: pb.GetInstanceHistoryRequest, context: Any) -> pb.GetInstanceHistoryResponse:
        self.asked.append(request.instanceId)
        return pb.GetInstanceHistoryResponse(events=self.history)

    def _work(self, request: pb.GetWorkItemsRequest, context: Any) -> Iterator[pb.WorkItem]:
        self.streams.append(request)
        while context.is_active():
            try:
                item = self.items.get(timeout=0.02)
            except queue.Empty:
                continue
            if self.streams[-1] is not request:
                self.items.put(item)  # for the stream that has come after this one
                return
            if item is None:
                return
            yield item

    def send(self, token: str, *new: Any, past: Sequence[Any] = (), cached: int = 0) -> None:
        """Send a turn of instance `i`."""
        request = pb.WorkflowRequest(instanceId="i", pastEvents=past, newEvents=new)
        if cached:
            request.cachedHistory.eventCount = cached
        self.items.put(pb.WorkItem(workflowRequest=request, completionToken=token))

    def answer(self) -> pb.WorkflowResponse:
        return self.turns.get(timeout=SECONDS)


@contextmanager
def running() -> Iterator[Hub]:
    hub = Hub()
    server = grpc.server(ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((hub.handlers(),))
    hub.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield hub
    finally:
        server.stop(None).wait()


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running() as made:
        yield made


def main(ctx: Any) -> Any:
    first = yield ctx.call_activity("double", input=1)
    second = yield ctx.call_activity("double", input=first)
    return second


@pytest.fixture
def runtime(hub: Hub) -> Iterator[WorkflowRuntime]:
    made = WorkflowRuntime("127.0.0.1", hub.port, wait=lambda stopping, seconds: stopping.wait(0.01))
    made.register_workflow(main, name="wf")
    made.register_activity(lambda ctx, number: 2 * number, name="double")
    with made:
        yield made


FIRST = [turn(1), started()]
SECOND = [*FIRST, scheduled(1, "double")]
THIRD = [*SECOND, turn(2), completed(1, "2"), scheduled(2, "double")]


def test_answers_carry_the_token_of_the_question(hub: Hub, runtime: WorkflowRuntime) -> None:
    hub.send("t1", *FIRST)
    answer = hub.answer()
    assert (answer.completionToken, answer.instanceId, answer.HasField("version")) == ("t1", "i", False)
    action = answer.actions[0].scheduleTask
    instance = orchestration_pb2.WorkflowInstance(instanceId="i")
    request = pb.ActivityRequest(name="double", input=action.input, workflowInstance=instance, taskId=1)
    hub.items.put(pb.WorkItem(activityRequest=request, completionToken="t2"))
    result = hub.activities.get(timeout=SECONDS)
    assert (result.completionToken, result.instanceId, result.taskId, result.result.value) == ("t2", "i", 1, "2")


def test_it_says_what_it_can(hub: Hub, runtime: WorkflowRuntime) -> None:
    hub.items.put(pb.WorkItem(healthPing=pb.HealthPing()))
    hub.items.put(pb.WorkItem())
    hub.send("", *FIRST)
    hub.answer()
    assert list(hub.streams[0].capabilities) == [
        pb.WORKER_CAPABILITY_HEALTH_PING,
        pb.WORKER_CAPABILITY_STATEFUL_HISTORY,
    ]


def test_a_turn_may_have_the_new_part_of_the_history_alone(hub: Hub, runtime: WorkflowRuntime) -> None:
    hub.send("1", *FIRST)
    hub.answer()
    hub.send("2", turn(2), completed(1, "2"), past=SECOND)
    assert words_of(hub.answer()) == ["2 double(2)"]
    hub.send("3", turn(3), completed(2, "4"), past=THIRD[3:], cached=3)
    assert words_of(hub.answer()) == ["3 COMPLETED 4"]
    assert hub.asked == []


def test_history_that_it_does_not_have_is_asked_for(hub: Hub, runtime: WorkflowRuntime) -> None:
    hub.history = THIRD
    hub.send("3", turn(3), completed(2, "4"), past=THIRD[3:], cached=3)
    assert words_of(hub.answer()) == ["3 COMPLETED 4"]
    assert hub.asked == ["i"]


def test_a_turn_that_cannot_be_done_is_asked_for_again(hub: Hub, runtime: WorkflowRuntime) -> None:
    hub.send("3", turn(3), completed(2, "4"), past=THIRD[3:], cached=3)
    until(lambda: len(hub.streams) == 2)
    hub.send("4", turn(3), completed(2, "4"), past=THIRD)
    assert words_of(hub.answer()) == ["3 COMPLETED 4"]


def test_another_history_of_the_same_instance_is_noticed(hub: Hub, runtime: WorkflowRuntime) -> None:
    hub.send("1", *FIRST)
    hub.answer()
    other = [turn(1), started(execution="e2"), scheduled(1, "double"), turn(2), completed(1, "7")]
    hub.send("2", turn(3), completed(2, "8"), past=[*other, scheduled(2, "double")])
    assert words_of(hub.answer()) == ["3 COMPLETED 8"]


def test_an_answer_that_nobody_took_is_given_again(hub: Hub, runtime: WorkflowRuntime) -> None:
    hub.refuse = grpc.StatusCode.UNAVAILABLE
    hub.send("1", *FIRST)
    hub.answer()
    hub.send("2", *FIRST)
    assert words_of(hub.answer()) == ["1 double(1)"]


def test_an_answer_that_is_too_large_becomes_a_failure(hub: Hub, runtime: WorkflowRuntime) -> None:
    hub.refuse = grpc.StatusCode.RESOURCE_EXHAUSTED
    hub.send("1", *FIRST)
    hub.answer()
    failed = hub.answer()
    assert (failed.completionToken, words_of(failed)) == ("1", ["1 FAILED DaprGrpcError: told to (RESOURCE_EXHAUSTED)"])


def test_a_stream_that_ends_is_opened_again(hub: Hub, runtime: WorkflowRuntime) -> None:
    for number in range(2, 4):
        hub.items.put(None)
        until(lambda number=number: len(hub.streams) == number)  # type: ignore[misc]  # a default binds it
    hub.send("1", *FIRST)
    assert words_of(hub.answer()) == ["1 double(1)"]


def test_what_was_asked_by_a_connection_that_has_ended_is_not_answered(hub: Hub, runtime: WorkflowRuntime) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(ctx: Any) -> str:
        begun.set()
        go_on.wait(SECONDS)
        return "late"

    runtime.register_activity(slow)
    instance = orchestration_pb2.WorkflowInstance(instanceId="i")
    hub.items.put(pb.WorkItem(activityRequest=pb.ActivityRequest(name="slow", workflowInstance=instance, taskId=1)))
    assert begun.wait(SECONDS)
    hub.items.put(None)
    until(lambda: len(hub.streams) == 2)
    go_on.set()
    hub.items.put(pb.WorkItem(activityRequest=pb.ActivityRequest(name="slow", workflowInstance=instance, taskId=2)))
    assert hub.activities.get(timeout=SECONDS).taskId == 2
    assert hub.activities.empty()


def test_a_connection_that_is_dead_is_noticed(monkeypatch: pytest.MonkeyPatch, hub: Hub) -> None:
    monkeypatch.setattr(_worker, "HELLO_SECONDS", 0.05)
    hung, hellos = threading.Event(), []

    def hello() -> None:
        hellos.append(1)
        if len(hellos) == 2:
            hung.wait(SECONDS)

    hub.hello = hello
    with WorkflowRuntime("127.0.0.1", hub.port, wait=lambda stopping, seconds: stopping.wait(0.01)):
        until(lambda: len(hub.streams) >= 2)
        hung.set()


def test_an_end_while_nothing_answers_is_prompt(hub: Hub) -> None:
    entered, hung = threading.Event(), threading.Event()

    def hello() -> None:
        entered.set()
        hung.wait(SECONDS)

    hub.hello = hello
    runtime = WorkflowRuntime("127.0.0.1", hub.port, worker_ready_timeout=0.2)
    with pytest.raises(RuntimeError, match="not ready"):
        runtime.start()
    hung.set()
    assert entered.is_set()
    assert [thread for thread in threading.enumerate() if thread.name.startswith("dapr workflow")] == []


def test_an_activity_that_does_not_end_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch, hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_worker, "STOP_SECONDS", 0.05)
    held, cancelled, begun = threading.Event(), threading.Event(), threading.Semaphore(0)
    runtime = WorkflowRuntime("127.0.0.1", hub.port)

    @runtime.activity
    def blocks(ctx: Any) -> None:
        begun.release()
        held.wait(SECONDS)

    @runtime.activity
    async def sleeps(ctx: Any) -> None:
        begun.release()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with caplog.at_level(logging.WARNING), runtime:
        for name in ("blocks", "sleeps"):
            hub.items.put(pb.WorkItem(activityRequest=pb.ActivityRequest(name=name)))
        for _ in range(2):
            assert begun.acquire(timeout=SECONDS)
    held.set()
    assert cancelled.is_set()
    assert "some activities are still under way" in caplog.text


def test_whatever_code_raises_is_handed_in(hub: Hub, runtime: WorkflowRuntime) -> None:
    @runtime.activity
    def exits(ctx: Any) -> None:
        raise SystemExit("why")

    @runtime.activity
    async def cancels(ctx: Any) -> None:
        raise asyncio.CancelledError("why")

    @runtime.workflow
    def quits(ctx: Any) -> Any:
        yield raises(SystemExit("why"))

    for name in ("exits", "cancels"):
        hub.items.put(pb.WorkItem(activityRequest=pb.ActivityRequest(name=name)))
    failures = {hub.activities.get(timeout=SECONDS).failureDetails.errorType for _ in range(2)}
    assert failures == {"SystemExit", "CancelledError"}
    hub.send("1", turn(1), started("quits"))
    assert words_of(hub.answer()) == ["1 FAILED SystemExit: why"]


def raises(error: BaseException) -> Any:
    raise error


def test_an_end_between_two_connections_leaves_no_thread() -> None:
    with running() as hub:
        paused = threading.Event()

        def wait(stopping: threading.Event, seconds: float) -> bool:
            paused.set()
            return stopping.wait(SECONDS)

        runtime = WorkflowRuntime("127.0.0.1", hub.port, wait=wait)
        runtime.register_workflow(main, name="wf")
        runtime.start()
        hub.send("1", *FIRST)
        hub.answer()
        hub.items.put(None)
        assert paused.wait(SECONDS)
        runtime.shutdown()
    assert [thread for thread in threading.enumerate() if thread.name.startswith("dapr workflow")] == []


# --- a client whose sidecar is not ready ---

STATE = pb.GetInstanceResponse(exists=True, workflowState=orchestration_pb2.WorkflowState(name="wf"))


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.FAILED_PRECONDITION])
def test_a_wait_goes_on_while_the_sidecar_starts(monkeypatch: pytest.MonkeyPatch, code: grpc.StatusCode) -> None:
    monkeypatch.setattr(sync_workflow_client, "PAUSE", 0.01)
    with (
        served(Fails(code), Fails(code), STATE.SerializeToString()) as script,
        DaprWorkflowClient("127.0.0.1", script.port) as client,
    ):
        state = client.wait_for_workflow_completion("i", timeout_in_seconds=SECONDS)
        assert state is not None
        assert state.name == "wf"
        assert len(script.calls) == 3


async def test_a_wait_of_the_async_client_ends_in_time_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow_client, "PAUSE", 0.2)
    with served(Fails(grpc.StatusCode.UNAVAILABLE), STATE.SerializeToString()) as script:
        async with AsyncDaprWorkflowClient("127.0.0.1", script.port) as client:
            with pytest.raises(TimeoutError, match="to start"):
                await client.wait_for_workflow_start("i", timeout_in_seconds=0.1)


def test_what_an_old_sidecar_does_not_have_is_told() -> None:
    told = r"GetInstanceHistory needs a Dapr runtime of 1\.17 or newer"
    with (
        served(Fails(grpc.StatusCode.UNIMPLEMENTED)) as script,
        DaprWorkflowClient("127.0.0.1", script.port) as client,
        pytest.raises(NotImplementedError, match=told),
    ):
        client.get_workflow_history("i")


def words_of(answer: pb.WorkflowResponse) -> list[str]:
    return words(Answer(answer.actions))


def until(done: Callable[[], bool]) -> None:
    waited = threading.Event()
    for _ in range(SECONDS * 100):
        if done():
            return
        waited.wait(0.01)
    raise AssertionError("it does not come to that")
