"""What a test puts into the fake and looks at, past the API: `dapr_sidecar.state`, `.secrets` and so on.

Everything goes through the fake's core, so that keys get their prefixes and subscribers hear of changes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fakesidecar.components.state import Delete, Json, Upsert

if TYPE_CHECKING:
    from fakesidecar.components.conversation.scripted import Scripted
    from fakesidecar.core import Core
    from fakesidecar.core.actors.hosts import ActorTimer, Reminder
    from fakesidecar.core.actors.table import Turn
    from fakesidecar.core.bindings import Invoked
    from fakesidecar.core.bindings_app import Delivered
    from fakesidecar.core.crypto import Operation
    from fakesidecar.core.jobs import Job, Triggered

SECONDS = 10.0
"""How long to wait, in real time, for an application."""


class State:
    """What the state stores hold."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def put(self, store: str, key: str, value: Any, *, ttl: int | None = None) -> None:
        """Store bytes and text as they are, anything else as JSON; `ttl` in seconds."""
        if isinstance(value, str):
            value = value.encode()
        metadata = {} if ttl is None else {"ttlInSeconds": str(ttl)}
        stored = value if isinstance(value, bytes) else Json(value)
        self._core.state.save(store, [Upsert(key, stored, metadata=metadata)])

    def get(self, store: str, key: str) -> bytes | None:
        """The value under a key, None when there is none."""
        item = self._core.state.get(store, key)
        return None if item is None else item.data

    def etag(self, store: str, key: str) -> str | None:
        """The etag of the value under a key, None when there is none."""
        item = self._core.state.get(store, key)
        return None if item is None else item.etag

    def delete(self, store: str, key: str) -> None:
        """Remove a key."""
        self._core.state.delete(store, Delete(key))


class Secrets:
    """What the secret stores hold."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def set(self, store: str, name: str, value: str | Mapping[str, str]) -> None:
        """Set a secret: a text is a secret with one value under its own name. For `secretstores.in-memory`."""
        found = self._core.secrets.store(store)
        if not hasattr(found, "set"):
            raise TypeError(f"secret store {store!r} is a {found.component_type.name}: its secrets cannot be set")
        found.set(name, value)

    def get(self, store: str, name: str) -> Mapping[str, str] | None:
        """A secret as the application may see it."""
        return self._core.secrets.get(store, name)


class Configuration:
    """What the configuration stores hold."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def set(self, store: str, key: str, value: str, *, version: str = "") -> None:
        """Set a value, and tell those who watch it. For `configuration.in-memory`."""
        self._store(store).set(key, value, version)

    def delete(self, store: str, key: str) -> None:
        """Remove a key, and tell those who watch it. For `configuration.in-memory`."""
        self._store(store).delete(key)

    def get(self, store: str, key: str) -> str | None:
        """The value of a key, None when there is none."""
        setting = self._core.configuration.get(store, [key]).get(key)
        return None if setting is None else setting.value

    def _store(self, name: str) -> Any:
        found = self._core.configuration.store(name)
        if not hasattr(found, "set"):
            raise TypeError(f"configuration store {name!r} is a {found.component_type.name}: change it where it lives")
        return found


class Lock:
    """Who holds what."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def hold(self, store: str, resource: str, owner: str, *, seconds: int = 60) -> bool:
        """Let somebody hold a resource; False when it is held already."""
        return self._core.lock.try_lock(store, resource, owner=owner, seconds=seconds)

    def release(self, store: str, resource: str, owner: str) -> bool:
        """End somebody's lease; False when it is not theirs."""
        return self._core.lock.unlock(store, resource, owner=owner) == 0

    def owner(self, store: str, resource: str) -> str | None:
        """Who holds a resource, None when nobody does."""
        return self._core.lock.owner(store, resource)


class Bindings:
    """What output bindings were asked for, and what input bindings bring in."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def invoked(self, name: str) -> list[Invoked]:
        """What a binding was asked for, the oldest first: `.operation`, `.data`, `.metadata`, `.error`."""
        return [one for one in self._core.bindings.invoked if one.binding == name]

    def answer(self, name: str, operation: str, data: Any = b"", metadata: Mapping[str, str] = {}) -> None:
        """Have a binding answer an operation so: bytes and text as they are, anything else as JSON.

        For `bindings.in-memory` and what stands in for others.
        """
        from fakesidecar.components.bindings import Reply
        from fakesidecar.components.bindings.in_memory import Answering

        found = self._core.bindings.find(name)
        if not isinstance(found, Answering):
            kind = "not loaded" if found is None else f"a {found.component_type.name}: it answers what it will"
            raise TypeError(f"binding {name!r} is {kind}")
        found.answer(operation, Reply(as_bytes(data), dict(metadata)))

    def push(self, name: str, data: Any = b"", metadata: Mapping[str, str] = {}) -> None:
        """Let an event come in, besides those that come by themselves, and wait until the application has seen to it.

        Bytes and text go as they are, anything else as JSON. What became of it is the last of `deliveries`; an
        application whose policy is to be offered it again later is so when the clock comes there.
        """
        from fakesidecar.components.bindings import Event

        self._core.bindings.inputs.push(name, Event(as_bytes(data), dict(metadata)))

    @property
    def deliveries(self) -> list[Delivered]:
        """Every attempt to hand the application an event, the oldest first: `.binding`, `.event`, `.error`."""
        return [*self._core.bindings.inputs.delivered]


def as_bytes(data: Any) -> bytes:
    """Bytes and text as they are, anything else as JSON."""
    if isinstance(data, str):
        return data.encode()
    return data if isinstance(data, bytes) else json.dumps(data).encode()


class Jobs:
    """What is scheduled, and what the application was told.

    Without an application every tick counts as handled, unless `on_trigger` says otherwise.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    @property
    def triggered(self) -> list[Triggered]:
        """The last ticks in order, each attempt by itself: `.name`, `.due`, `.attempt`, `.data`."""
        return [*self._core.jobs.triggered]

    @property
    def scheduled(self) -> dict[str, Job]:
        """The jobs that have ticks before them, by name."""
        return {job.name: job for job in self._core.jobs.list()}

    def trigger(self, name: str) -> None:
        """Have the application told of a job now, besides its schedule."""
        self._core.jobs.trigger(name)

    def on_trigger(self, handler: Callable[[Triggered], bool]) -> None:
        """Have ticks handled by a function when there is no application; False is a failure, and tried again."""
        self._core.jobs.receiver = handler


