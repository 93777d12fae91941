"""Who waits: calls for a worker or for the end of a turn, and watchers for an instance to become something."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from fakesidecar.core.workflow.instance import Instance
from fakesidecar.errors import ApiError
from fakesidecar.later import fail, settle

Action = Callable[[Future[Any]], None]
Becomes = Callable[[Instance], bool]


@dataclass(slots=True)
class Call:
    """Something that a client asks, and the future of the answer."""

    id: str
    """The instance that it is about."""
    action: Action
    future: Future[Any]

    def perform(self) -> None:
        """Do it, unless the client has gone."""
        if self.future.cancelled():
            return
        try:
            self.action(self.future)
        except ApiError as error:
            fail(self.future, error)


class Calls:
    """Calls that cannot be carried out yet, in order."""

    def __init__(self) -> None:
        self._until_worker: list[Call] = []
        self._behind: dict[str, list[Call]] = {}

    @property
    def waiting(self) -> bool:
        """Whether somebody waits for a worker."""
        return bool(self._until_worker)

    def wait_for_worker(self, call: Call) -> None:
        """There is no worker."""
        self._until_worker.append(call)

    def wait_for_turn(self, call: Call) -> None:
        """A turn of the instance is out."""
        self._behind.setdefault(call.id, []).append(call)

    def worker_is_there(self) -> list[Call]:
        """The calls that waited for a worker."""
        calls, self._until_worker = self._until_worker, []
        return calls

    def turn_is_over(self, id: str) -> list[Call]:
        """The calls that waited for the turn of an instance."""
        return self._behind.pop(id, [])

    def dismiss(self) -> None:
        """Send everybody away."""
        calls = [*self.worker_is_there(), *(call for id in tuple(self._behind) for call in self.turn_is_over(id))]
        for call in calls:
            call.future.cancel()


class Watches:
    """Those who wait for an instance to become something; it need not be there yet."""

    def __init__(self) -> None:
        self._watches: dict[str, list[tuple[Becomes, Future[Instance]]]] = {}

    def add(self, id: str, instance: Instance | None, becomes: Becomes, future: Future[Instance]) -> None:
        """Answer when the instance of that id has become it, at once if it is so already."""
        if instance is not None and becomes(instance):
            settle(future, instance)
        else:
            left = [watch for watch in self._watches.get(id, ()) if not watch[1].done()]
            self._watches[id] = [*left, (becomes, future)]

    def changed(self, instance: Instance) -> None:
        """Answer those who have waited for what the instance is now."""
        watches = self._watches.pop(instance.id, ())
        for becomes, future in watches:
            if not future.done():
                self.add(instance.id, instance, becomes, future)

    def dismiss(self) -> None:
        """Send everybody away."""
        futures = [future for watches in self._watches.values() for _, future in watches]
        self._watches.clear()
        for future in futures:
            future.cancel()
