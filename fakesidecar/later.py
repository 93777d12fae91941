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
    second: Future[R] = Future()

    def forward(done: Future[T]) -> None:
        if done.cancelled():
            second.cancel()
            return
        try:
            error = done.exception()
            if error is None:
                settle(second, convert(done.result()))
            elif recover is not None and isinstance(error, Exception):
                settle(second, recover(error))
            else:
                fail(second, error)
        except Exception as raised:
            fail(second, raised)

    def give_up(done: Future[R]) -> None:
        if done.cancelled():
            first.cancel()

    second.add_done_callback(give_up)
    first.add_done_callback(forward)
    return second


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
