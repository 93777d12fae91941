"""`pubsub.redis`: a topic is a stream, every consumer id a group of it; what is not acknowledged comes again.

Follows components-contrib pubsub/redis. An embedded Redis is told and asked in the thread that publishes, and all of
its time is the sidecar's; a real one is listened to on threads, and what waits too long is looked for in real time.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from fakesidecar import golang
from fakesidecar.clock import Timer
from fakesidecar.components.pubsub import NO_METADATA, Cancel, Handler, Message, PubSub
from fakesidecar.components.registry import Surroundings, component
from fakesidecar.errors import ComponentError
from fakesidecar.redis_place import RedisSettings
from fakesidecar.resources.component import Component

log = logging.getLogger("fakesidecar.components.pubsub")

PROCESSING_SECONDS, REDELIVER_SECONDS = 60.0, 15.0
CONCURRENCY, QUEUE_DEPTH = 10, 100
START = "0"
"""Where a new group begins: it gets what was published before."""
DATA, METADATA = b"data", b"metadata"
"""The fields of an entry."""
TEXTS = golang.MapOf(golang.TEXT)
BUSY_GROUP, NO_GROUP = "BUSYGROUP", "NOGROUP"
BLOCK_MS = 100
"""How long a real Redis is asked to wait for an entry, and so until its thread hears that it is to stop."""
AGAIN_SECONDS = 1.0
"""Until a Redis that was away is tried again, in real time."""
END_SECONDS = 5.0
"""How long the threads may take to end, in real time."""

Entry = tuple[bytes, Mapping[bytes, bytes]]
"""An entry of a stream: its id and its fields."""
Held = tuple[str, list[bytes]]
"""A stream, and the ids of its entries that are with a reader, oldest first."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a component's metadata says, durations in seconds."""

    group: str
    processing: float
    """How long an entry may be with its handler; zero: as long as it likes."""
    redeliver: float
    """From one look for entries that wait too long to the next; zero: nobody looks."""
    concurrency: int
    queue_depth: int
    max_length: int
    ttl: float

    @classmethod
    def of(cls, given: RedisSettings, app_id: str) -> Settings:
        """Read a component's metadata."""
        processing = given.value("processingTimeout") if given.text("processingTimeout") else PROCESSING_SECONDS
        redeliver = _redeliver(given.text("redeliverInterval"))
        reclaims = processing > 0 and redeliver > 0
        concurrency, depth = given.value("concurrency"), given.value("queueDepth")
        return cls(
            given.text("consumerID").strip() or app_id,
            processing if reclaims else 0.0,
            redeliver if reclaims else 0.0,
            CONCURRENCY if concurrency is None else concurrency,
            QUEUE_DEPTH if depth is None else depth,
            given.value("maxLenApprox") or 0,
            given.value("streamTTL") or 0.0,
        )


def _redeliver(text: str) -> float:
    # Only a bare number of milliseconds counts; a text with a unit does not, whatever it says.
    return int(text) / 1000 if text.isascii() and text.isdigit() else REDELIVER_SECONDS


