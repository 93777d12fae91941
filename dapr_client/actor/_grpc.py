"""Actors over gRPC: what they ask of the sidecar, and the stream over which it calls them."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Self

import grpc
from google.protobuf.wrappers_pb2 import BytesValue

from dapr_client import settings as _settings
from dapr_client._async.actors import Change, DaprActorClientBase, Stored
from dapr_client._async.health import wait_for_sidecar
from dapr_client._serializers import Serializer, from_duration
from dapr_client._transport import JOIN_SECONDS, Wiring, logger
from dapr_client._transport.aio import AsyncOutbox, AsyncStop, AsyncStream, AsyncTransport
from dapr_client.actor._actor import Actor
from dapr_client.actor._config import ActorReentrancyConfig, ActorRuntimeConfig, ActorTypeConfig
from dapr_client.actor._context import REENTRANCY_HEADER, reentrancy_ctx
from dapr_client.actor._interface import ActorNotFoundError, ActorPayloadDecodeError
from dapr_client.actor._runtime import ActorRuntime, Actors, Factory
from dapr_client.app._actors import told
from dapr_client.app.aio import App
from dapr_client.errors import DaprGrpcError
from dapr_client.retry import RetryPolicy
from dapr_client.settings import settings
from dapr_client.wire import actors_pb2 as pb
from dapr_client.wire import common_pb2

TRANSIENT = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL)
"""After these a stream that broke is opened again."""
RECONNECT_SECONDS = 1.0
EXPIRES = "ttlExpireTime"

Down = pb.SubscribeActorEventsResponseAlpha1
Up = pb.SubscribeActorEventsRequestAlpha1


def transport_to(address: str | None = None, channel: Any = None) -> AsyncTransport:
    """A way to the sidecar that the settings name, unless an address or a channel is given."""
    token = settings.DAPR_API_TOKEN
    wiring = Wiring(address=address, channel=channel, token=token, timeout=_settings.api_timeout())
    if channel is not None:
        return AsyncTransport(wiring, None)
    return AsyncTransport(
        wiring, partial(wait_for_sidecar, _settings.api_url(), token, float(settings.DAPR_HEALTH_TIMEOUT))
    )


class DaprActorGrpcClient(DaprActorClientBase):
    """Asks the sidecar about actors, over gRPC. What it refuses is a DaprGrpcError."""

    def __init__(
        self,
        timeout: float | None = 60,
        address: str | None = None,
        channel: Any = None,
        *,
        transport: AsyncTransport | None = None,
    ) -> None:
        self._timeout = timeout
        self._own = transport is None
        self._transport = transport or transport_to(address, channel)

    async def invoke_method(self, actor_type: str, actor_id: str, method: str, data: bytes | None = None) -> bytes:
        reentrancy = reentrancy_ctx.get()
        request = pb.InvokeActorRequest(
            actor_type=actor_type,
            actor_id=actor_id,
            method=method,
            data=data or b"",
            metadata={REENTRANCY_HEADER: reentrancy} if reentrancy else {},
        )
        answer: pb.InvokeActorResponse = await self._ask("InvokeActor", request, pb.InvokeActorResponse)
        return answer.data

    async def save_state_transactionally(self, actor_type: str, actor_id: str, data: bytes) -> None:
        changes = []
        for operation in json.loads(data):
            request = operation["request"]
            value = None if operation["operation"] == "delete" else json.dumps(request.get("value")).encode()
            changes.append(Change(request["key"], value, request.get("metadata") or {}))
        await self.change_state(actor_type, actor_id, changes)

    async def change_state(self, actor_type: str, actor_id: str, changes: Sequence[Change]) -> None:
        request = pb.ExecuteActorStateTransactionRequest(actor_type=actor_type, actor_id=actor_id)
        for change in changes:
            operation = request.operations.add(
                operationType="delete" if change.data is None else "upsert", key=change.name, metadata=change.metadata
            )
            if change.data is not None:
                operation.value.value = change.data
        await self._ask("ExecuteActorStateTransaction", request)

    async def get_state(self, actor_type: str, actor_id: str, name: str) -> bytes:
        return (await self.read_state(actor_type, actor_id, name)).data

    async def read_state(self, actor_type: str, actor_id: str, name: str) -> Stored:
        request = pb.GetActorStateRequest(actor_type=actor_type, actor_id=actor_id, key=name)
        try:
            answer = await self._ask("GetActorState", request, pb.GetActorStateResponse)
        except DaprGrpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return Stored(b"")
            raise
        return Stored(answer.data, any(key.lower() == EXPIRES.lower() for key in answer.metadata))

    async def register_reminder(self, actor_type: str, actor_id: str, name: str, data: bytes) -> None:
        body = json.loads(data)
        request = pb.RegisterActorReminderRequest(
            actor_type=actor_type,
            actor_id=actor_id,
            name=name,
            # The sidecar makes base64 of it: what it keeps is what it keeps over HTTP.
            data=base64.b64decode(body.get("data") or ""),
            **_times(body),
        )
        if policy := body.get("failurePolicy"):
            request.failure_policy.CopyFrom(_policy(policy))
        await self._ask("RegisterActorReminder", request)

    async def unregister_reminder(self, actor_type: str, actor_id: str, name: str) -> None:
        request = pb.UnregisterActorReminderRequest(actor_type=actor_type, actor_id=actor_id, name=name)
        await self._ask("UnregisterActorReminder", request)

    async def register_timer(self, actor_type: str, actor_id: str, name: str, data: bytes) -> None:
        body = json.loads(data)
        request = pb.RegisterActorTimerRequest(
            actor_type=actor_type,
            actor_id=actor_id,
            name=name,
            callback=body["callback"],
            data=json.dumps(body.get("data")).encode(),
            **_times(body),
        )
        await self._ask("RegisterActorTimer", request)

    async def unregister_timer(self, actor_type: str, actor_id: str, name: str) -> None:
        request = pb.UnregisterActorTimerRequest(actor_type=actor_type, actor_id=actor_id, name=name)
        await self._ask("UnregisterActorTimer", request)

    async def close(self) -> None:
        if self._own:
            await self._transport.close()

    async def _ask(self, name: str, request: Any, response: Any = None) -> Any:
        from google.protobuf.empty_pb2 import Empty

        answer, _ = await self._transport.unary(name, request, response or Empty, timeout=self._timeout)
        return answer


def _times(body: Mapping[str, Any]) -> dict[str, Any]:
    return {"due_time": body.get("dueTime") or "", "period": body.get("period") or "", "ttl": body.get("ttl") or ""}


def _policy(said: Mapping[str, Any]) -> common_pb2.JobFailurePolicy:
    policy = common_pb2.JobFailurePolicy()
    if "drop" in said:
        policy.drop.SetInParent()
        return policy
    policy.constant.SetInParent()
    if "interval" in said["constant"]:
        policy.constant.interval.FromTimedelta(from_duration(said["constant"]["interval"]))
    if "maxRetries" in said["constant"]:
        policy.constant.max_retries = said["constant"]["maxRetries"]
    return policy


# --- the stream ---


class ActorGrpcHost:
    """Hosts actors over a stream that the application opens: it needs no port for them.

        host = ActorGrpcHost()
        await host.register_actor(CounterActor)
        await host.run_forever()

    A stream that breaks is opened again. Dapr takes the stream from applications that speak gRPC, so that something
    must listen on the application's port: this does, on `app_port` or else on the APP_PORT of the environment; 0 leaves
    it to somebody else. `channel` is a ready channel of grpc.aio, which is taken over; `actors` are hosted instead of
    those of the process.
    """

    def __init__(
        self,
        address: str | None = None,
        timeout_seconds: float | None = None,
        app_port: int | None = None,
        *,
        channel: Any = None,
        actors: Actors | None = None,
    ) -> None:
        self._timeout = settings.DAPR_HTTP_TIMEOUT_SECONDS if timeout_seconds is None else timeout_seconds
        self._port = int(os.environ.get("APP_PORT") or 0) if app_port is None else app_port
        self._actors = ActorRuntime.shared if actors is None else actors
        self._transport = transport_to(address, channel)
        self._client = DaprActorGrpcClient(self._timeout, transport=self._transport)
        self._app: App | None = None
        self._outbox = AsyncOutbox()
        self._stream: AsyncStream[Down] | None = None
        self._running: asyncio.Task[None] | None = None
        self._turns: set[asyncio.Task[None]] = set()
        self._stop = AsyncStop()
        self._stopping = False

    async def register_actor(
        self,
        actor: type[Actor],
        message_serializer: Serializer | None = None,
        state_serializer: Serializer | None = None,
        actor_factory: Factory | None = None,
    ) -> None:
        """Have actors of a class live here; what they ask of the sidecar goes over gRPC as well.

        The sidecar learns of the types when the host is started.
        """
        self._actors.register(
            actor, message_serializer, state_serializer, actor_factory=actor_factory, actor_client=self._client
        )

    async def start(self) -> None:
        """Open the stream; returns when the sidecar knows the actors. What it refuses for good is raised."""
        if self._running is not None:
            raise RuntimeError("ActorGrpcHost is already started")
        if not self._actors.types:
            raise RuntimeError("Register at least one actor type before calling start()")
        self._stopping, self._stop = False, AsyncStop()
        try:
            if self._port and self._app is None:
                self._app = App()
                await self._app.start(self._port)
            await self._connect()
        except BaseException:
            await self.close()
            raise
        self._running = asyncio.create_task(self._run(), name="actors over gRPC")

    async def stop(self) -> None:
        """Close the stream, when the calls under way are over; it can be started again."""
        self._stopping = True
        self._stop.set()
        await _ended(self._turns)
        self._outbox.close()
        if self._running is not None:
            await _ended({self._running})
            self._running = None
        if self._stream is not None:
            await self._stream.close()
            self._stream = None

    async def close(self) -> None:
        """Stop for good, and close the connection."""
        await self.stop()
        app, self._app = self._app, None
        if app is not None:
            await app.stop()
        await self._transport.close()

    async def run_forever(self) -> None:
        """Start, and serve until the task is cancelled or the sidecar refuses for good."""
        await self.start()
        try:
            if self._running is not None:
                await asyncio.shield(self._running)
        finally:
            await self.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.close()

    async def _run(self) -> None:
        while not self._stopping:
            try:
                if self._stream is None:
                    await self._connect()
                else:
                    await self._serve(self._stream)
                    self._stream = None
                    await self._pause("it ended")
            except DaprGrpcError as error:
                self._stream = None
                if error.code() not in TRANSIENT and not self._stopping:
                    logger.exception("the sidecar refuses the stream of actors")
                    raise
                await self._pause(error)

    async def _connect(self) -> None:
        """Open the stream, and try again until the sidecar is there."""
        while not self._stopping:
            try:
                if await self._open():
                    return
                await self._pause("it ended before it began")
            except DaprGrpcError as error:
                if error.code() not in TRANSIENT:
                    raise
                await self._pause(error)

    async def _open(self) -> bool:
        """Whether the sidecar has taken the stream."""
        outbox = AsyncOutbox(Up(initial_request=introduction(self._actors.config)))
        stream = await self._transport.bidirectional("SubscribeActorEventsAlpha1", outbox.opened, Down, again=False)
        if await anext(aiter(stream), None) is None:
            return False
        self._outbox, self._stream = outbox, stream
        return True

    async def _serve(self, stream: AsyncStream[Down]) -> None:
        outbox = self._outbox
        async for message in stream:
            task = asyncio.create_task(self._answer(message, outbox))
            self._turns.add(task)
            task.add_done_callback(self._turns.discard)

    async def _pause(self, cause: object) -> None:
        if not self._stopping:
            logger.warning("the stream of actors is opened again: %s", cause)
            await self._stop.pause(RetryPolicy(), RECONNECT_SECONDS)

    async def _answer(self, message: Down, outbox: AsyncOutbox) -> None:
        kind = message.WhichOneof("response_type")
        if kind is None or kind not in HANDLERS:
            return
        request = getattr(message, kind)
        try:
            answer = await HANDLERS[kind](self._actors, request)
        except Exception as error:
            logger.warning("an actor failed at what it was asked: %s/%s", request.actor_type, request.actor_id)
            failed = pb.SubscribeActorEventsRequestFailedAlpha1(
                id=request.id, code=_code(error).value[0], message=str(error)
            )
            answer = Up(request_failed=failed)
        outbox.put(answer)


async def _ended(tasks: set[asyncio.Task[None]]) -> None:
    """Return when the tasks are over; those that take too long are cancelled."""
    if tasks:
        _, late = await asyncio.wait(set(tasks), timeout=JOIN_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


def _code(error: Exception) -> grpc.StatusCode:
    """What the sidecar is told, so that it knows whether to try again."""
    if isinstance(error, ActorNotFoundError):
        return grpc.StatusCode.NOT_FOUND
    if isinstance(error, ActorPayloadDecodeError):
        return grpc.StatusCode.INVALID_ARGUMENT
    return grpc.StatusCode.UNKNOWN


async def _invoke(actors: Actors, request: Any) -> Up:
    named = {name.lower(): value for name, value in request.metadata.items()}
    answer = pb.SubscribeActorEventsRequestInvokeResponseAlpha1(
        id=request.id, metadata={"content-type": "application/json"}
    )
    try:
        answer.data = await actors.dispatch(
            request.actor_type,
            request.actor_id,
            request.method,
            request.data,
            named.get(REENTRANCY_HEADER.lower()),
        )
    except ActorNotFoundError:
        raise
    except Exception as error:
        answer.data, answer.error = told(error), True
    return Up(invoke_response=answer)


async def _remind(actors: Actors, request: Any) -> Up:
    body = {"data": _value(request), "dueTime": request.due_time, "period": request.period}
    await actors.manager(request.actor_type).remind(request.actor_id, request.name, json.dumps(body).encode())
    return Up(reminder_response=pb.SubscribeActorEventsRequestReminderResponseAlpha1(id=request.id))


async def _tick(actors: Actors, request: Any) -> Up:
    body = {"callback": request.callback, "data": _unwrapped(_value(request))}
    await actors.manager(request.actor_type).tick(request.actor_id, request.name, json.dumps(body).encode())
    return Up(timer_response=pb.SubscribeActorEventsRequestReminderResponseAlpha1(id=request.id))


async def _deactivate(actors: Actors, request: Any) -> Up:
    await actors.manager(request.actor_type).deactivate(request.actor_id)
    return Up(deactivate_response=pb.SubscribeActorEventsRequestDeactivateResponseAlpha1(id=request.id))


HANDLERS = {
    "invoke_request": _invoke,
    "reminder_request": _remind,
    "timer_request": _tick,
    "deactivate_request": _deactivate,
}


def _value(request: Any) -> Any:
    """What a timer or a reminder was registered with: JSON, in a BytesValue."""
    if not request.HasField("data"):
        return None
    packed = request.data
    data = BytesValue.FromString(packed.value).value if packed.Is(BytesValue.DESCRIPTOR) else packed.value
    try:
        return json.loads(data) if data else None
    except ValueError as error:
        raise ActorPayloadDecodeError(f"the data of {request.name} is not JSON: {error}") from error


def _unwrapped(value: Any) -> Any:
    """What a timer was registered with over gRPC: Dapr makes base64 of bytes, though they are JSON already.

    Text that was registered over HTTP and is the base64 of JSON by chance is taken for that, too.
    """
    if not isinstance(value, str):
        return value
    try:
        return json.loads(base64.b64decode(value, validate=True))
    except ValueError:
        return value


def introduction(config: ActorRuntimeConfig) -> pb.SubscribeActorEventsRequestInitialAlpha1:
    """What the sidecar is told of the actors first; it cannot be told how often to look for idle ones."""
    said = pb.SubscribeActorEventsRequestInitialAlpha1(entities=sorted(config.entities))
    _keep(said, config)
    for own in config.actor_type_configs:
        _keep(said.entities_config.add(entities=[own.actor_type]), own)
    return said


def _keep(said: Any, config: ActorRuntimeConfig | ActorTypeConfig) -> None:
    for name in ("actor_idle_timeout", "drain_ongoing_call_timeout"):
        if (length := getattr(config, name)) is not None:
            getattr(said, name).FromTimedelta(length)
    if config.drain_rebalanced_actors is not None:
        said.drain_rebalanced_actors = config.drain_rebalanced_actors
    if config.reentrancy is not None:
        said.reentrancy.CopyFrom(_reentrancy(config.reentrancy))


def _reentrancy(config: ActorReentrancyConfig) -> pb.ActorReentrancyConfig:
    return pb.ActorReentrancyConfig(enabled=config.enabled, max_stack_depth=config.max_stack_depth)
