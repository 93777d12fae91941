"""A channel for asyncio that is opened by its first call, on the loop that makes it.

Fixtures that are no coroutines can give it away before any event loop runs.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio


class LazyAioChannel(grpc.aio.Channel):
    """`grpc.aio.Channel` around the one that `connect` opens."""

    def __init__(self, connect: Callable[[], grpc.aio.Channel]) -> None:
        self._connect = connect
        self._opened: grpc.aio.Channel | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def _channel(self) -> grpc.aio.Channel:
        if self._opened is None:
            self._loop = asyncio.get_running_loop()
            self._opened = self._connect()
        return self._opened

    async def __aenter__(self) -> LazyAioChannel:
        self._channel()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.close()

    async def close(self, grace: float | None = None) -> None:
        if self._opened is not None:
            opened, self._opened = self._opened, None
            await opened.close(grace)

    def close_from_outside(self) -> None:
        """Close it when no loop runs; on a loop that is closed already, nothing is left to close."""
        opened, self._opened, loop = self._opened, None, self._loop
        if opened is not None and loop is not None and not loop.is_closed():
            if loop.is_running():
                loop.call_soon_threadsafe(lambda: asyncio.ensure_future(opened.close()))
            else:
                with contextlib.suppress(RuntimeError):
                    loop.run_until_complete(opened.close())

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        return self._channel().get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._channel().wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self._channel().channel_ready()

    def _lazily(self, kind: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        methods: dict[int, Any] = {}

        def call(*sent: Any, **more: Any) -> Any:
            channel = self._channel()
            method = methods.get(id(channel))
            if method is None:
                methods.clear()
                method = methods[id(channel)] = getattr(channel, kind)(*arguments, **keywords)
            return method(*sent, **more)

        return call

    def unary_unary(self, *arguments: Any, **keywords: Any) -> Any:
        return self._lazily("unary_unary", arguments, keywords)

    def unary_stream(self, *arguments: Any, **keywords: Any) -> Any:
        return self._lazily("unary_stream", arguments, keywords)

    def stream_unary(self, *arguments: Any, **keywords: Any) -> Any:
        return self._lazily("stream_unary", arguments, keywords)

    def stream_stream(self, *arguments: Any, **keywords: Any) -> Any:
        return self._lazily("stream_stream", arguments, keywords)
