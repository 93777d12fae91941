"""Does the work that a sidecar has: turns of workflows, and activities."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty

from dapr_client import _clock
from dapr_client._transport.sync import Stream, Transport
from dapr_client.errors import DaprError, DaprGrpcError
from dapr_client.wire import history_events_pb2, orchestration_pb2
from dapr_client.wire import orchestrator_service_pb2 as pb
from dapr_client.workflow import _payload
from dapr_client.workflow._context import ActivityContext, WorkflowActivityContext
from dapr_client.workflow._executions import Executions, HistoryMissing
from dapr_client.workflow._logging import logger
from dapr_client.workflow._propagation import PropagatedHistory
from dapr_client.workflow._registry import Callee, Registry
from dapr_client.workflow._replay import FAILED, Action, Answer, details_of
from dapr_client.workflow._tasks import NonRetryableError
from dapr_client.workflow._threads import Gate, Loop, Outbox, Pool
from dapr_client.workflow._wiring import hub_path

Wait = Callable[[threading.Event, float], bool]
"""Waits until an event is set, but not longer than so many seconds; whether it is set."""

Details = orchestration_pb2.TaskFailureDetails
Outcome = str | Details | None
"""What an activity has come to: a payload, or a failure."""

Response = pb.WorkflowResponse | pb.ActivityResponse
"""What is handed in."""

HELLO_SECONDS = 30.0
"""How long the sidecar may take to say hello, and how often it is asked."""

SEND_SECONDS = 30.0
"""How long it may take to hand in a result."""

MOST_SENT = 64
"""How many results may be on their way at once: gRPC servers in Python turn calls away when a thousand wait."""

STOP_SECONDS = 5.0
"""How long work may go on that is under way when the worker stops."""

JOIN_SECONDS = 2.0
"""How much longer than that the end may take."""

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 16.0
"""Between two tries to connect."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is done at once."""

    activities: int
    turns: int
    threads: int