@component("pubsub.redis")
class Redis(PubSub):
    """Streams of a Redis, read by consumer groups: what is published while nobody reads waits."""

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        self.blocking = around.redis.blocking
        self.settings = Settings.of(RedisSettings(spec.metadata), around.app_id)
        self.redis = around.redis.connect(
            spec.metadata, failure="redis streams: error connecting to redis at {host}: {cause}"
        )
        self.clock = around.clock
        self.desk = Desk(self.settings)
        self._restored: list[Held] = []
        """What is to be here again as soon as all is restored."""
        self._threads = ThreadPoolExecutor(1, "pubsub.redis") if self.blocking else None
        if self.redis.embedded is not None:
            self.redis.embedded.listeners.append(self._added)

    # --- publishing ---

    def publish(self, message: Message) -> None:
        fields: dict[Any, Any] = {DATA: message.data}
        if message.metadata is not NO_METADATA:
            fields[METADATA] = golang.marshal(dict(message.metadata))
        trim: dict[str, Any] = {}
        if self.settings.max_length > 0:
            trim = {"maxlen": self.settings.max_length, "approximate": True}
        elif self.settings.ttl > 0:
            trim = {"minid": f"{int((self.clock.now() - self.settings.ttl) * 1000)}-1", "approximate": True}
        try:
            self.redis(lambda client: client.xadd(message.topic, fields, **trim))
        except ComponentError as error:
            raise ComponentError(f"redis streams: error from publish: {error}") from error
        if self.redis.embedded is not None:
            self.redis.embedded.tell(self.redis.database, message.topic)

    def _added(self, database: int, topic: str) -> None:
        """Something came, or is nobody's any more, in an embedded Redis."""
        if database == self.redis.database:
            for reader in self.desk.readers_of(topic):
                reader.look()

    # --- subscribing ---

    def subscribe(self, topic: str, handler: Handler, metadata: Mapping[str, str]) -> Cancel:
        reader = (BlockingReader if self.blocking else Reader)(self, topic, handler)
        self.desk.readers.append(reader)
        try:
            reader.start()
        except ComponentError:
            self.desk.readers.remove(reader)
            raise
        return lambda: self._leave(reader)

    def _leave(self, reader: Reader) -> None:
        if reader not in self.desk.readers:
            return
        self.desk.readers.remove(reader)
        reader.stop()
        self.desk.give_up(reader)
        if self.redis.embedded is not None:  # what was with the reader may be somebody else's next
            self.redis.embedded.tell(self.redis.database, reader.topic)

    def soon(self, work: Callable[[], None]) -> None:
        """Do something with Redis: here and now, or on a thread when it is outside of this process."""
        if self._threads is None:
            work()
            return
        with suppress(RuntimeError):  # it was closed meanwhile
            self._threads.submit(work)

    # --- its life ---

    def reset(self) -> None:
        self.redis.flush()

    def snapshot(self) -> list[Held]:
        """What is here of each stream; the rest is kept by its Redis (`RedisPlace.snapshot`), a real one by itself."""
        readers = () if self.blocking else tuple(self.desk.readers)
        return [(reader.topic, sorted(self.desk.ids(reader), key=_age)) for reader in readers]

    def restore(self, kept: list[Held]) -> None:
        if self.blocking:
            return
        self.desk.clear()
        self._restored = [*kept]

    def resume(self) -> None:
        restored, self._restored = self._restored, []
        for reader in () if self.blocking else tuple(self.desk.readers):
            held = next((one for one in restored if one[0] == reader.topic), (reader.topic, []))
            if held in restored:
                restored.remove(held)
            reader.go_on(held[1])

    def close(self) -> None:
        readers = tuple(self.desk.readers)
        for reader in readers:
            self._leave(reader)
        for reader in readers:
            reader.wait()
        if self._threads is not None:
            self._threads.shutdown()
        if self.redis.embedded is not None and self._added in self.redis.embedded.listeners:
            self.redis.embedded.listeners.remove(self._added)
        self.redis.close()


