"""Tests that Hypothesis runs many times: every run begins with what the sidecar held when the first one began."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from dapr_client._functions import signature_of

if TYPE_CHECKING:
    import pytest

    from dapr_testing._sidecar import DaprSidecar

OURS = frozenset({"dapr_sidecar", "dapr_client", "async_dapr_client"})
"""Fixtures that are as new in every run, though their scope is a function."""


@contextlib.contextmanager
def begun_anew(item: pytest.Function, view: DaprSidecar) -> Iterator[None]:
    """Until the block ends, every run of a test with `@given` has the sidecar as it was at the first.

    What a test runs is replaced where Hypothesis has it for that: `hypothesis.inner_test`.
    """
    handle = item.obj.hypothesis
    inner = handle.inner_test
    handle.inner_test = _anew(inner, view)
    try:
        with _quiet(item):
            yield
    finally:
        handle.inner_test = inner


def _anew(inner: Callable[..., Any], view: DaprSidecar) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(inner):

        @functools.wraps(inner)
        async def run_async(*args: Any, **kwargs: Any) -> Any:
            with view.example():
                return await inner(*args, **kwargs)

        return run_async

    @functools.wraps(inner)
    def run(*args: Any, **kwargs: Any) -> Any:
        with view.example():
            return inner(*args, **kwargs)

    return run


@contextlib.contextmanager
def _quiet(item: pytest.Function) -> Iterator[None]:
    """Hypothesis warns of fixtures that are the same in every run; ours are not, others may be."""
    from hypothesis import HealthCheck, settings

    function = getattr(item.obj, "__func__", item.obj)
    chosen = function._hypothesis_internal_use_settings
    if _others(item):
        yield
        return
    checks = {HealthCheck.function_scoped_fixture, *chosen.suppress_health_check}
    function._hypothesis_internal_use_settings = settings(parent=chosen, suppress_health_check=list(checks))
    try:
        yield
    finally:
        function._hypothesis_internal_use_settings = chosen


def _others(item: pytest.Function) -> bool:
    """Whether the test takes another fixture of its own."""
    fixtures = item._request._fixture_defs
    asked = set(signature_of(item.function).parameters) - OURS
    return any(name in fixtures and fixtures[name].scope == "function" for name in asked)
