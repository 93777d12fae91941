"""What ends when something else ends."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


def done() -> Future[None]:
    """A future that has ended well."""
    future: Future[None] = Future()
    future.set_result(None)
    return future


def failed(error: BaseException) -> Future[Any]:
    """A future that has failed."""
    future: Future[Any] = Future()
    future.set_exception(error)
    return future


def follow(
    source: Future[T], target: Future[T], error_of: Callable[[BaseException], BaseException] = lambda e: e
) -> None:
    """Have `target` end as `source` does, if it has not ended before."""

    def ended(source: Future[T]) -> None:
        if target.done():
            return
        error = source.exception()
        if error is None:
            target.set_result(source.result())
        else:
            target.set_exception(error_of(error))

    source.add_done_callback(ended)


def mapped(source: Future[T], error_of: Callable[[BaseException], BaseException]) -> Future[T]:
    """The same future, but for the error that it fails with."""
    target: Future[T] = Future()
    follow(source, target, error_of)
    return target
