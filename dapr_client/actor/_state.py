"""What an actor keeps.

Changes are collected while it is the actor's turn and saved together when the turn ends well; when it does not, they
are forgotten. What is known to be in the store is remembered as bytes, so that a value that was changed in place
without being set again is seen in its turn alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from dapr_client._async.actors import Change, DaprActorClientBase, Stored
from dapr_client._serializers import DefaultJSONSerializer, Serializer

if TYPE_CHECKING:
    from dapr_client.actor._actor import Actor

TTL = "ttlInSeconds"


class StateChangeKind(Enum):
    """What happened to a name."""

    none = 0
    add = 1
    update = 2
    remove = 3


@dataclass(frozen=True, slots=True)
class ActorStateChange:
    """What is to become of a name when the turn ends."""

    state_name: str
    value: Any
    change_kind: StateChangeKind
    ttl_in_seconds: int | None = None


REMOVED = StateChangeKind.remove


class StateProvider:
    """The way to what actors keep."""

    def __init__(self, actor_client: DaprActorClientBase, state_serializer: Serializer | None = None) -> None:
        self._client = actor_client
        self.serializer = state_serializer or DefaultJSONSerializer()

    async def load(self, actor_type: str, actor_id: str, name: str) -> Stored:
        """What is under a name."""
        return await self._client.read_state(actor_type, actor_id, name)

    async def save_state(self, actor_type: str, actor_id: str, changes: Sequence[ActorStateChange]) -> list[Change]:
        """Save all changes or none; gives them as they were sent."""
        sent = [self._change(change) for change in changes]
        await self._client.change_state(actor_type, actor_id, sent)
        return sent

    def _change(self, change: ActorStateChange) -> Change:
        if change.change_kind is REMOVED:
            return Change(change.state_name, None, {})
        metadata = {} if change.ttl_in_seconds is None else {TTL: str(change.ttl_in_seconds)}
        return Change(change.state_name, self.serializer.serialize(change.value), metadata)


@dataclass(slots=True)
class _Turn:
    changes: dict[str, ActorStateChange] = field(default_factory=dict)
    read: dict[str, Any] = field(default_factory=dict)
    """Values that were read, so that the same is given again."""


_TURN: ContextVar[tuple[ActorStateManager, _Turn] | None] = ContextVar("actor turn", default=None)


class ActorStateManager:
    """What an actor keeps, by name. Nothing is saved before the turn ends well, or `save_state` is called."""

    def __init__(self, actor: Actor) -> None:
        if not actor.runtime_ctx:
            raise AttributeError("runtime context was not set")
        self._type = actor.runtime_ctx.actor_type_info.type_name
        self._id = actor.id.id
        self._provider = actor.runtime_ctx.state_provider
        self._stored: dict[str, bytes] = {}
        """What is known to be in the store; empty: nothing."""
        self._version = 0
        """Grows with every change of the store."""
        self._outside = _Turn()
        """For whoever calls when it is nobody's turn."""
        self._turns: list[_Turn] = [self._outside]
        """Turns under way: many, when calls nest."""

    # --- by name ---

    async def add_state(self, state_name: str, value: Any) -> None:
        """Keep a value under a name that has none. ValueError if it has one."""
        if not await self.try_add_state(state_name, value):
            raise ValueError(f"The actor state name {state_name} already exist.")

    async def try_add_state(self, state_name: str, value: Any) -> bool:
        """Keep a value under a name that has none; whether it had none."""
        if await self.contains_state(state_name):
            return False
        self._add(state_name, value)
        return True

    async def get_state(self, state_name: str, state_type: Any = object) -> Any:
        """The value of a name. KeyError if it has none.

        `state_type` is for types that JSON has no form of: datetime, date, timedelta, bytes.
        """
        found, value = await self.try_get_state(state_name, state_type)
        if not found:
            raise KeyError(f"Actor State with name {state_name} was not found.")
        return value

    async def try_get_state(self, state_name: str, state_type: Any = object) -> tuple[bool, Any]:
        """Whether a name has a value, and that."""
        turn = self._turn
        if change := turn.changes.get(state_name):
            return (False, None) if change.change_kind is REMOVED else (True, change.value)
        if state_name not in turn.read:
            data = await self._load(state_name)
            if not data:
                return False, None
            turn.read[state_name] = self._provider.serializer.deserialize(data, state_type)
        return True, turn.read[state_name]

    async def set_state(self, state_name: str, value: Any) -> None:
        """Keep a value under a name."""
        await self.set_state_ttl(state_name, value, None)

    async def set_state_ttl(self, state_name: str, value: Any, ttl_in_seconds: int | None) -> None:
        """Keep a value under a name for so many seconds; a negative number changes nothing."""
        if ttl_in_seconds is not None and ttl_in_seconds < 0:
            return
        before = self._turn.changes.get(state_name)
        added = before is not None and before.change_kind is StateChangeKind.add
        self._set(state_name, value, StateChangeKind.add if added else StateChangeKind.update, ttl_in_seconds)

    async def remove_state(self, state_name: str) -> None:
        """Keep nothing under a name. KeyError if it has no value."""
        if not await self.try_remove_state(state_name):
            raise KeyError(f"Actor State with name {state_name} was not found.")

    async def try_remove_state(self, state_name: str) -> bool:
        """Keep nothing under a name; whether it had a value."""
        if not await self.contains_state(state_name):
            return False
        turn = self._turn
        before = turn.changes.pop(state_name, None)
        if before is None or before.change_kind is not StateChangeKind.add:
            self._set(state_name, None, REMOVED, None)
        return True

    async def contains_state(self, state_name: str) -> bool:
        """Whether a name has a value."""
        turn = self._turn
        if change := turn.changes.get(state_name):
            return change.change_kind is not REMOVED
        return state_name in turn.read or bool(await self._load(state_name))

    async def get_or_add_state(self, state_name: str, value: Any) -> Any:
        """The value of a name; it is this one if it had none."""
        found, kept = await self.try_get_state(state_name)
        if found:
            return kept
        self._add(state_name, value)
        return value

    async def add_or_update_state(
        self, state_name: str, value: Any, update_value_factory: Callable[[str, Any], Any]
    ) -> Any:
        """Keep a value under a name that has none, else what the function makes of name and value; gives it."""
        if not callable(update_value_factory):
            raise AttributeError("update_value_factory is not callable")
        found, kept = await self.try_get_state(state_name)
        if not found:
            self._add(state_name, value)
            return value
        made = update_value_factory(state_name, kept)
        before = self._turn.changes.get(state_name)
        await self.set_state_ttl(state_name, made, before.ttl_in_seconds if before else None)
        return made

    # --- all of it ---

    async def get_state_names(self) -> list[str]:
        """The names that were read or changed, and have a value."""
        changes = self._turn.changes
        names = dict.fromkeys((*(name for name, data in self._stored.items() if data), *self._turn.read, *changes))
        return [name for name in names if name not in changes or changes[name].change_kind is not REMOVED]

    def is_state_marked_for_remove(self, state_name: str) -> bool:
        """Whether a name had a value before this turn, and is to have none after it."""
        change = self._turn.changes.get(state_name)
        return change is not None and change.change_kind is REMOVED

    async def clear_cache(self) -> None:
        """Forget changes that were not saved, and what was read."""
        self._turn.changes.clear()
        self._turn.read.clear()
        self._stored.clear()

    async def save_state(self) -> None:
        """Save all changes, or none of them."""
        turn = self._turn
        changes = dict(turn.changes)
        if not changes:
            return
        self._version += 1
        try:
            sent = await self._provider.save_state(self._type, self._id, [*changes.values()])
        except BaseException:
            self._stored.clear()  # nobody knows what is in the store now
            raise
        self._version += 1
        for change in sent:
            self._saved(turn, changes[change.name], change)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """It is the actor's turn until the block ends; what is not saved by then is forgotten."""
        turn = _Turn()
        token = _TURN.set((self, turn))
        self._turns.append(turn)
        try:
            yield
        finally:
            self._turns.remove(turn)
            _TURN.reset(token)

    # --- within ---

    @property
    def _turn(self) -> _Turn:
        current = _TURN.get()
        return current[1] if current is not None and current[0] is self else self._outside

    def _add(self, name: str, value: Any) -> None:
        kind = StateChangeKind.update if self.is_state_marked_for_remove(name) else StateChangeKind.add
        self._set(name, value, kind, None)

    def _set(self, name: str, value: Any, kind: StateChangeKind, ttl: int | None) -> None:
        self._turn.changes[name] = ActorStateChange(name, value, kind, ttl)

    async def _load(self, name: str) -> bytes:
        if name in self._stored:
            return self._stored[name]
        version = self._version
        stored = await self._provider.load(self._type, self._id, name)
        if version == self._version and not stored.expires:
            self._stored[name] = stored.data
        return stored.data

    def _saved(self, turn: _Turn, asked: ActorStateChange, sent: Change) -> None:
        name = asked.state_name
        if turn.changes.get(name) is asked:  # not changed again meanwhile
            del turn.changes[name]
        for other in self._turns:
            other.read.pop(name, None)
        if asked.ttl_in_seconds is None:
            self._stored[name] = sent.data or b""
        else:
            self._stored.pop(name, None)  # it may be gone before the actor is
