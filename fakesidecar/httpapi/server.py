"""The HTTP door on a port or a Unix socket: aiohttp's low-level server on the sidecar's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

from fakesidecar.httpapi.api import HttpApi
from fakesidecar.httpapi.registry import Request

SHUTDOWN_SECONDS = 1.0
TOO_LARGE = "stream too large"


class HttpServer:
    """One sidecar's HTTP door."""

    def __init__(self, api: HttpApi, *, max_body_size: int, max_header_size: int) -> None:
        self.api = api
        self.port = 0
        self._max_body_size = max_body_size
        self._runner = web.ServerRunner(
            web.Server(self._handle, access_log=None, max_field_size=max_header_size, max_line_size=max_header_size)
        )

    async def start(self, addresses: Sequence[str], port: int) -> None:
        """Listen on the addresses (all on one port; 0 asks for a free one), or on `unix:` paths."""
        await self._runner.setup()
        for address in addresses:
            if address.startswith("unix:"):
                await web.UnixSite(self._runner, Path(address.removeprefix("unix:"))).start()
            else:
                await web.TCPSite(self._runner, address, self.port or port, shutdown_timeout=SHUTDOWN_SECONDS).start()
                self.port = self._runner.addresses[-1][1]

    async def stop(self) -> None:
        """Stop listening and close every connection."""
        await self._runner.cleanup()

    async def _handle(self, asked: web.BaseRequest) -> web.StreamResponse:
        path, _, query = asked.raw_path.partition("?")
        request = Request(
            asked.method,
            path,
            query,
            [(key.decode("latin-1"), value.decode("latin-1")) for key, value in asked.raw_headers],
        )
        request.body, request.body_error = await self._body(asked)
        ready = self.api.prepare(request)
        if ready.blocking:
            answer = await asyncio.get_running_loop().run_in_executor(None, ready.run)
        else:
            answer = ready.run()
        response = web.Response(status=answer.status, body=answer.body)
        for key, value in answer.headers:
            response.headers.add(key, value)
        if not any(key.lower() == "content-type" for key, _ in answer.headers):
            # aiohttp would say application/octet-stream
            response.headers.popall("content-type", None)
        return response

    async def _body(self, asked: web.BaseRequest) -> tuple[bytes, str]:
        # One byte more than the limit passes, as with daprd (kit/streams LimitReadCloser).
        limit = self._max_body_size + 1 if self._max_body_size > 0 else None
        body = bytearray()
        async for chunk in asked.content.iter_any():
            body += chunk
            if limit is not None and len(body) > limit:
                return bytes(body[:limit]), TOO_LARGE
        return bytes(body), ""
