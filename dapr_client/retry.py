"""When to try a call again, and how long to wait before.

DaprClient(retry_policy=RetryPolicy(max_attempts=5, jitter=True))
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import grpc

from dapr_client import _clock
from dapr_client.errors import DaprGrpcError
from dapr_client.settings import settings

T = TypeVar("T")

PUSHBACK_KEY = "grpc-retry-pushback-ms"
"""What a gRPC server may say about trying again: milliseconds, or a negative number for never."""


class _FromSettings:
    """Stands for a setting that is read when the call is made."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


_MAX_RETRIES = _FromSettings("DAPR_API_MAX_RETRIES")


class RetryPolicy:
    """How often a call is tried, after which statuses, with which waits between.

    `max_attempts` counts the first try: 0 and 1 both mean no second one, -1 means without end. Without `jitter` the
    waits are `initial_backoff * backoff_multiplier ** n` seconds, at most `max_backoff`; with it each is drawn evenly
    from 0 to that. A server that names a wait (RetryInfo, Retry-After) gets at least that.
    """

    def __init__(
        self,
        max_attempts: int | _FromSettings | None = _MAX_RETRIES,
        initial_backoff: float = 1,
        max_backoff: float = 20,
        backoff_multiplier: float = 1.5,
        retryable_http_status_codes: Sequence[int] = (408, 429, 500, 502, 503, 504),
        retryable_grpc_status_codes: Sequence[grpc.StatusCode] = (
            grpc.StatusCode.UNAVAILABLE,
            grpc.StatusCode.DEADLINE_EXCEEDED,
        ),
        *,
        jitter: bool = False,
        random: Callable[[], float] = _clock.unit_interval,
        sleep: Callable[[float], None] = _clock.sleep,
        async_sleep: Callable[[float], Awaitable[Any]] = _clock.async_sleep,
    ) -> None:
        attempts = settings.DAPR_API_MAX_RETRIES if isinstance(max_attempts, _FromSettings) else max_attempts
        if attempts is None or attempts < -1:
            raise ValueError("max_attempts must be greater than or equal to -1")
        for name, value in (
            ("initial_backoff", initial_backoff),
            ("max_backoff", max_backoff),
            ("backoff_multiplier", backoff_multiplier),
        ):
            if value < 1:
                raise ValueError(f"{name} must be greater than or equal to 1")
        if not retryable_http_status_codes:
            raise ValueError("retryable_http_status_codes can't be empty")
        if not retryable_grpc_status_codes:
            raise ValueError("retryable_grpc_status_codes can't be empty")
        self.max_attempts = attempts
        self.initial_backoff = initial_backoff
        self.max_backoff = max_backoff
        self.backoff_multiplier = backoff_multiplier
        self.retryable_http_status_codes = list(retryable_http_status_codes)
        self.retryable_grpc_status_codes = list(retryable_grpc_status_codes)
        self.jitter = jitter
        self.random = random
        self.sleep = sleep
        self.async_sleep = async_sleep

    @property
    def retries(self) -> bool:
        """Whether there is ever a second try."""
        return self.max_attempts not in (0, 1)

    def wait_after_grpc(self, attempt: int, error: DaprGrpcError) -> float | None:
        """Seconds until the next try after the failed try `attempt` (the first is 0); None for no more."""
        if error.code() not in self.retryable_grpc_status_codes:
            return None
        hint = server_hint(error)
        return None if hint is None else self._wait(attempt, hint)

    def wait_after_http(self, attempt: int, status: int, retry_after: str = "") -> float | None:
        """The same for an HTTP answer; `retry_after` is its header of that name."""
        if status not in self.retryable_http_status_codes:
            return None
        # A date in Retry-After would need a clock that agrees with the server's; the policy's own wait applies.
        return self._wait(attempt, float(retry_after) if retry_after.strip().isdecimal() else 0.0)

    def wait_after_unreachable(self, attempt: int, *, timed_out: bool) -> float | None:
        """The same when HTTP got no answer: what gRPC calls UNAVAILABLE, or DEADLINE_EXCEEDED."""
        code = grpc.StatusCode.DEADLINE_EXCEEDED if timed_out else grpc.StatusCode.UNAVAILABLE
        return self._wait(attempt, 0.0) if code in self.retryable_grpc_status_codes else None

    def _wait(self, attempt: int, at_least: float) -> float | None:
        if self.max_attempts != -1 and attempt + 1 >= self.max_attempts:
            return None
        return max(at_least, self._backoff(attempt))

    def _backoff(self, attempt: int) -> float:
        try:
            seconds = min(self.max_backoff, self.initial_backoff * self.backoff_multiplier**attempt)
        except OverflowError:
            seconds = self.max_backoff
        return seconds * self.random() if self.jitter else seconds

    def run_rpc(self, func: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call a function of gRPC, and again as the policy says."""
        attempt = 0
        while True:
            try:
                return func(*args, **kwargs)
            except grpc.RpcError as failure:
                wait = self.wait_after_grpc(attempt, as_error(failure))
                if wait is None:
                    raise
            self.sleep(wait)
            attempt += 1

    async def run_rpc_async(self, func: Callable[..., Awaitable[T]], *args: Any, **kwargs: Any) -> tuple[T, Any]:
        """The same for grpc.aio; gives the answer and the call."""
        attempt = 0
        while True:
            call = func(*args, **kwargs)
            try:
                return await call, call
            except grpc.RpcError as failure:
                wait = self.wait_after_grpc(attempt, as_error(failure))
                if wait is None:
                    raise
            await self.async_sleep(wait)
            attempt += 1


def as_error(failure: Any) -> DaprGrpcError:
    """A failure of grpc or grpc.aio as the error that the client raises."""
    return failure if isinstance(failure, DaprGrpcError) else DaprGrpcError(failure)


def server_hint(error: DaprGrpcError) -> float | None:
    """Seconds that the server wants the client to wait; 0 if it does not say, None if it wants no other try."""
    for key, value in error.trailing_metadata():
        if key == PUSHBACK_KEY:
            # Anything but a number of milliseconds means no other try (gRFC A6, "Pushback").
            text = value if isinstance(value, str) else value.decode(errors="replace")
            return int(text) / 1000 if text.isdecimal() else None
    if error.retry_info and "retry_delay" in error.retry_info:
        # protobuf's JSON for a Duration: decimal seconds and an s.
        return float(error.retry_info["retry_delay"].removesuffix("s"))
    return 0.0
