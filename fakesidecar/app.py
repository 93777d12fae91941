"""The way to the application: messages leave here, over HTTP or gRPC, outside of the core's lock (dapr pkg/channel)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fakesidecar.options import Options

if TYPE_CHECKING:
    import aiohttp

log = logging.getLogger("fakesidecar.app")

TIMEOUT_SECONDS = 60.0
NOT_OURS = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")
"""What the HTTP library would add of its own accord."""
TOKEN = "dapr-api-token"


POLL_SECONDS = 0.1
"""How often daprd looks whether the application listens (dapr pkg/runtime, blockUntilAppIsReady)."""


async def wait_until_listening(address: str, port: int) -> None:
    """Wait until an application takes connections; it is outside of the clock, so this is real time."""
    while True:
        try:
            _, writer = await asyncio.open_connection(address, port)
        except OSError:
            await asyncio.sleep(POLL_SECONDS)
        else:
            writer.close()
            return


@dataclass(frozen=True, slots=True)
class AppRequest:
    """What the application is to be sent."""

    method: str
    path: str
    """With its leading slash."""
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})


class AppFailed(Exception):
    """The application did not take a message; the text says why."""


class AppChannel:
    """Sends messages to an application: those of one lane in order, each after the answer to the one before."""

    def __init__(self, options: Options) -> None:
        self._transport = _transport(options)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lanes: dict[str, asyncio.Task[None]] = {}
        """The last message of each lane that has any under way."""

    def open(self) -> None:
        """Begin to send, on the running event loop."""
        self._loop = asyncio.get_running_loop()

    async def close(self) -> None:
        """Send no more; what is under way is given up."""
        self._loop = None
        waiting = tuple(self._lanes.values())
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await self._transport.close()

    def send(self, request: AppRequest, *, lane: str = "") -> None:
        """Send a message soon; from any thread, without waiting. That the application fails is only logged."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has just ended
                self._loop.call_soon_threadsafe(self._enqueue, request, lane)

    def _enqueue(self, request: AppRequest, lane: str) -> None:
        if self._loop is None:
            return
        task = self._loop.create_task(self._send(request, self._lanes.get(lane)))
        self._lanes[lane] = task
        task.add_done_callback(lambda done: self._forget(lane, done))

    def _forget(self, lane: str, done: asyncio.Task[None]) -> None:
        if self._lanes.get(lane) is done:
            del self._lanes[lane]

    async def _send(self, request: AppRequest, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        try:
            await self._transport.send(request)
        except AppFailed as error:
            log.error("the app was sent %s %s: %s", request.method, request.path, error)


def app_of(options: Options) -> AppChannel | None:
    """The way to the application that the options name; None when there is none."""
    return AppChannel(options) if options.app_port else None


# --- how a message travels -----------------------------------------------------------------------


class _Transport(ABC):
    @abstractmethod
    async def send(self, request: AppRequest) -> None:
        """Send a message, and wait for the answer; raises `AppFailed`."""

    @abstractmethod
    async def close(self) -> None:
        """Close every connection."""


def _transport(options: Options) -> _Transport:
    address = f"{options.app_channel_address}:{options.app_port}"
    secure = options.app_protocol in ("https", "grpcs")
    kind = _Grpc if options.app_protocol in ("grpc", "grpcs") else _Http
    return kind(address, secure, options.app_api_token)


class _Http(_Transport):
    def __init__(self, address: str, secure: bool, token: str) -> None:
        self._base = f"{'https' if secure else 'http'}://{address}"
        self._headers = {"user-agent": "Go-http-client/1.1"} | ({TOKEN: token} if token else {})
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: AppRequest) -> None:
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(
                # Any certificate will do (dapr pkg/runtime/channels, InsecureSkipVerify).
                connector=aiohttp.TCPConnector(ssl=False),
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
                skip_auto_headers=NOT_OURS,
            )
        headers = {**request.headers, **self._headers}
        try:
            async with self._session.request(
                request.method, self._base + request.path, data=request.body, headers=headers
            ) as answer:
                if answer.status >= 300:
                    raise AppFailed(f"it answered with {answer.status}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise AppFailed(repr(error)) from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


class _Grpc(_Transport):
    def __init__(self, address: str, secure: bool, token: str) -> None:
        self._address = address
        self._secure = secure
        self._metadata = ((TOKEN, token),) if token else ()
        self._channel: Any = None

    async def send(self, request: AppRequest) -> None:
        import grpc

        from dapr_client import wire
        from dapr_client.wire import common_pb2

        if self._channel is None:
            self._channel = self._open()
        method = wire.method(wire.APP_CALLBACK, "OnInvoke")
        message = common_pb2.InvokeRequest(
            method=request.path,
            content_type=request.headers.get("content-type", ""),
            http_extension=common_pb2.HTTPExtension(verb=request.method),
        )
        message.data.value = request.body
        call = self._channel.unary_unary(method.path, request_serializer=lambda message: message.SerializeToString())
        try:
            await call(message, metadata=self._metadata, timeout=TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            raise AppFailed(f"{error.code().name} {error.details()}") from error

    def _open(self) -> Any:
        import grpc.aio

        if self._secure:
            return grpc.aio.secure_channel(self._address, grpc.ssl_channel_credentials())
        return grpc.aio.insecure_channel(self._address)

    async def close(self) -> None:
        if self._channel is not None:
            await self._channel.close()
            self._channel = None
