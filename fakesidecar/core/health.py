"""Whether the sidecar is ready: what it still waits for, and whether it can be called."""

from __future__ import annotations

from fakesidecar.errors import AppIdDoesNotMatch, NotReady, OutboundNotReady

RUNTIME = "runtime"
"""The target that waits for the application (dapr pkg/healthz, as its answer calls it)."""


class Health:
    """What the health endpoints tell.

    Outbound is ready as soon as the doors are open; the rest waits until the application can be reached.
    """

    def __init__(self, app_id: str) -> None:
        self._app_id = app_id
        self.outbound_ready = True
        self.waiting_for: list[str] = []
        """What is not there yet, in the order in which it was asked for."""

    @property
    def ready(self) -> bool:
        """Whether nothing is waited for."""
        return not self.waiting_for

    def check(self, app_id: str | None = None) -> None:
        """Raise the reason why the sidecar (of the app with this id, when one is given) is not healthy."""
        if not self.ready:
            raise NotReady(targets=" ".join(self.waiting_for))
        if app_id is not None and app_id != self._app_id:
            raise AppIdDoesNotMatch

    def check_outbound(self) -> None:
        """Raise when the sidecar cannot be called."""
        if not self.outbound_ready:
            raise OutboundNotReady
