"""`configuration.redis`: a setting is a text key, `value||version`; changes are Redis' keyspace events."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fakesidecar.components.configuration import Cancel, ConfigurationStore, Setting, Settings
from fakesidecar.components.configuration.in_memory import setting_of
from fakesidecar.components.registry import Surroundings, component
from fakesidecar.errors import ComponentError
from fakesidecar.resources.component import Component

log = logging.getLogger("fakesidecar.components.configuration")

EVENTS = "Kg$xe"
"""The keyspace events that Dapr asks Redis for: strings, generic commands, expired and evicted keys."""
CONFIRM_SECONDS = 5.0
"""How long Redis may take to say that events are on their way. Redis is outside of the clock: this is real time."""
POLL_SECONDS = 0.1
"""How soon a listener hears that it is to stop, in real time."""
AGAIN_SECONDS = 1.0
"""Until a Redis that was away is tried again, in real time."""
WRONG_TYPE = "WRONGTYPE"


@dataclass(frozen=True, slots=True, eq=False)
class Watch:
    """Somebody who wants to hear of changes; no keys are all keys."""

    keys: frozenset[str]
    tell: Callable[[Settings], None]


@component("configuration.redis")
class Redis(ConfigurationStore):
    """Settings in a Redis."""

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        self.blocking = around.redis.blocking
        self._redis = around.redis.connect(spec.metadata)
        self._watches: list[Watch] = []
        self._listener: Listener | None = None
        self._ending: list[Listener] = []
        """Those that were told to stop, and may not have heard it yet."""
        self._lock = threading.Lock()

    def get(self, keys: Sequence[str]) -> Settings:
        names = keys or sorted(name.decode() for name in self._redis(lambda client: client.keys("*")))
        found = {}
        for name in names:
            try:
                setting = self._setting(name)
            except ComponentError as error:
                raise ComponentError(f"fail to get configuration for redis key={name}, error is {error}") from error
            if setting is not None and setting.value:
                found[name] = setting
        return found

    def _setting(self, key: str) -> Setting | None:
        """The setting of a key: empty when there is none, None when it is no text."""
        try:
            text = self._redis(lambda client: client.get(key))
        except ComponentError as error:
            if str(error).startswith(WRONG_TYPE):
                return None
            raise
        return Setting() if text is None else setting_of(text.decode(errors="replace"))

    def subscribe(self, keys: Sequence[str], tell: Callable[[Settings], None]) -> Cancel:
        # A Redis that cannot be reached is no error here: Dapr's component subscribes behind the caller's back.
        watch = Watch(frozenset(keys), tell)
        with self._lock:
            self._watches.append(watch)
            if self._listener is None:
                self._listener = Listener(self._redis, self._changed)
        return lambda: self._cancel(watch)

    def _cancel(self, watch: Watch) -> None:
        with self._lock:
            if watch in self._watches:
                self._watches.remove(watch)
            if not self._watches:
                self._end_listener()

    def _end_listener(self) -> None:
        """Hear no more, without waiting for the thread."""
        self._ending = [listener for listener in self._ending if listener.alive]
        if self._listener is not None:
            self._listener.stop()
            self._ending.append(self._listener)
            self._listener = None

    def _changed(self, key: str) -> None:
        watches = [watch for watch in tuple(self._watches) if not watch.keys or key in watch.keys]
        setting = self._setting(key) if watches else None
        if setting is None:
            return
        for watch in watches:
            watch.tell({key: setting if setting.value else Setting()})

    def set(self, key: str, value: str, version: str = "") -> None:
        """Set a value where everybody who watches it hears of it; for tests."""
        text = f"{value}||{version}" if version else value
        self._redis(lambda client: client.set(key, text))

    def delete(self, key: str) -> None:
        """Remove a key; for tests."""
        self._redis(lambda client: client.delete(key))

    def reset(self) -> None:
        self._redis.flush()

    def snapshot(self) -> None:
        """What it keeps is kept by its Redis (`RedisPlace.snapshot`)."""

    def close(self) -> None:
        with self._lock:
            self._watches.clear()
            self._end_listener()
        for listener in self._ending:
            listener.wait()
        self._redis.close()


class Listener:
    """Hears of changed keys on a thread of its own, and comes back to a Redis that was away."""

    def __init__(self, redis: Any, changed: Callable[[str], None]) -> None:
        self._redis = redis
        self._prefix = f"__keyspace@{redis.database}__:"
        self._changed = changed
        self._stopped = threading.Event()
        self._pubsub: Any = None
        self._failures = failures()
        if not redis.blocking:
            self._begin()  # so that nothing that follows is missed; a real one is not waited for
        self._thread = threading.Thread(target=self._listen, name="configuration.redis", daemon=True)
        self._thread.start()

    def _begin(self) -> None:
        """Ask for events, and wait until they are on their way."""
        self._redis(lambda client: client.config_set("notify-keyspace-events", EVENTS))
        self._pubsub = self._redis.client.pubsub()
        self._pubsub.psubscribe(f"{self._prefix}*")
        self._pubsub.get_message(timeout=CONFIRM_SECONDS)

    def _listen(self) -> None:
        while not self._stopped.is_set():
            try:
                if self._pubsub is None:
                    self._begin()
                self._hear()
            except self._failures as error:
                if self._stopped.is_set():
                    break
                log.error("configuration.redis hears of no changes for now: %s", error)
                self._leave()
                self._stopped.wait(AGAIN_SECONDS)
        self._leave()

    def _hear(self) -> None:
        message: Mapping[str, Any] | None = self._pubsub.get_message(
            ignore_subscribe_messages=True, timeout=POLL_SECONDS
        )
        if message is not None and message["type"] == "pmessage":
            self._changed(message["channel"].decode(errors="replace").removeprefix(self._prefix))

    def _leave(self) -> None:
        pubsub, self._pubsub = self._pubsub, None
        if pubsub is not None:
            with contextlib.suppress(*self._failures):
                pubsub.close()

    @property
    def alive(self) -> bool:
        """Whether the thread has not ended yet."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Hear no more; the thread ends within a moment."""
        self._stopped.set()

    def wait(self) -> None:
        """Wait for the end of the thread."""
        if threading.current_thread() is not self._thread:
            self._thread.join(POLL_SECONDS * 5)


def failures() -> tuple[type[Exception], ...]:
    """What a Redis that is away, or is left, makes of calls."""
    import redis

    return (redis.RedisError, ComponentError, OSError, ValueError)
