"""Whether the application is well, as probes of it tell (`--enable-app-health-check`; dapr pkg/apphealth)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from google.protobuf import empty_pb2

from fakesidecar.app import AppChannel, AppFailed, AppRequest

if TYPE_CHECKING:
    from fakesidecar.clock import Clock, Timer
    from fakesidecar.options import AppHealth

log = logging.getLogger("fakesidecar.apphealth")


class AppHealthCheck:
    """Probes an application at intervals of the clock: unwell until a probe succeeds, and after some that fail."""

    def __init__(self, app: AppChannel, settings: AppHealth, clock: Clock) -> None:
        self.healthy = False
        self._app = app
        self._settings = settings
        self._clock = clock
        self._failures = 0
        self._timer: Timer | None = None
        self._changed: Callable[[bool], Awaitable[None]] | None = None

    def start(self, changed: Callable[[bool], Awaitable[None]]) -> None:
        """Probe now and from now on; `changed` is told when the application becomes well or unwell."""
        self._changed = changed
        self._probe_soon()

    def stop(self) -> None:
        """Probe no more."""
        self._changed = None
        if self._timer is not None:
            self._timer.cancel()

    def _probe_soon(self) -> None:
        self._app.spawn(self._probe(), lane="health")

    async def _probe(self) -> None:
        succeeded = await self._succeeds()
        self._failures = 0 if succeeded else self._failures + 1
        healthy = succeeded or (self.healthy and self._failures < self._settings.threshold)
        if self._changed is None:
            return
        self._timer = self._clock.call_later(self._settings.interval, self._probe_soon)
        if healthy != self.healthy:
            self.healthy = healthy
            log.info("App health status changed: %s", "healthy" if healthy else "unhealthy")
            await self._changed(healthy)

    async def _succeeds(self) -> bool:
        # Not through the channel: a probe waits for no turn of the application's.
        transport, seconds = self._app.transport, self._settings.timeout
        try:
            if self._app.is_grpc:
                await transport.rpc("HealthCheck", empty_pb2.Empty(), (), seconds)
                return True
            return (await transport.request(AppRequest("GET", self._settings.path, headers=()), seconds)).ok
        except AppFailed as error:
            log.debug("the app did not answer a health probe: %s", error)
            return False
