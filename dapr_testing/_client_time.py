"""The sidecar's clock as the time of clients: what they wait between two tries passes at once, and for both."""

from __future__ import annotations

import asyncio

from fakesidecar.clock import VirtualClock


class ClientTime:
    """A virtual clock, as `dapr_client` uses time."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock

    def monotonic(self) -> float:
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        self._clock.pass_time(seconds)

    async def async_sleep(self, seconds: float) -> None:
        until = self._clock.now() + seconds
        await asyncio.sleep(0)  # tasks that begin to wait now wait at the same time, not one after the other
        if not self._clock.leap_to(until):
            # What happens on the way may need this very event loop.
            await asyncio.to_thread(self._clock.pass_time, until - self._clock.now())