class Worker:
    """Connects to a sidecar, again and again, and does what it is sent."""

    def __init__(
        self,
        connect: Callable[[], Transport],
        registry: Registry,
        executions: Executions,
        limits: Limits,
        *,
        deltas: bool = True,
        wait: Wait = _clock.wait,
    ) -> None:
        self._connect, self._registry, self._executions, self._wait = connect, registry, executions, wait
        self._capabilities = [pb.WORKER_CAPABILITY_HEALTH_PING]
        if deltas:
            self._capabilities.append(pb.WORKER_CAPABILITY_STATEFUL_HISTORY)
        turns, activities = (min(most, limits.threads) for most in (limits.turns, limits.activities))
        self._pool = Pool("dapr workflow work", turns + activities + 1)  # one waits for the stream
        self._turns, self._activities = Gate(turns, self._pool), Gate(activities, self._pool)
        """What threads are busy with: neither kind of work takes those of the other."""
        self._results = Outbox(MOST_SENT)
        self._loop = Loop("dapr workflow async activities")
        self._all_activities = Gate(limits.activities, self._pool)
        """Async ones too."""
        self._ready, self._stopping = threading.Event(), threading.Event()
        self._worked = False
        """The connection has brought work."""
        self._transport: Transport | None = None
        self._stream: Stream[pb.WorkItem] | None = None
        self._end: Future[None] = Future()
        """The end of the stream."""
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._serve, name="dapr workflow worker", daemon=True),
            threading.Thread(target=self._keep_alive, name="dapr workflow hello", daemon=True),
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def ready(self, seconds: float) -> bool:
        """Whether the sidecar sends work, within that time."""
        return self._ready.wait(seconds)

    def stop(self) -> None:
        """Take no more work, hand in what is under way, and end."""
        self._stopping.set()
        self._hang_up()
        for thread in self._threads:
            thread.join(STOP_SECONDS + JOIN_SECONDS)

    # --- the connection ---

    def _serve(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            begin = _clock.monotonic()
            self._worked = False
            try:
                self._listen()
                logger.info("the sidecar ended the stream of workflow items")
            except DaprError as error:
                if not self._stopping.is_set():
                    logger.warning("no connection to the sidecar's workflows: %s", error)
            except Exception:
                logger.exception("the workflow worker failed")
            self._ready.clear()
            if self._stopping.is_set():
                break
            self._disconnect()
            lasted = self._worked or _clock.monotonic() - begin > LONGEST_PAUSE
            failures = 0 if lasted else failures + 1
            self._wait(self._stopping, min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures, 10)))
        self._drain()
        self._disconnect()

    def _listen(self) -> None:
        """Take work until the stream ends."""
        transport = self._connect()
        with self._lock:
            self._transport = transport
            if self._stopping.is_set():
                return
        transport.unary(hub_path("Hello"), Empty(), Empty, None, HELLO_SECONDS)
        request = pb.GetWorkItemsRequest(capabilities=self._capabilities)
        with self._lock:
            if self._stopping.is_set():
                return
            stream = self._stream = transport.server_stream(hub_path("GetWorkItems"), request, pb.WorkItem)
            end = self._end = Future()
        self._pool.submit(self._take, stream, transport, end)
        self._ready.set()
        end.result()

    def _take(self, stream: Stream[pb.WorkItem], via: Transport, end: Future[None]) -> None:
        """Take the next work, and do it: here, so that what comes one after the other does not change threads.

        To take what follows is a job of its own, for another thread when this work takes long.
        """
        try:
            item = next(stream)
        except StopIteration:
            _settle(end)
        except BaseException as error:
            _settle(end, error)
        else:
            self._worked = True
            self._pool.submit(self._take, stream, via, end)
            self._begin(item, via)

    def _hang_up(self) -> None:
        """End the stream, or the try to open one; the connection is made anew, or not any more."""
        with self._lock:
            if self._stream is not None:
                self._stream.close()
                _settle(self._end)
            elif self._transport is not None:
                self._transport.close()

    def _drain(self) -> None:
        """Let what is under way come to its end, for a while."""
        deadline = _clock.monotonic() + STOP_SECONDS
        for gate in (self._all_activities, self._activities, self._turns):
            gate.clear()
        ends = [part.close(deadline - _clock.monotonic()) for part in (self._loop, self._pool)]
        ends.append(self._results.wait(deadline - _clock.monotonic()))
        if not all(ends):
            logger.warning("some activities are still under way: the sidecar hands them out again")
        self._executions.clear()

    def _disconnect(self) -> None:
        """Close the connection."""
        with self._lock:
            transport, self._transport, self._stream = self._transport, None, None
        if transport is not None:
            transport.close()

    def _keep_alive(self) -> None:
        """Say hello now and then: proxies keep the connection, and one that is dead is noticed."""
        while not self._stopping.wait(HELLO_SECONDS):
            transport = self._transport
            if transport is None or not self._ready.is_set():
                continue
            try:
                transport.unary(hub_path("Hello"), Empty(), Empty, None, HELLO_SECONDS)
            except DaprError as error:
                logger.warning("the sidecar does not answer: %s", error)
                self._hang_up()

    # --- work ---

    def _begin(self, item: pb.WorkItem, via: Transport) -> None:
        kind = item.WhichOneof("request")
        if kind == "workflowRequest":
            self._turns.do(self._turn, item.workflowRequest, item.completionToken, via)
        elif kind == "activityRequest":
            self._begin_activity(item.activityRequest, item.completionToken, via)

    def _turn(self, request: pb.WorkflowRequest, token: str, via: Transport) -> None:
        try:
            answer = self._executions.turn(request, self._history)
        except (DaprError, HistoryMissing) as error:
            # Without an answer the sidecar would wait for it: a new stream makes it send the turn again.
            logger.warning("a turn of workflow %s cannot be done: %s", request.instanceId, error)
            self._hang_up()
            return
        response = _response(request.instanceId, token, answer)
        self._results.put(self._send, "CompleteWorkflowTask", response, via)

    def _history(self, instance_id: str) -> Sequence[history_events_pb2.HistoryEvent]:
        transport = self._transport
        if transport is None:
            raise DaprError("there is no connection to the sidecar")
        request = pb.GetInstanceHistoryRequest(instanceId=instance_id)
        path = hub_path("GetInstanceHistory")
        answer, _ = transport.unary(path, request, pb.GetInstanceHistoryResponse, None, SEND_SECONDS)
        return answer.events

    def _begin_activity(self, request: pb.ActivityRequest, token: str, via: Transport) -> None:
        try:
            callee = self._registry.activity(request.name)
        except ValueError as error:
            self._hand_in(request, token, via, details_of(error))
            return
        if inspect.iscoroutinefunction(callee.function):
            self._all_activities.enter(self._begin_async, callee, request, token, via)
        else:
            self._all_activities.do(self._activities.do, self._run, callee, request, token, via)

    def _begin_async(self, callee: Callee, request: pb.ActivityRequest, token: str, via: Transport) -> None:
        self._loop.submit(self._run_async(callee, request, token, via))

    def _run(self, callee: Callee, request: pb.ActivityRequest, token: str, via: Transport) -> None:
        try:
            result = _payload.dump_optional(callee.function(*_arguments(callee, request)))
        except BaseException as failure:
            self._hand_in(request, token, via, _details(callee, failure))
        else:
            self._hand_in(request, token, via, result)

    async def _run_async(self, callee: Callee, request: pb.ActivityRequest, token: str, via: Transport) -> None:
        try:
            try:
                result = _payload.dump_optional(await callee.function(*_arguments(callee, request)))
            except BaseException as failure:
                if isinstance(failure, asyncio.CancelledError) and self._stopping.is_set():
                    raise
                self._hand_in(request, token, via, _details(callee, failure))
            else:
                self._hand_in(request, token, via, result)
        finally:
            self._all_activities.leave()

    def _hand_in(self, request: pb.ActivityRequest, token: str, via: Transport, outcome: Outcome) -> None:
        response = pb.ActivityResponse(
            instanceId=request.workflowInstance.instanceId, taskId=request.taskId, completionToken=token
        )
        if isinstance(outcome, Details):
            response.failureDetails.CopyFrom(outcome)
        elif outcome is not None:
            response.result.value = outcome
        self._results.put(self._send, "CompleteActivityTask", response, via)

    def _send(self, name: str, response: Response, via: Transport) -> None:
        """Hand in a result, and do not wait for how that goes.

        It goes the way that the work came: when that connection has ended the sidecar has others do the work again, and
        might take a late result for the next one's, if it gives no tokens.
        """

        def sent(error: DaprError | None) -> None:
            try:
                if error is not None:
                    self._not_sent(response, error)
                    small = _too_large(response, error)
                    if small is not None:
                        self._results.put(self._send, name, small, via)
            finally:
                self._results.answered()

        try:
            if via is not self._transport:
                raise DaprError("the connection that it was asked for by has ended")
            via.send(hub_path(name), response, pb.CompleteTaskResponse, SEND_SECONDS, sent)
        except DaprError as error:
            sent(error)

    def _not_sent(self, response: Response, error: DaprError) -> None:
        logger.warning("a result of workflow %s was not handed in: %s", response.instanceId, error)
        if isinstance(response, pb.WorkflowResponse):
            self._executions.forget(response.instanceId)


