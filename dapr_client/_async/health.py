"""Waiting for the sidecar to be ready."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from warnings import warn

from dapr_client import _clock
from dapr_client import settings as _settings
from dapr_client._clock import async_sleep
from dapr_client._transport import TOKEN_KEY
from dapr_client._transport.http_aio import AsyncHttp
from dapr_client._version import USER_AGENT
from dapr_client.errors import DaprUnreachableError
from dapr_client.settings import settings

BETWEEN_PROBES = 1.0
SHORTEST_PROBE = 0.5
"""Seconds that a probe gets at least, so that the last one can still be answered."""


class DaprHealth:
    """Asks the sidecar whether it is ready."""

    @staticmethod
    async def wait_for_sidecar() -> None:
        """Return when the sidecar named by the settings is ready. TimeoutError if that takes too long."""
        await wait_for_sidecar(_settings.api_url(), settings.DAPR_API_TOKEN, float(settings.DAPR_HEALTH_TIMEOUT))

    @staticmethod
    async def wait_until_ready() -> None:
        """The old name of wait_for_sidecar."""
        warn("This method is deprecated. Use DaprHealth.wait_for_sidecar instead.", DeprecationWarning, stacklevel=2)
        await DaprHealth.wait_for_sidecar()


async def wait_for_sidecar(
    api_url: str,
    token: str | None,
    seconds: float,
    *,
    monotonic: Callable[[], float] = _clock.monotonic_of_waits,
    sleep: Callable[[float], Awaitable[None]] = async_sleep,
) -> None:
    """Ask until the sidecar answers that it is ready. TimeoutError after so many seconds."""
    url = f"{api_url}/healthz/outbound"
    headers = {"User-Agent": USER_AGENT} | ({TOKEN_KEY: token} if token else {})
    http = AsyncHttp()
    until = monotonic() + seconds
    try:
        while told := await _probe(http, url, headers, max(until - monotonic(), SHORTEST_PROBE)):
            left = until - monotonic()
            if left <= 0:
                raise TimeoutError(f"Dapr health check timed out, after {seconds}. {told}")
            await sleep(min(BETWEEN_PROBES, left))
    finally:
        await http.close()


async def _probe(http: AsyncHttp, url: str, headers: dict[str, str], seconds: float) -> str:
    """Why the sidecar is not ready; empty if it is."""
    try:
        reply = await http.request("GET", url, headers=headers, timeout=seconds)
    except DaprUnreachableError as error:
        return str(error)
    return "" if 200 <= reply.status < 300 else f"GET {url} was answered with {reply.status} {reply.reason}"
