"""HTTP calls that suspend the calling task, over aiohttp. Certificates are verified."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING

from dapr_client._transport import HttpReply, unreachable
from dapr_client.errors import DaprUnreachableError
from dapr_client.retry import RetryPolicy

if TYPE_CHECKING:
    import ssl

    import aiohttp


class AsyncHttp:
    """Connections to the sidecar's HTTP door, opened when they are needed.

    Every event loop has its own; they are closed with it, if not before.
    """

    def __init__(self, retry: RetryPolicy | None = None, ssl_context: ssl.SSLContext | None = None) -> None:
        self._retry = retry
        self._ssl_context = ssl_context
        self._sessions: dict[asyncio.AbstractEventLoop, aiohttp.ClientSession] = {}
        self._kept: dict[asyncio.AbstractEventLoop, AsyncGenerator[None, None]] = {}

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float | None = None,
    ) -> HttpReply:
        """Call, and again as the retry policy says. DaprUnreachableError if nobody answers."""
        attempt = 0
        while True:
            try:
                reply = await self._once(method, url, headers, body, timeout)
            except DaprUnreachableError as error:
                if self._retry is None:
                    raise
                wait = self._retry.wait_after_unreachable(attempt, timed_out=error.timed_out)
                if wait is None:
                    raise
            else:
                if self._retry is None:
                    return reply
                wait = self._retry.wait_after_http(attempt, reply.status, reply.header("retry-after"))
                if wait is None:
                    return reply
            await self._retry.async_sleep(wait)
            attempt += 1

    async def close(self) -> None:
        """Close the connections of this event loop."""
        kept = self._kept.get(asyncio.get_running_loop())
        if kept is not None:
            await kept.aclose()

    async def _once(
        self, method: str, url: str, headers: Mapping[str, str] | None, body: bytes | None, seconds: float | None
    ) -> HttpReply:
        import aiohttp

        session = self._sessions.get(asyncio.get_running_loop()) or await self._open()
        try:
            async with session.request(
                method,
                url,
                headers=headers,
                data=body,
                timeout=aiohttp.ClientTimeout(total=seconds),
                ssl=self._ssl_context or True,
                allow_redirects=False,
            ) as reply:
                return HttpReply(reply.status, reply.reason or "", tuple(reply.headers.items()), await reply.read())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise unreachable(method, url, error, timed_out=isinstance(error, TimeoutError)) from error

    async def _open(self) -> aiohttp.ClientSession:
        import aiohttp

        loop = asyncio.get_running_loop()
        self._sessions[loop] = session = aiohttp.ClientSession()
        self._kept[loop] = self._keep(loop)
        await anext(self._kept[loop])
        return session

    async def _keep(self, loop: asyncio.AbstractEventLoop) -> AsyncGenerator[None, None]:
        # A loop that ends closes the async generators that were begun on it: this one closes the session.
        try:
            yield
        finally:
            del self._kept[loop]
            await self._sessions.pop(loop).close()
