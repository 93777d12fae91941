"""What placement and the scheduler are to sidecars: who hosts which actors, and the reminders of all of them.

Sidecars of one process that are neighbours share a place.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

from fakesidecar.core.actors.hosts import Reminder
from fakesidecar.core.actors.reminders import LOCK, Reminders, Saved
from fakesidecar.later import end_as

if TYPE_CHECKING:
    from fakesidecar.clock import Clock
    from fakesidecar.core.actors import ActorsBlock


class Place:
    """Where actors are, among sidecars.

    They go where a hash of their name says, as few as possible elsewhere when sidecars come and go. One that is active
    when its host changes is sent away from the old one, and the new one waits for that: its turns never overlap.
    (daprd has calls of all actors of the type wait meanwhile, and interrupts those of actors that stay, too.)
    """

    def __init__(self, clock: Clock) -> None:
        self.sidecars: list[ActorsBlock] = []
        self.reminders = Reminders(clock, self.deliver)
        self._undelivered: list[tuple[Reminder, Future[None]]] = []
        self._numbers = itertools.count()

    def add(self, sidecar: ActorsBlock) -> str:
        """Add a sidecar; returns its address here."""
        self.sidecars.append(sidecar)
        return str(next(self._numbers))

    def find(self, type: str, id: str) -> ActorsBlock | None:
        """The sidecar whose application hosts an actor, None when nobody does."""
        hosting = [sidecar for sidecar in self.sidecars if sidecar.hosts(type)]
        if len(hosting) < 2:
            return hosting[0] if hosting else None
        return max(hosting, key=lambda sidecar: weight(sidecar.address, type, id))

    def deliver(self, reminder: Reminder) -> Future[None]:
        """Tell an actor of a reminder, as soon as somebody hosts it."""
        sidecar = self.find(reminder.type, reminder.id)
        if sidecar is not None:
            return sidecar.remind(reminder)
        waiting: Future[None] = Future()
        self._undelivered.append((reminder, waiting))
        return waiting

    def changed(self) -> None:
        """There are new hosts: actors move there, and what could not be delivered is."""
        for sidecar in tuple(self.sidecars):
            sidecar.rebalance()
        with LOCK:
            waiting, self._undelivered = self._undelivered, []
            for reminder, future in waiting:
                if self.reminders.get(reminder.type, reminder.id, reminder.name) is not reminder:
                    continue  # deleted meanwhile
                self.deliver(reminder).add_done_callback(partial(end_as, future))

    def restore(self, kept: Sequence[Saved[Reminder]]) -> None:
        """Have these reminders, and no others."""
        with LOCK:
            self._undelivered.clear()
            self.reminders.restore(kept)

    def reset(self) -> None:
        """Forget every reminder."""
        with LOCK:
            self.reminders.reset()
            self._undelivered.clear()


def weight(*parts: str) -> bytes:
    """Rendezvous hashing: the host with the largest weight has the actor."""
    return hashlib.blake2b("\0".join(parts).encode(errors="surrogateescape"), digest_size=8).digest()
