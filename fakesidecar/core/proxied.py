"""Calls of services that are an app's own, on their way through the sidecars (dapr pkg/grpc/proxy).

Nobody here knows whether such a call is a unary one: it is taken for one unless its caller says `dapr-stream`.
A policy guards all of a unary call, and of a stream no more than its beginning.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from grpc import StatusCode

from fakesidecar import golang
from fakesidecar.core.resiliency import DeadlineExceeded, Policy
from fakesidecar.errors import ApiError, MessageTooLarge, RpcStatus, StreamNotRetried

if TYPE_CHECKING:
    from fakesidecar.app import Metadata

STREAM = "dapr-stream"


class Proxied(Protocol):
    """A gRPC call of whichever kind on its way to an application, as grpc.aio has it."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...
    async def initial_metadata(self) -> Any: ...
    async def trailing_metadata(self) -> Any: ...
    async def code(self) -> StatusCode: ...
    async def details(self) -> str: ...
    def cancel(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Ending:
    """How a call ended: its `code` makes it a failure to try again after, or none."""

    code: StatusCode
    message: str = ""


class Unsuccessful(Exception):
    """An application answered that it failed."""

    def __init__(self, code: int | StatusCode) -> None:
        super().__init__(str(code))
        self.code = code


Requests = AsyncIterator[bytes]
Open = Callable[[Requests], Proxied]
Take = Callable[[Proxied], Awaitable[Ending]]
"""Hands what comes of a call on to the caller, and says how it ended."""


class Asked:
    """What the caller sends, for the calls that it is handed on in."""

    def __init__(self, requests: Requests, limit: int) -> None:
        self._requests = requests
        self._limit = limit
        self._tasks: list[asyncio.Task[bytes | None]] = []
        self.refusal: ApiError | None = None
        """Why it is not handed on; the call, whose requests have broken off, is cancelled then."""

    async def once(self) -> Requests:
        """All messages, for one call."""
        async for message in self._requests:
            if len(message) > self._limit:
                raise self._refuse(MessageTooLarge(size=len(message), limit=self._limit))
            yield message

    async def again(self) -> Requests:
        """The one message of a unary call, for each of its attempts; it is read whichever of them ends meanwhile."""
        if not self._tasks:
            source = self.once()
            first = asyncio.create_task(self._next(source))
            self._tasks = [first, asyncio.create_task(self._next(source, first))]
        message, more = self._tasks
        if (found := await asyncio.shield(message)) is not None:
            yield found
            if await asyncio.shield(more) is not None:
                raise self._refuse(StreamNotRetried())

    async def _next(self, source: Requests, before: asyncio.Task[bytes | None] | None = None) -> bytes | None:
        return await anext(source, None) if before is None or await before is not None else None

    def _refuse(self, error: ApiError) -> ApiError:
        self.refusal = error
        return error

    async def close(self) -> None:
        """Read no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def under(policy: Policy | None, call: Open, asked: Asked, take: Take, metadata: Metadata) -> Ending:
    """Make a call under a policy; raises what `asked` is refused for, and `ComponentError`."""

    async def opened() -> Proxied:
        return call(asked.once())

    async def attempt() -> Ending:
        return await take(call(asked.again() if policy and policy.retry else asked.once()))

    try:
        if policy is None:
            return await attempt()
        if any(name == STREAM and golang.is_truthy(str(value)) for name, value in metadata):
            return await take(await policy.run_async(opened, lambda _: None, nothing))
        return await policy.run_async(attempt, failure_of, nothing)
    except DeadlineExceeded as error:
        raise RpcStatus(StatusCode.DEADLINE_EXCEEDED, str(error)) from error
    except asyncio.CancelledError:
        if asked.refusal is None:
            raise
        raise asked.refusal from None
    finally:
        await asked.close()


def failure_of(ending: Ending) -> Unsuccessful | None:
    """Why a call is to be made again, None after a good end."""
    return None if ending.code is StatusCode.OK else Unsuccessful(ending.code)


async def nothing(_: object) -> None:
    """What there is to let go of before the next attempt."""
