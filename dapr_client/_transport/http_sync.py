"""HTTP calls that block the calling thread, over urllib3. Certificates are verified."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dapr_client._transport import HttpReply, unreachable
from dapr_client.errors import DaprUnreachableError
from dapr_client.retry import RetryPolicy

if TYPE_CHECKING:
    import ssl

    import urllib3


class Http:
    """Connections to the sidecar's HTTP door, opened when they are needed."""

    def __init__(self, retry: RetryPolicy | None = None, ssl_context: ssl.SSLContext | None = None) -> None:
        self._retry = retry
        self._ssl_context = ssl_context
        self._pool: urllib3.PoolManager | None = None

    def request(
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
                reply = self._once(method, url, headers, body, timeout)
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
            self._retry.sleep(wait)
            attempt += 1

    def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            self._pool.clear()
            self._pool = None

    def _once(
        self, method: str, url: str, headers: Mapping[str, str] | None, body: bytes | None, timeout: float | None
    ) -> HttpReply:
        import urllib3

        if self._pool is None:
            self._pool = urllib3.PoolManager(ssl_context=self._ssl_context)
        try:
            reply = self._pool.request(
                method, url, headers=headers, body=body, timeout=timeout, retries=False, redirect=False
            )
        except urllib3.exceptions.HTTPError as error:
            refused = isinstance(error, urllib3.exceptions.NewConnectionError)  # a TimeoutError by inheritance
            late = isinstance(error, urllib3.exceptions.TimeoutError) and not refused
            raise unreachable(method, url, error, timed_out=late) from error
        return HttpReply(reply.status, reply.reason or "", tuple(reply.headers.items()), reply.data)