class Reader:
    """A group's reader of a stream."""

    def __init__(self, owner: Redis, topic: str, handler: Handler) -> None:
        self.topic = topic
        self.handler = handler
        self.stopped = threading.Event()
        self.behind = False
        """Whether there may be more than there was room for."""
        self.clock = owner.clock
        self.settings = owner.settings
        self._owner = owner
        self._redis = owner.redis
        self._desk = owner.desk
        self._group = owner.settings.group
        self._tick: Timer | None = None

    def start(self) -> None:
        """Begin to read, with what others have left behind."""
        self.create_group()
        self._reclaim()
        self.look()

    def stop(self) -> None:
        """Read nothing more."""
        self.stopped.set()
        if self._tick is not None:
            self._tick.cancel()

    def wait(self) -> None:
        """Wait for the end of threads."""

    def look(self) -> None:
        """Take what is there, as much as there is room for, and look again later for what waits too long."""
        with self._desk.room:
            self.fill()
            self._arm()
        self._desk.run()

    def go_on(self, ids: Iterable[bytes]) -> None:
        """Have these entries again, and look for more; the clock may have been put back."""
        if self._tick is not None:
            self._tick.cancel()
        self.create_group()
        with self._desk.room:
            for id in ids:
                self._desk.put(self, self._redis(partial(_entries, self.topic, id)), self.clock.now())
        self.look()

    def fill(self) -> None:
        """Take as much as there is room for."""
        while not self.stopped.is_set() and (many := self._desk.space) > 0:
            since = self.clock.now()
            entries = self._read(many)
            self._desk.put(self, entries, since)
            self.behind = len(entries) == many
            if not self.behind:
                return

    def create_group(self) -> None:
        """Let there be the group, and its stream."""
        try:
            self._redis(lambda client: client.xgroup_create(self.topic, self._group, START, mkstream=True))
        except ComponentError as error:
            if not str(error).startswith(BUSY_GROUP):
                raise ComponentError(f"redis streams: error creating consumer group: {error}") from error

    def _read(self, many: int, **more: Any) -> list[Entry]:
        def ask(client: Any) -> Any:
            return client.xreadgroup(self._group, self._group, {self.topic: ">"}, count=many, **more)

        try:
            found = self._redis(ask)
        except ComponentError as error:
            if not str(error).startswith(NO_GROUP):
                raise
            self.create_group()  # somebody has emptied Redis
            found = self._redis(ask)
        return found[0][1] if found else []

    # --- entries that wait too long ---

    def _arm(self) -> None:
        """While anything of the group is with somebody, look every now and then what became of it."""
        armed = self._tick is not None and not self._tick.cancelled
        if self.stopped.is_set() or armed or not self.settings.redeliver or not self._pending(1):
            return
        self._tick = self.clock.call_later(self.settings.redeliver, self._ring)

    def _ring(self) -> None:
        self._reclaim()
        with self._desk.room:
            self._arm()

    def _pending(self, many: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._redis(
            lambda client: client.xpending_range(self.topic, self._group, "-", "+", many)
        )
        return found

    def _reclaim(self) -> None:
        """Take over what has been with somebody for too long, unless it is with us."""
        if not self.settings.redeliver:
            return
        least = int(self.settings.processing * 1000) - 1  # times are whole milliseconds, so one may be missing
        with self._desk.room:
            ours = self._desk.ids(self)
            ids = [
                one["message_id"]
                for one in self._pending(max(1, self.settings.queue_depth))
                if one["time_since_delivered"] >= least and one["message_id"] not in ours
            ]
            if ids:
                since = self.clock.now()
                claimed = self._redis(
                    lambda client: client.xclaim(self.topic, self._group, self._group, max(0, least), ids)
                )
                found = [(id, fields) for id, fields in claimed if fields]
                self._desk.put(self, found, since)
                self._forget({*ids} - {id for id, _ in found})
        self._desk.run()

    def _forget(self, ids: Iterable[bytes]) -> None:
        """Acknowledge what is no longer in the stream; what somebody else has claimed meanwhile stays theirs."""
        for id in ids:
            if not self._redis(partial(_entries, self.topic, id)):
                self._redis(partial(_acknowledge, self.topic, self._group, id))

    def acknowledge(self, id: bytes) -> None:
        """Say that an entry was seen to."""

        def work() -> None:
            try:
                self._redis(partial(_acknowledge, self.topic, self._group, id))
            except ComponentError as error:
                log.error("redis streams: error acknowledging message %s: %s", id.decode(), error)

        self._owner.soon(work)


def _age(id: bytes) -> tuple[int, ...]:
    """What ids of entries are sorted by."""
    return tuple(map(int, id.split(b"-")))


def _entries(topic: str, id: bytes, client: Any) -> Any:
    return client.xrange(topic, id, id)


def _acknowledge(topic: str, group: str, id: bytes, client: Any) -> Any:
    return client.xack(topic, group, id)


class BlockingReader(Reader):
    """A reader of a real Redis: a thread waits for entries, another looks for those that wait too long."""

    def start(self) -> None:
        self._threads = [threading.Thread(target=self._listen, name=f"pubsub.redis {self.topic}", daemon=True)]
        if self.settings.redeliver:
            self._threads.append(threading.Thread(target=self._again, name=f"pubsub.redis {self.topic}", daemon=True))
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        super().stop()
        with self._desk.room:
            self._desk.room.notify_all()

    def look(self) -> None:
        """The thread does."""

    def _listen(self) -> None:
        self._keep(self.create_group, AGAIN_SECONDS, once=True)
        self._keep(self._take, 0)

    def _again(self) -> None:
        self._keep(self.create_group, AGAIN_SECONDS, once=True)
        self._keep(self._reclaim, self.settings.redeliver)

    def _keep(self, work: Callable[[], None], pause: float, *, once: bool = False) -> None:
        """Do something again and again, until it is time to stop, or `once` it was done."""
        while not self.stopped.is_set():
            try:
                work()
                if once:
                    return
            except ComponentError as error:
                log.error("redis streams: stream %s: %s", self.topic, error)
                self.stopped.wait(AGAIN_SECONDS)
            self.stopped.wait(pause)

    def _take(self) -> None:
        with self._desk.room:
            self._desk.room.wait_for(lambda: self.stopped.is_set() or self._desk.space > 0)
            many = self._desk.space
        if self.stopped.is_set():
            return
        since = self.clock.now()
        entries = self._read(many, block=BLOCK_MS)
        with self._desk.room:
            self._desk.put(self, entries, since)
        self._desk.run()

    def wait(self) -> None:
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(END_SECONDS)


def nothing() -> None:
    """There is nothing to end, so far."""


@dataclass(eq=False, slots=True)
class Turn:
    """An entry that waits to be handed over, or is with its handler."""

    reader: Reader
    id: bytes
    fields: Mapping[bytes, bytes]
    since: float
    """When it was read: from then on Redis counts how long it has been with somebody."""
    over: bool = False
    lift: Cancel = nothing
    """Ends the limit of its time."""
    give_up: Cancel = nothing

    def message(self) -> Message:
        """The entry as a message."""
        metadata: Mapping[str, str] = NO_METADATA
        if METADATA in self.fields:
            try:
                metadata = golang.unmarshal_into(self.fields[METADATA], TEXTS) or {}
            except golang.GoError as error:
                log.debug("the metadata of %s is none: %s", self.id.decode(), error)
        return Message(self.reader.topic, self.fields.get(DATA, b""), metadata)


class Desk:
    """Hands entries over, so many at a time, and keeps so many more."""

    def __init__(self, settings: Settings) -> None:
        self.room = threading.Condition(threading.RLock())
        """Guards all this; is told when there is room for more."""
        self.readers: list[Reader] = []
        self._limit = max(1, settings.concurrency)
        self._depth = max(1, settings.queue_depth)
        self._seconds = settings.processing
        self._queue: deque[Turn] = deque()
        self._with_handler: set[Turn] = set()
        self._handing = False

    @property
    def space(self) -> int:
        """How many entries more may be kept."""
        return self._depth - len(self._queue)

    def put(self, reader: Reader, entries: Iterable[Entry], since: float) -> None:
        """Keep entries, read then, until it is their turn."""
        if not reader.stopped.is_set():
            self._queue.extend(Turn(reader, id, fields, since) for id, fields in entries)

    def ids(self, reader: Reader) -> set[bytes]:
        """The entries of a reader that are here."""
        return {turn.id for turn in (*self._queue, *self._with_handler) if turn.reader is reader}

    def readers_of(self, topic: str) -> list[Reader]:
        """Who reads a stream."""
        return [reader for reader in tuple(self.readers) if reader.topic == topic]

    def give_up(self, reader: Reader) -> None:
        """Give up what is a reader's: it stays unacknowledged."""
        with self.room:
            self._queue = deque(turn for turn in self._queue if turn.reader is not reader)
            turns = [turn for turn in self._with_handler if turn.reader is reader]
        for turn in turns:
            self._give_up(turn)

    def clear(self) -> None:
        """Give up everything that is here, and hand over nothing else in its place."""
        with self.room:
            self._queue.clear()
            turns = tuple(self._with_handler)
            for reader in self.readers:
                reader.behind = False
        for turn in turns:
            if self._end(turn):
                turn.give_up()

    def run(self) -> None:
        """Hand over what waits, in order, while there is somebody free."""
        with self.room:
            if self._handing:  # whoever does looks again before it ends
                return
            self._handing = True
        while (turn := self._next()) is not None:
            self._hand_over(turn)

    def _next(self) -> Turn | None:
        with self.room:
            if len(self._with_handler) < self._limit and (self._queue or self._more()):
                turn = self._queue.popleft()
                self._with_handler.add(turn)
                self.room.notify_all()
                return turn
            self._handing = False
            return None

    def _more(self) -> bool:
        """Have those read on who had to wait for room; whether anything came of it."""
        for reader in self.readers:
            if reader.behind:
                reader.fill()
        return bool(self._queue)

    def _hand_over(self, turn: Turn) -> None:
        if self._seconds:
            left = turn.since + self._seconds - turn.reader.clock.now()
            if left <= 0:  # it waited too long here, and may be with somebody else by now
                self._late(turn)
                return
            turn.lift = turn.reader.clock.limit(left, lambda: self._late(turn))
        try:
            turn.give_up = turn.reader.handler(turn.message(), lambda error: self._done(turn)) or nothing
        except Exception:
            log.exception("the reader of %s failed", turn.reader.topic)
            self._done(turn)
            return
        if turn.over:  # meanwhile
            turn.give_up()

    def _done(self, turn: Turn) -> None:
        """A handler has seen to an entry; one that was refused is acknowledged as well (redis.go, since 1.17)."""
        if self._end(turn):
            turn.reader.acknowledge(turn.id)
            self.run()

    def _late(self, turn: Turn) -> None:
        log.warning("redis streams: %s was not seen to in time: it comes again", turn.id.decode())
        self._give_up(turn)

    def _give_up(self, turn: Turn) -> None:
        if self._end(turn):
            turn.give_up()
            self.run()

    def _end(self, turn: Turn) -> bool:
        with self.room:
            if turn.over:
                return False
            turn.over = True
            self._with_handler.discard(turn)
        turn.lift()
        return True