def _arguments(callee: Callee, request: pb.ActivityRequest) -> tuple[Any, ...]:
    context = ActivityContext(
        request.workflowInstance.instanceId,
        request.taskId,
        request.taskExecutionId,
        PropagatedHistory.from_proto(request.propagatedHistory),
    )
    given = request.input.value if request.HasField("input") else None
    return WorkflowActivityContext(context), *callee.arguments(given)


def _details(callee: Callee, failure: BaseException) -> Details:
    logger.info("activity %s failed: %r", callee.name, failure)
    details = details_of(failure)
    details.isNonRetriable = isinstance(failure, NonRetryableError)
    return details


def _response(instance_id: str, token: str, answer: Answer) -> pb.WorkflowResponse:
    response = pb.WorkflowResponse(instanceId=instance_id, completionToken=token)
    response.actions.extend(answer.actions)
    if answer.custom_status is not None:
        response.customStatus.value = answer.custom_status
    if answer.version is not None or answer.patches:
        response.version.CopyFrom(orchestration_pb2.WorkflowVersion(name=answer.version, patches=answer.patches))
    return response


def _too_large(response: Response, error: DaprError) -> Response | None:
    """What to hand in instead of a result that is too large; None if it was not, or if it is that already."""
    if not isinstance(error, DaprGrpcError) or error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
        return None
    if isinstance(response, pb.ActivityResponse):
        if response.HasField("failureDetails"):
            return None
        return pb.ActivityResponse(
            instanceId=response.instanceId,
            taskId=response.taskId,
            completionToken=response.completionToken,
            failureDetails=details_of(error),
        )
    if any(action.completeWorkflow.workflowStatus == FAILED for action in response.actions):
        return None
    failed = Action(id=max((action.id for action in response.actions), default=0))
    failed.completeWorkflow.workflowStatus = FAILED
    failed.completeWorkflow.failureDetails.CopyFrom(details_of(error))
    return pb.WorkflowResponse(
        instanceId=response.instanceId, completionToken=response.completionToken, actions=[failed]
    )


def _settle(end: Future[None], error: BaseException | None = None) -> None:
    """End a future, unless it has ended."""
    with suppress(InvalidStateError):
        if error is None:
            end.set_result(None)
        else:
            end.set_exception(error)
