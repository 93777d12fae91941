"""The actors API over gRPC (dapr pkg/api/grpc/actors.go, pkg/api/universal/actors.go), and actors that are hosted over
a stream of it (pkg/actors/internal/app/grpc).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from google.protobuf import any_pb2, empty_pb2, wrappers_pb2
from google.protobuf.duration_pb2 import Duration

from dapr_client.wire import actors_pb2 as pb
from dapr_client.wire import common_pb2
from fakesidecar import golang
from fakesidecar.components.state import Delete, Operation, Upsert
from fakesidecar.core import Core
from fakesidecar.core.actors.config import DRAIN_SECONDS, IDLE_SECONDS, STACK_DEPTH, TypeConfig, Types
from fakesidecar.core.actors.hosts import CANCELLED, ActorCall, ActorReply, ActorTimer, Host, HostFailed, Reminder
from fakesidecar.core.actors.names import fault_in_method, fault_in_name
from fakesidecar.core.actors.reminders import shown_ttl
from fakesidecar.errors import (
    ActorBadName,
    ActorBadRequest,
    ActorHostOverGrpcOnly,
    ActorHostUnknown,
    PlainError,
    StateOperationNotSupported,
)
from fakesidecar.grpcapi.registry import Context, Stream, serves
from fakesidecar.later import fail, settle, then
from fakesidecar.scheduler import DROP, FailurePolicy


@serves("InvokeActor", call="actors.invoke", component="actor_type", target="actor_id")
def invoke_actor(core: Core, request: pb.InvokeActorRequest, context: Context) -> Future[pb.InvokeActorResponse]:
    faults = {
        "invalid actorType": fault_in_name(request.actor_type),
        "invalid actorId": fault_in_name(request.actor_id),
        "invalid actor method": fault_in_method(request.method),
    }
    for what, fault in faults.items():
        if fault:
            raise ActorBadName(cause=f"{what}: {fault}")
    core.actors.check()
    headers = (*request.metadata.items(), ("Dapr-API-Call", "true"))
    trace = core.tracer.headers(context.span)
    call = ActorCall(
        request.actor_type, request.actor_id, request.method, request.data, headers, trace=trace, from_grpc=True
    )
    return then(core.actors.ask(call), lambda reply: pb.InvokeActorResponse(data=reply.data))


# --- state ---------------------------------------------------------------------------------------


@serves("GetActorState", call="actors.get_state", component="actor_type", target="actor_id")
def get_actor_state(core: Core, request: pb.GetActorStateRequest, context: Context) -> pb.GetActorStateResponse:
    item = core.actors.get_state(request.actor_type, request.actor_id, request.key)
    if item is None:
        return pb.GetActorStateResponse()
    return pb.GetActorStateResponse(data=item.data, metadata=item.metadata)


@serves("ExecuteActorStateTransaction", call="actors.transact", component="actor_type", target="actor_id")
def execute_actor_state_transaction(
    core: Core, request: pb.ExecuteActorStateTransactionRequest, context: Context
) -> empty_pb2.Empty:
    core.actors.check(request.actor_type)
    operations = [_operation(operation) for operation in request.operations]
    core.actors.transact(request.actor_type, request.actor_id, lambda: operations)
    return empty_pb2.Empty()


def _operation(operation: pb.TransactionalActorStateOperation) -> Operation:
    if operation.operationType == "upsert":
        return Upsert(operation.key, operation.value.value, metadata=dict(operation.metadata))
    if operation.operationType == "delete":
        return Delete(operation.key, metadata=dict(operation.metadata))
    raise StateOperationNotSupported(operation=operation.operationType)


# --- reminders and timers ------------------------------------------------------------------------


@serves("RegisterActorReminder", call="actors.create_reminder", component="actor_type", target="actor_id")
def register_actor_reminder(core: Core, request: pb.RegisterActorReminderRequest, context: Context) -> empty_pb2.Empty:
    core.actors.check(request.actor_type)
    if not request.name:
        raise ActorBadRequest(cause="reminder name cannot be empty")
    _check_name(request.name)
    reminder = Reminder(
        request.actor_type,
        request.actor_id,
        request.name,
        request.due_time,
        request.period,
        request.ttl,
        _json(request.data),
    )
    overwrite = request.overwrite if request.HasField("overwrite") else True
    core.actors.create_reminder(reminder, overwrite=overwrite, policy=_policy(request.failure_policy))
    return empty_pb2.Empty()


def _policy(policy: common_pb2.JobFailurePolicy) -> FailurePolicy:
    match policy.WhichOneof("policy"):
        case "drop":
            return DROP
        case "constant":
            constant = policy.constant
            most = constant.max_retries if constant.HasField("max_retries") else None
            return FailurePolicy(_seconds(constant.interval), most)
    return FailurePolicy()


@serves("UnregisterActorReminder", call="actors.delete_reminder", component="actor_type", target="actor_id")
def unregister_actor_reminder(
    core: Core, request: pb.UnregisterActorReminderRequest, context: Context
) -> empty_pb2.Empty:
    core.actors.delete_reminder(request.actor_type, request.actor_id, request.name)
    return empty_pb2.Empty()


@serves("UnregisterActorRemindersByType", call="actors.delete_reminders", component="actor_type", target="actor_id")
def unregister_actor_reminders_by_type(
    core: Core, request: pb.UnregisterActorRemindersByTypeRequest, context: Context
) -> pb.UnregisterActorRemindersByTypeResponse:
    core.actors.delete_reminders(request.actor_type, request.actor_id)
    return pb.UnregisterActorRemindersByTypeResponse()


@serves("GetActorReminder", call="actors.get_reminder", component="actor_type", target="actor_id")
def get_actor_reminder(
    core: Core, request: pb.GetActorReminderRequest, context: Context
) -> pb.GetActorReminderResponse:
    found = core.actors.get_reminder(request.actor_type, request.actor_id, request.name)
    return pb.GetActorReminderResponse(**_fields(found))


@serves("ListActorReminders", call="actors.list_reminders", component="actor_type", target="actor_id")
def list_actor_reminders(
    core: Core, request: pb.ListActorRemindersRequest, context: Context
) -> pb.ListActorRemindersResponse:
    found = core.actors.list_reminders(request.actor_type, request.actor_id)
    named = [pb.NamedActorReminder(name=one.name, reminder=pb.ActorReminder(**_fields(one))) for one in found]
    return pb.ListActorRemindersResponse(reminders=named)


def _fields(reminder: Reminder) -> dict[str, Any]:
    return {
        "actor_type": reminder.type,
        "actor_id": reminder.id,
        "due_time": reminder.due_time or None,
        "period": reminder.period or None,
        "ttl": shown_ttl(reminder) or None,
        "data": _packed(reminder.data),
    }


@serves("RegisterActorTimer", call="actors.create_timer", component="actor_type", target="actor_id")
def register_actor_timer(core: Core, request: pb.RegisterActorTimerRequest, context: Context) -> empty_pb2.Empty:
    core.actors.check(request.actor_type)
    _check_name(request.name)
    timer = ActorTimer(
        request.actor_type,
        request.actor_id,
        request.name,
        request.due_time,
        request.period,
        request.ttl,
        request.callback,
        _json(request.data),
    )
    core.actors.create_timer(timer)
    return empty_pb2.Empty()


@serves("UnregisterActorTimer", call="actors.delete_timer", component="actor_type", target="actor_id")
def unregister_actor_timer(core: Core, request: pb.UnregisterActorTimerRequest, context: Context) -> empty_pb2.Empty:
    core.actors.delete_timer(request.actor_type, request.actor_id, request.name)
    return empty_pb2.Empty()


def _check_name(name: str) -> None:
    if fault := fault_in_name(name):
        raise ActorBadRequest(cause=fault)


def _json(data: bytes) -> bytes | None:
    """Bytes as the JSON that Go makes of them."""
    return golang.marshal(data) if data else None


def _packed(data: bytes | None) -> any_pb2.Any | None:
    if data is None:
        return None
    packed = any_pb2.Any()
    packed.Pack(wrappers_pb2.BytesValue(value=data))
    return packed


def _seconds(duration: Duration) -> float:
    return duration.seconds + duration.nanos / 1e9


# --- actors that live at the other end of a stream -----------------------------------------------


@serves("SubscribeActorEventsAlpha1", call="actors.host")
def subscribe_actor_events(core: Core, stream: Stream) -> None:
    if core.app is not None and not core.app.is_grpc:
        raise ActorHostOverGrpcOnly
    host = StreamHost(core, stream)

    def introduce(message: pb.SubscribeActorEventsRequestAlpha1) -> None:
        if message.WhichOneof("request_type") != "initial_request":
            raise ActorHostUnknown
        stream.on_message = host.receive
        stream.send(
            pb.SubscribeActorEventsResponseAlpha1(initial_response=pb.SubscribeActorEventsResponseInitialAlpha1())
        )
        core.actors.register(host, types_of(message.initial_request))
        stream.on_half_close = stream.finish

    stream.on_message = introduce
    stream.on_half_close = lambda: stream.finish(PlainError(message="EOF"))
    stream.on_close = host.leave


def types_of(initial: pb.SubscribeActorEventsRequestInitialAlpha1) -> Types:
    """The types that a host says it has."""
    common = _config(initial)
    own = {name: _config(entry) for entry in initial.entities_config for name in entry.entities}
    return {name: own.get(name, common) for name in initial.entities}


def _config(said: pb.SubscribeActorEventsRequestInitialAlpha1 | pb.ActorEntityConfig) -> TypeConfig:
    reentrancy = said.reentrancy
    depth = reentrancy.max_stack_depth if reentrancy.HasField("max_stack_depth") else STACK_DEPTH
    drain = _seconds(said.drain_ongoing_call_timeout) if said.HasField("drain_ongoing_call_timeout") else DRAIN_SECONDS
    drains = said.drain_rebalanced_actors or not said.HasField("drain_rebalanced_actors")
    return TypeConfig(
        _seconds(said.actor_idle_timeout) if said.HasField("actor_idle_timeout") else IDLE_SECONDS,
        drain if drains else 0.0,
        depth if reentrancy.enabled else None,
    )


NOT_FOUND = 5
Receive = Callable[[str, Any], Any]
"""What an answer of a kind comes to; raises `HostFailed`."""


class StreamHost(Host):
    """Whoever opened a stream: requests go down, answers come up, and name the request that they are for."""

    def __init__(self, core: Core, stream: Stream) -> None:
        self._core = core
        self._stream = stream
        self._ids = itertools.count(1)
        self._waiting: dict[str, tuple[Future[Any], Receive]] = {}

    def invoke(self, call: ActorCall) -> Future[ActorReply]:
        def receive(kind: str, answer: Any) -> ActorReply:
            if kind == "request_failed":
                if answer.code == NOT_FOUND:
                    raise HostFailed(f"actor method not found: {call.method}")
                raise HostFailed(f"error from actor service: {answer.message}")
            if kind != "invoke_response":
                raise HostFailed("actor host returned an unexpected response type for invoke")
            polite = [("x-daprerrorresponseheader", "true")] if answer.error else []
            return ActorReply(answer.data, [*answer.metadata.items(), *polite])

        metadata = dict(call.headers)
        return self._ask(
            receive,
            invoke_request=pb.SubscribeActorEventsResponseInvokeRequestAlpha1(
                actor_type=call.type, actor_id=call.id, method=call.method, data=call.data, metadata=metadata
            ),
        )

    def remind(self, reminder: Reminder) -> Future[None]:
        return self._ask(
            _expect("reminder_response"),
            reminder_request=pb.SubscribeActorEventsResponseReminderRequestAlpha1(
                actor_type=reminder.type, actor_id=reminder.id, name=reminder.name, data=_packed(reminder.data)
            ),
        )

    def tick(self, timer: ActorTimer) -> Future[None]:
        return self._ask(
            _expect("timer_response"),
            timer_request=pb.SubscribeActorEventsResponseTimerRequestAlpha1(
                actor_type=timer.type,
                actor_id=timer.id,
                name=timer.name,
                due_time=timer.due_time,
                period=timer.period,
                callback=timer.callback,
                data=_packed(timer.data),
            ),
        )

    def deactivate(self, type: str, id: str) -> Future[None]:
        return self._ask(
            _expect("deactivate_response"),
            deactivate_request=pb.SubscribeActorEventsResponseDeactivateRequestAlpha1(actor_type=type, actor_id=id),
        )

    def _ask(self, receive: Receive, **request: Any) -> Future[Any]:
        future: Future[Any] = Future()
        id = str(next(self._ids))
        (message,) = request.values()
        message.id = id
        self._core.clock.begin()
        future.add_done_callback(lambda done: self._core.clock.end())
        self._waiting[id] = future, receive
        self._stream.send(pb.SubscribeActorEventsResponseAlpha1(**request))
        return future

    def receive(self, message: pb.SubscribeActorEventsRequestAlpha1) -> None:
        """An answer; one that nobody waits for is passed over."""
        kind = message.WhichOneof("request_type")
        answer = getattr(message, kind) if kind else None
        found = self._waiting.pop(getattr(answer, "id", ""), None)
        if kind is None or found is None:
            return
        future, receive = found
        try:
            settle(future, receive(kind, answer))
        except HostFailed as error:
            fail(future, error)

    def leave(self) -> None:
        """The stream is over: its actors are gone, and what they were asked fails."""
        self._core.actors.unregister(self)
        while self._waiting:
            _, (future, _) = self._waiting.popitem()
            fail(future, HostFailed(CANCELLED))


def _expect(wanted: str) -> Receive:
    def receive(kind: str, answer: Any) -> None:
        if kind == "request_failed":
            raise HostFailed(f"error from actor service: {answer.message}")
        if kind != wanted:
            raise HostFailed(f"actor host returned an unexpected response type for {wanted.partition('_')[0]}")

    return receive
