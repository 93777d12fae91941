"""What a workflow waits for, and what it is told when that fails."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

from dapr_client.wire import orchestration_pb2

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FailureDetails:
    """Why an activity or a workflow failed."""

    message: str
    error_type: str
    stack_trace: str | None = None

    @classmethod
    def of(cls, details: orchestration_pb2.TaskFailureDetails) -> Self:
        """The same from the wire."""
        trace = details.stackTrace.value if details.HasField("stackTrace") else None
        return cls(details.errorMessage, details.errorType, trace)


class TaskFailedError(Exception):
    """An activity or a child workflow failed; `details` has the error of the other side."""

    def __init__(self, message: str, details: FailureDetails | orchestration_pb2.TaskFailureDetails) -> None:
        super().__init__(message)
        self._details = details if isinstance(details, FailureDetails) else FailureDetails.of(details)

    @property
    def details(self) -> FailureDetails:
        """The error of the other side."""
        return self._details

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.args[0], self._details)


class NonRetryableError(Exception):
    """Raised by an activity or a child workflow that need not be tried again, whatever the retry policy says."""


class NonDeterminismError(Exception):
    """The history of a workflow was not made by this code. The message has both, side by side."""


class Task(Generic[T]):
    """Something that a workflow waits for: `result = yield task`, in an async workflow `result = await task`."""

    def __init__(self) -> None:
        self._complete = False
        self._result: Any = None
        self._error: BaseException | None = None
        self._parents: list[CompositeTask[Any]] = []

    @property
    def is_complete(self) -> bool:
        """Whether there is nothing left to wait for."""
        return self._complete

    @property
    def is_failed(self) -> bool:
        """Whether it is complete and has no result."""
        return self._error is not None

    def get_result(self) -> T:
        """The result. Raises what the task failed with; ValueError if it is not complete."""
        if not self._complete:
            raise ValueError("The task has not completed.")
        if self._error is not None:
            raise self._error
        result: T = self._result
        return result

    def get_exception(self) -> BaseException:
        """What the task failed with; ValueError if it did not."""
        if self._error is None:
            raise ValueError("The task has not failed.")
        return self._error

    def settle(self, result: Any = None, error: BaseException | None = None) -> None:
        """Complete the task, once: what comes later changes nothing. For the runtime."""
        if self._complete:
            return
        self._complete, self._result, self._error = True, result, error
        for parent in self._parents:
            parent.settled(self)

    def __await__(self) -> Generator[Task[Any], Any, T]:
        result: T = yield self
        return result


class CompositeTask(Task[T]):
    """A task made of others. The same task may be in many."""

    def __init__(self, tasks: Sequence[Task[Any]]) -> None:
        super().__init__()
        self._tasks = list(tasks)
        self._done = 0
        for task in self._tasks:
            if task.is_complete:
                self.settled(task)
            else:
                task._parents.append(self)

    def get_tasks(self) -> list[Task[Any]]:
        """What it is made of."""
        return list(self._tasks)

    def settled(self, task: Task[Any]) -> None:
        """One of its tasks is complete. For the runtime."""
        raise NotImplementedError


class WhenAllTask(CompositeTask[list[T]]):
    """Complete when all tasks are, with the list of their results or the error of the first that failed."""

    def __init__(self, tasks: Sequence[Task[T]]) -> None:
        self._first: BaseException | None = None
        super().__init__(tasks)
        self._settle_when_done()

    @property
    def pending_tasks(self) -> int:
        """How many are not complete."""
        return len(self._tasks) - self._done

    def get_completed_tasks(self) -> int:
        """How many are complete."""
        return self._done

    def settled(self, task: Task[Any]) -> None:
        self._done += 1
        if task.is_failed and self._first is None:
            self._first = task.get_exception()
        self._settle_when_done()

    def _settle_when_done(self) -> None:
        if self._done == len(self._tasks):
            results = None if self._first else [task.get_result() for task in self._tasks]
            self.settle(results, self._first)


class WhenAnyTask(CompositeTask[Task[Any]]):
    """Complete when one of the tasks is; that task is the result. Of no tasks: complete, with []."""

    def __init__(self, tasks: Sequence[Task[Any]]) -> None:
        super().__init__(tasks)
        if not tasks:
            self.settle([])

    def settled(self, task: Task[Any]) -> None:
        self._done += 1
        self.settle(task)


def when_all(tasks: Sequence[Task[T]]) -> WhenAllTask[T]:
    """A task that is complete when all are: `results = yield when_all(tasks)`."""
    return WhenAllTask(tasks)


def when_any(tasks: Sequence[Task[Any]]) -> WhenAnyTask:
    """A task that is complete when one is: `first = yield when_any(tasks)`, and `first.get_result()`."""
    return WhenAnyTask(tasks)
