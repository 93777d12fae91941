"""The way to the application: requests leave here, in order, outside of the core's lock."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fakesidecar.options import Options

if TYPE_CHECKING:
    import aiohttp

log = logging.getLogger("fakesidecar.app")

TIMEOUT_SECONDS = 60.0
NOT_OURS = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")
"""What the HTTP library would add of its own accord."""


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
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})


class AppChannel:
    """Sends requests to an HTTP application, one after the other; what fails is logged."""

    def __init__(self, options: Options) -> None:
        self._base = f"http://{options.app_channel_address}:{options.app_port}"
        self._token = options.app_api_token
        self._queue: asyncio.Queue[AppRequest] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._worker: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to send, on the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._queue = asyncio.Queue()
        self._worker = asyncio.create_task(self._work(self._queue))

    async def close(self) -> None:
        """Send no more."""
        if self._worker is not None:
            self._worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._worker
        self._worker = self._queue = self._loop = None

    def send(self, request: AppRequest) -> None:
        """Send a request soon; from any thread, without waiting."""
        if self._loop is not None and self._queue is not None:
            with contextlib.suppress(RuntimeError):  # the loop has just ended
                self._loop.call_soon_threadsafe(self._queue.put_nowait, request)

    async def _work(self, requests: asyncio.Queue[AppRequest]) -> None:
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout, skip_auto_headers=NOT_OURS) as session:
            while True:
                await self._post(session, await requests.get())

    async def _post(self, session: aiohttp.ClientSession, request: AppRequest) -> None:
        import aiohttp

        headers = {"user-agent": "Go-http-client/1.1", **request.headers}
        if self._token:
            headers["dapr-api-token"] = self._token
        try:
            async with session.request(
                request.method, self._base + request.path, data=request.body, headers=headers
            ) as answer:
                if answer.status >= 300:
                    log.error("the app answered %s %s with %s", request.method, request.path, answer.status)
        except aiohttp.ClientError as error:
            log.error("the app could not be sent %s %s: %s", request.method, request.path, error)