class Actors:
    """Which actors are active, whose turn it was, what they keep and are reminded of."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @property
    def active(self) -> list[tuple[str, str]]:
        """Type and id of every active actor."""
        return self._core.actors.active()

    @property
    def turns(self) -> list[Turn]:
        """What actors were asked to do, the oldest first: `.type`, `.id`, `.kind`, `.name`, `.outcome`, `.error`."""
        return [*self._core.actors.turns]

    def state(self, type: str, id: str) -> dict[str, bytes]:
        """What an actor keeps, by key."""
        return self._core.actors.state.all(type, id)

    def reminders(self, type: str | None = None, id: str | None = None) -> list[Reminder]:
        """The reminders that are still to come: `.type`, `.id`, `.name`, `.due_time`, `.period`, `.data`."""
        return self._core.actors.place.reminders.select(type, id)

    def timers(self, type: str | None = None, id: str | None = None) -> list[ActorTimer]:
        """The timers that are still to tick: `.type`, `.id`, `.name`, `.due_time`, `.period`, `.callback`, `.data`."""
        return self._core.actors.timers.select(type, id)

    def fire_reminder(self, type: str, id: str, name: str) -> None:
        """Remind an actor now, besides the schedule, and wait until it has done what it does then."""
        self._core.actors.fire_reminder(type, id, name).result(SECONDS)

    def fire_timer(self, type: str, id: str, name: str) -> None:
        """Have a timer tick now, besides its schedule, and wait until the actor has done what it does then."""
        self._core.actors.fire_timer(type, id, name).result(SECONDS)

    def deactivate(self, type: str, id: str) -> None:
        """Deactivate an actor, when its turn is over, and wait for that."""
        self._core.actors.deactivate(type, id).result(SECONDS)


class Crypto:
    """Which keys there are, and what was encrypted and decrypted."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @property
    def operations(self) -> list[Operation]:
        """The last documents that were made and opened, the oldest first.

        Each has `.name` (`encrypt` or `decrypt`), `.provider`, `.key`, `.algorithm`, `.cipher`, `.complete`, and of
        what was in it `.size` and `.data`, the first 64 KiB.
        """
        return [*self._core.crypto.operations]

    def keys(self, provider: str) -> list[str]:
        """The names of the keys of a provider."""
        found = self._core.crypto.provider(provider)
        return sorted({*found.names(), *found.added})

    def add_key(
        self, provider: str, name: str, key: bytes | str | None = None, *, kind: Literal["AES", "RSA"] = "AES"
    ) -> bytes:
        """Have a provider know a key (PEM, a JSON Web Key, or plain bytes), by default a new one of that kind.

        Until the test ends it comes before the key of that name that the provider has. Files are not touched.
        """
        from fakesidecar.components.crypto.keys import new_key, parse_key

        content = new_key(kind) if key is None else as_bytes(key)
        parse_key(content)
        self._core.crypto.provider(provider).added[name] = content
        return content

    def encrypt(
        self, provider: str, key: str, data: bytes | str, *, algorithm: str = "", cipher: str = "AES-GCM"
    ) -> bytes:
        """A document, made without the application; `algorithm` is the one for the kind of key that it is."""
        if not algorithm:
            algorithm = "A256KW" if isinstance(self._core.crypto.provider(provider).key(key).material, bytes) else "RSA"
        encrypter = self._core.crypto.encrypter(provider, key, algorithm, cipher=cipher, noted=False)
        return b"".join([encrypter.header, *encrypter.feed(as_bytes(data)), *encrypter.finish()])

    def decrypt(self, provider: str, document: bytes, key: str = "") -> bytes:
        """What is in a document, opened without the application."""
        decrypter = self._core.crypto.decrypter(provider, key, noted=False)
        return b"".join([*decrypter.feed(document), *decrypter.finish()])


class Conversation:
    """What the models of type `conversation.scripted` are to say, and what they were asked."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def __getitem__(self, name: str) -> Scripted:
        """The model of that name: `.when("weather", say="Sunny.")`, `.asked`, `.wait_until_asked()`."""
        from fakesidecar.components.conversation.scripted import Scripted

        model = self._core.conversation.model(name)
        if not isinstance(model, Scripted):
            raise TypeError(f"{name!r} is a {model.component_type.name}: it says what it will")
        return model


Data = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""By block, component and key."""


def seed(core: Core, data: Data | str | Path) -> None:
    """Put data into the stores of a sidecar; text and paths are those of a JSON file."""
    given: Data = data if isinstance(data, Mapping) else json.loads(Path(data).read_text(encoding="utf-8"))
    put: dict[str, Callable[[str, str, Any], Any]] = {
        "state": State(core).put,
        "secrets": Secrets(core).set,
        "configuration": Configuration(core).set,
    }
    for block, components in given.items():
        if block not in put:
            raise ValueError(f"nothing can be put into {block!r}: {', '.join(put)}")
        for component, values in components.items():
            for key, value in values.items():
                put[block](component, key, value)
