"""Answers that come later: a handler that cannot answer yet returns a future, and keeps no thread waiting."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")


_AWAITED: dict[type, bool] = {}


def is_awaited(answer: object) -> bool:
    """Whether an answer is awaited; every call asks, and `inspect.isawaitable` would take a twentieth of it."""
    kind = type(answer)
    found = _AWAITED.get(kind)
    if found is None:
        found = _AWAITED[kind] = issubclass(kind, Awaitable)
    return found


def settle(future: Future[T], value: T) -> None:
    """Give a future its result, unless whoever waited for it has gone."""
    with suppress(InvalidStateError):
        future.set_result(value)


def fail(future: Future[Any], error: BaseException) -> None:
    """Give a future its error, unless whoever waited for it has gone."""
    with suppress(InvalidStateError):
        future.set_exception(error)


def then(first: Future[T], convert: Callable[[T], R], recover: Callable[[Exception], R] | None = None) -> Future[R]:
    """A future of what `convert` makes of the first one's result; cancelling it cancels the first.

    `recover` makes a result of an error, or raises another one.
    """
    return _Then(first, convert, recover)


class _Then(Future[R]):
    def __init__(
        self, first: Future[Any], convert: Callable[[Any], R], recover: Callable[[Exception], R] | None
    ) -> None:
        super().__init__()
        self._first, self._convert, self._recover = first, convert, recover
        first.add_done_callback(self._forward)

    def _forward(self, first: Future[Any]) -> None:
        if first.cancelled():
            super().cancel()
            return
        try:
            error = first.exception()
            if error is None:
                settle(self, self._convert(first.result()))
            elif self._recover is not None and isinstance(error, Exception):
                settle(self, self._recover(error))
            else:
                fail(self, error)
        except Exception as raised:
            fail(self, raised)

    def cancel(self) -> bool:
        cancelled = super().cancel()
        if cancelled:
            self._first.cancel()
        return cancelled


def now(value: T) -> Future[T]:
    """A future that has its result already."""
    future: Future[T] = Future()
    future.set_result(value)
    return future


def failed(error: BaseException) -> Future[Any]:
    """A future that has its error already."""
    future: Future[Any] = Future()
    future.set_exception(error)
    return future


def follow(target: Future[T], ask: Callable[[], Future[T]]) -> None:
    """End a future as what is asked now ends; cancelling it cancels that."""
    if target.done():
        return
    try:
        source = ask()
    except Exception as error:
        fail(target, error)
        return
    target.add_done_callback(lambda done: done.cancelled() and source.cancel())
    source.add_done_callback(lambda done: None if done.cancelled() else end_as(target, done))


def end_as(target: Future[T], source: Future[T]) -> None:
    """End a future as another one has ended."""
    error = source.exception()
    if error is None:
        settle(target, source.result())
    else:
        fail(target, error)
