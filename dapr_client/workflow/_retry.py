"""When an activity or a child workflow is tried again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from dapr_client.wire import orchestration_pb2
from dapr_client.workflow._tasks import NonRetryableError

ZERO = timedelta(0)


class RetryPolicy:
    """How often something is tried, and with which waits between.

    The wait before the next attempt is `first_retry_interval * backoff_coefficient ** n`, at most `max_retry_interval`.
    There is none after `max_number_of_attempts`, nor once all waits together would reach `retry_timeout`, nor for the
    errors named in `non_retryable_error_types`.
    """

    def __init__(
        self,
        *,
        first_retry_interval: timedelta,
        max_number_of_attempts: int,
        backoff_coefficient: float | None = 1.0,
        max_retry_interval: timedelta | None = None,
        retry_timeout: timedelta | None = None,
        non_retryable_error_types: Sequence[str | type[BaseException]] = (),
    ) -> None:
        for name, value, least in (
            ("first_retry_interval", first_retry_interval, ZERO),
            ("max_retry_interval", max_retry_interval, ZERO),
            ("retry_timeout", retry_timeout, ZERO),
        ):
            if value is not None and value < least:
                raise ValueError(f"{name} must be >= 0")
        if max_number_of_attempts < 1:
            raise ValueError("max_number_of_attempts must be >= 1")
        if backoff_coefficient is not None and backoff_coefficient < 1:
            raise ValueError("backoff_coefficient must be >= 1")
        self._first = first_retry_interval
        self._attempts = max_number_of_attempts
        self._backoff = backoff_coefficient
        self._longest = max_retry_interval
        self._timeout = retry_timeout
        self._never = frozenset(
            {NonRetryableError.__name__}
            | {kind if isinstance(kind, str) else kind.__name__ for kind in non_retryable_error_types}
        )

    @property
    def first_retry_interval(self) -> timedelta:
        """The wait after the first failure."""
        return self._first

    @property
    def max_number_of_attempts(self) -> int:
        """How often it is tried, the first time included."""
        return self._attempts

    @property
    def backoff_coefficient(self) -> float | None:
        """By what each wait is longer than the one before."""
        return self._backoff

    @property
    def max_retry_interval(self) -> timedelta | None:
        """The longest wait."""
        return self._longest

    @property
    def retry_timeout(self) -> timedelta | None:
        """What all waits together stay below."""
        return self._timeout

    def wait_after(
        self, failures: int, waited: timedelta, details: orchestration_pb2.TaskFailureDetails
    ) -> timedelta | None:
        """The wait before the next attempt, after so many failures and all waits so far; None for no attempt."""
        if failures >= self._attempts or details.isNonRetriable or details.errorType in self._never:
            return None
        wait = self._wait(failures - 1)
        if self._timeout is not None and waited + wait >= self._timeout:
            return None
        return wait

    def _wait(self, exponent: int) -> timedelta:
        longest = self._longest if self._longest is not None else timedelta.max
        try:
            return min(self._first * (self._backoff or 1.0) ** exponent, longest)
        except OverflowError:
            return longest
