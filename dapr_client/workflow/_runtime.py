"""The workflows and activities of an application, at work."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, Self, TypeVar, overload

from dapr_client import _clock
from dapr_client._transport.sync import Transport
from dapr_client.workflow._executions import Executions
from dapr_client.workflow._logging import LoggerOptions
from dapr_client.workflow._registry import Registry, name_of, named
from dapr_client.workflow._wiring import wiring
from dapr_client.workflow._worker import Limits, Wait, Worker

F = TypeVar("F", bound=Callable[..., Any])

READY_SECONDS = 30.0


class WorkflowRuntime:
    """Runs workflows and activities for a sidecar.

        runtime = WorkflowRuntime()

        @runtime.workflow
        def order(ctx: DaprWorkflowContext, item: str):
            return (yield ctx.call_activity(price_of, input=item))

        @runtime.activity
        def price_of(ctx: WorkflowActivityContext, item: str) -> int:
            return len(item)

        with runtime:
            ...

    The functions stay what they are: they can be called, and registered in as many runtimes as there are. Workflows
    are generators or `async def`, activities `def` or `async def`.
    """

    def __init__(
        self,
        host: str | None = None,
        port: str | int | None = None,
        logger_options: LoggerOptions | None = None,
        interceptors: Sequence[Any] | None = None,
        maximum_concurrent_activity_work_items: int | None = None,
        maximum_concurrent_orchestration_work_items: int | None = None,
        maximum_thread_pool_workers: int | None = None,
        worker_ready_timeout: float | None = None,
        max_grpc_message_length: int | None = None,
        disable_stateful_history: bool = False,
        history_cache_ttl: float | None = None,
        history_cache_max_instances: int | None = None,
        history_cache_max_bytes: int | None = None,
        *,
        channel: Callable[[], Any] | None = None,
        api_token: str | None = None,
        wait: Wait = _clock.wait,
    ) -> None:
        """`channel` makes the channel of each connection; `wait` waits between two tries to connect."""
        if logger_options is not None:
            logger_options.apply()
        cores = os.cpu_count() or 1
        self._limits = Limits(
            maximum_concurrent_activity_work_items or 100 * cores,
            maximum_concurrent_orchestration_work_items or 100 * cores,
            maximum_thread_pool_workers or cores + 4,
        )
        self.registry = Registry()
        """The workflows and activities."""
        self._ready_seconds = READY_SECONDS if worker_ready_timeout is None else worker_ready_timeout
        self._keep = not disable_stateful_history
        self._cache = {
            "ttl": history_cache_ttl,
            "max_instances": history_cache_max_instances,
            "max_bytes": history_cache_max_bytes,
        }
        self._wait = wait
        self._worker: Worker | None = None

        def connect() -> Transport:
            made = channel() if channel is not None else None
            way = wiring(host, port, made, api_token, max_grpc_message_length, interceptors)
            return Transport(way, lambda: None)

        # A malformed address is told at once.
        if channel is None:
            wiring(host, port, None, api_token, None).endpoint()
        self._connect = connect

    # --- what there is ---

    def register_workflow(self, fn: Callable[..., Any], *, name: str | None = None) -> None:
        """Register a workflow under a name, else that of the function."""
        self.registry.add_workflow(fn, name or name_of(fn))
        named(fn, name)

    def register_versioned_workflow(
        self, fn: Callable[..., Any], *, name: str, version_name: str | None = None, is_latest: bool
    ) -> None:
        """Register a version of a workflow: new instances get the latest, and keep what they began with."""
        self.registry.add_workflow(fn, name, version_name or fn.__name__, is_latest)
        named(fn, name)

    def register_activity(self, fn: Callable[..., Any], *, name: str | None = None) -> None:
        """Register an activity under a name, else that of the function."""
        self.registry.add_activity(fn, name or name_of(fn))
        named(fn, name)

    @overload
    def workflow(self, fn: F, /, *, name: str | None = None) -> F: ...
    @overload
    def workflow(self, fn: None = None, /, *, name: str | None = None) -> Callable[[F], F]: ...
    def workflow(self, fn: F | None = None, /, *, name: str | None = None) -> F | Callable[[F], F]:
        """Register a workflow, as a decorator: `@runtime.workflow` or `@runtime.workflow(name="order")`."""

        def decorate(function: F) -> F:
            self.register_workflow(function, name=name)
            return function

        return decorate if fn is None else decorate(fn)

    @overload
    def versioned_workflow(self, fn: F, /, *, name: str, version_name: str | None = None, is_latest: bool) -> F: ...
    @overload
    def versioned_workflow(
        self, fn: None = None, /, *, name: str, version_name: str | None = None, is_latest: bool
    ) -> Callable[[F], F]: ...
    def versioned_workflow(
        self, fn: F | None = None, /, *, name: str, version_name: str | None = None, is_latest: bool
    ) -> F | Callable[[F], F]:
        """Register a version of a workflow, as a decorator."""

        def decorate(function: F) -> F:
            self.register_versioned_workflow(function, name=name, version_name=version_name, is_latest=is_latest)
            return function

        return decorate if fn is None else decorate(fn)

    @overload
    def activity(self, fn: F, /, *, name: str | None = None) -> F: ...
    @overload
    def activity(self, fn: None = None, /, *, name: str | None = None) -> Callable[[F], F]: ...
    def activity(self, fn: F | None = None, /, *, name: str | None = None) -> F | Callable[[F], F]:
        """Register an activity, as a decorator: `@runtime.activity` or `@runtime.activity(name="price")`."""

        def decorate(function: F) -> F:
            self.register_activity(function, name=name)
            return function

        return decorate if fn is None else decorate(fn)

    # --- at work ---

    def start(self) -> None:
        """Begin to work, and return when the sidecar sends work. RuntimeError if it does not within its time."""
        if self._worker is not None:
            return
        chosen = {name: value for name, value in self._cache.items() if value is not None}
        executions = Executions(self.registry, keep=self._keep, **chosen)  # type: ignore[arg-type]  # as named there
        worker = Worker(self._connect, self.registry, executions, self._limits, deltas=self._keep, wait=self._wait)
        self._worker = worker
        worker.start()
        if not worker.ready(self._ready_seconds):
            self.shutdown()
            raise RuntimeError("WorkflowRuntime worker and its stream are not ready")

    def wait_for_worker_ready(self, timeout: float = 30.0) -> bool:
        """Whether the sidecar sends work, within that time."""
        return self._worker is not None and self._worker.ready(timeout)

    def shutdown(self) -> None:
        """End. Work that is under way is handed in, if it does not take too long."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.shutdown()
