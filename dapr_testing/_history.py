"""What clients did, and what they were told: what checkers judge.

history = History(dapr_sidecar.clock.now)
ann = history.watch(dapr_sidecar.client(), "ann")
ann.save_state("orders", "7", "paid")
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import grpc

from dapr_client import DaprGrpcError, TryLockResponse

C = TypeVar("C")

UNDECIDED = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "UNKNOWN", "INTERNAL", "DATA_LOSS"})
"""Statuses that leave open whether the call was carried out."""
LATE = 1 << 62
"""The end of what never ended."""


@dataclass(slots=True, eq=False)
class Done:
    """Something that somebody did: from `begin` to `end`, in the order in which things happened."""

    who: str
    what: str
    """The client's method, or `deliver`, or `inside`."""
    arguments: Mapping[str, Any]
    begin: int
    started: float
    end: int = LATE
    ended: float = float("inf")
    answer: Any = None
    error: BaseException | None = None
    undecided: bool = False
    """Whether nobody knows if it had an effect."""

    @property
    def ok(self) -> bool:
        """Whether it ended well."""
        return self.end != LATE and self.error is None

    @property
    def maybe(self) -> bool:
        """Whether it may have had its effect, or may have it yet."""
        return self.undecided or self.end == LATE

    def __str__(self) -> str:
        said = ", ".join(f"{name}={_short(value)}" for name, value in self.arguments.items())
        return f"{self.who:<8} {self.what}({said}) → {self._outcome()}"

    def _outcome(self) -> str:
        if self.end == LATE:
            return "…"
        if self.error is None:
            return _answer(self.answer)
        name = self.error.code().name if isinstance(self.error, DaprGrpcError) else type(self.error).__name__
        return f"{name}, maybe done" if self.undecided else name


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}…"


def _answer(answer: Any) -> str:
    for names in (("data", "etag"), ("success",), ("status",), ("failed_entries",)):
        if all(hasattr(answer, name) for name in names):
            return " ".join(f"{name}={_short(getattr(answer, name))}" for name in names)
    return "OK" if answer is None or hasattr(answer, "headers") else _short(answer)


@dataclass(slots=True)
class History:
    """What happened in a test, in order; `now` tells the time of the lines in a timeline."""

    now: Callable[[], float] = lambda: 0.0
    done: list[Done] = field(default_factory=list)
    _ticks: Iterator[int] = field(default_factory=itertools.count, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    # --- to write it ---

    def watch(self, client: C, who: str = "client") -> C:
        """A client whose calls become part of the history; of both kinds, used as before."""
        return _Watched(self, client, who)  # type: ignore[return-value]  # it has what the client has

    def handler(self, handle: Callable[..., Any], who: str = "subscriber") -> Callable[..., Any]:
        """A handler of events, sync or async, whose deliveries and answers become part of the history."""
        if inspect.iscoroutinefunction(handle):

            @functools.wraps(handle)
            async def handle_async(message: Any, *more: Any) -> Any:
                with self.doing(who, "deliver", _delivery(message)) as done:
                    done.answer = await handle(message, *more)
                return done.answer

            return handle_async

        @functools.wraps(handle)
        def handle_sync(message: Any, *more: Any) -> Any:
            with self.doing(who, "deliver", _delivery(message)) as done:
                done.answer = handle(message, *more)
            return done.answer

        return handle_sync

    @contextlib.contextmanager
    def inside(self, resource: str, who: str) -> Iterator[None]:
        """What nobody else may do at the same time: the code that a lock is for."""
        with self.doing(who, "inside", {"resource_id": resource}):
            yield

    @contextlib.contextmanager
    def doing(
        self, who: str, what: str, arguments: Mapping[str, Any], *, conflicts_are_final: bool = True
    ) -> Iterator[Done]:
        """Anything that is done; set `answer` of what is given."""
        with self._lock:
            done = Done(who, what, arguments, next(self._ticks), self.now())
            self.done.append(done)
        try:
            yield done
        except BaseException as error:
            done.error = error
            done.undecided = undecided(error, conflicts_are_final)
            raise
        finally:
            with self._lock:
                done.end, done.ended = next(self._ticks), self.now()

    # --- to read it ---

    def of(self, *methods: str) -> list[Done]:
        """What was done by these methods, in the order in which it began."""
        return [one for one in self.done if one.what in methods]

    def timeline(self, marks: Mapping[int, str] | None = None, about: list[Done] | None = None) -> str:
        """A line for each thing that was done; marks stand before some, by the number of their begin."""
        chosen = self.done if about is None else about
        start = min((one.started for one in self.done), default=0.0)
        return "\n".join(
            f"{(marks or {}).get(one.begin, ''):>4} #{number:<3} {one.started - start:+9.3f} s  {one}"
            for number, one in enumerate(chosen, 1)
        )

    def __repr__(self) -> str:
        return self.timeline() or "nothing was done"


def undecided(error: BaseException, conflicts_are_final: bool) -> bool:
    """Whether an error leaves open what became of the call.

    When a client tries again by itself, a conflict does so too: it may be with its own first try.
    """
    if not isinstance(error, grpc.RpcError | DaprGrpcError):
        return not isinstance(error, ValueError | TypeError)
    status = error.code().name
    return status in UNDECIDED or (status == "ABORTED" and not conflicts_are_final)


def _delivery(message: Any) -> Mapping[str, Any]:
    return {
        "pubsub_name": message.pubsub_name(),
        "topic_name": message.topic(),
        "id": message.id(),
        "data": message.raw_data() if hasattr(message, "raw_data") else message.data(),
    }


class _Watched:
    """A client, and somebody who writes down what it does."""

    def __init__(self, history: History, client: Any, who: str) -> None:
        self._history, self._client, self._who = history, client, who

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        return self._written_down(name, found) if inspect.ismethod(found) else found

    def _written_down(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(method)
        final = not self._client.retry_policy.retries

        def doing(args: Any, kwargs: Any) -> contextlib.AbstractContextManager[Done]:
            arguments = signature.bind(*args, **kwargs).arguments
            return self._history.doing(self._who, name, arguments, conflicts_are_final=final)

        if inspect.iscoroutinefunction(method):

            async def call_async(*args: Any, **kwargs: Any) -> Any:
                with doing(args, kwargs) as done:
                    done.answer = self._told(await method(*args, **kwargs))
                return done.answer

            return call_async

        def call(*args: Any, **kwargs: Any) -> Any:
            with doing(args, kwargs) as done:
                done.answer = self._told(method(*args, **kwargs))
            return done.answer

        return call

    def _told(self, answer: Any) -> Any:
        if isinstance(answer, TryLockResponse):
            answer._client = self  # as a context manager it unlocks by itself, which is to be written down
        return answer
