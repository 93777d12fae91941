"""What a workflow and an activity are called with."""

from __future__ import annotations

import string
import uuid
import warnings
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from dapr_client.workflow import _payload
from dapr_client.workflow._propagation import PropagatedHistory, PropagationScope
from dapr_client.workflow._retry import RetryPolicy
from dapr_client.workflow._tasks import Task

if TYPE_CHECKING:
    from dapr_client.workflow._replay import Execution

T = TypeVar("T")

LETTERS = string.ascii_letters + string.digits


class DaprWorkflowContext:
    """What a workflow can do. Nothing of it happens at once: a workflow is replayed, and has to do the same each time.

    def order(ctx: DaprWorkflowContext, item: str):
        price = yield ctx.call_activity(price_of, input=item)
        approved = yield ctx.wait_for_external_event("approved", timeout=timedelta(days=1))
        return price if approved else None

    A workflow that is `async def` awaits what another one yields. Time, chance and ids are those of the context: `now`,
    `random`, `uuid4`.
    """

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._random: Random | None = None
        self._moments = 0

    @property
    def instance_id(self) -> str:
        """The id of this workflow instance."""
        return self._execution.instance_id

    @property
    def current_utc_datetime(self) -> datetime:
        """When the current turn began: UTC, without a time zone. It moves on from turn to turn."""
        return self._execution.now

    @property
    def is_replaying(self) -> bool:
        """Whether this was done before, and is only done again. Log when it is not."""
        return self._execution.replaying

    def set_custom_status(self, custom_status: str) -> None:
        """Set what the state of the instance shows as its custom status."""
        status: object = custom_status
        if not isinstance(status, str):
            warnings.warn("a custom status is text: serialize it yourself", DeprecationWarning, stacklevel=2)
            status = _payload.dump(status)
        self._execution.custom_status = status

    def create_timer(self, fire_at: datetime | timedelta) -> Task[None]:
        """A task that is complete at that time, or after that time."""
        return self._execution.timer(fire_at)

    def call_activity(
        self,
        activity: Callable[..., Any] | str,
        *,
        input: Any = None,
        retry_policy: RetryPolicy | None = None,
        app_id: str | None = None,
        propagation: PropagationScope | None = None,
    ) -> Task[Any]:
        """A task for the result of an activity, here or in another application."""
        return self._execution.call_activity(activity, input, retry_policy, app_id, propagation)

    def call_child_workflow(
        self,
        workflow: Callable[..., Any] | str,
        *,
        input: Any = None,
        instance_id: str | None = None,
        retry_policy: RetryPolicy | None = None,
        app_id: str | None = None,
        propagation: PropagationScope | None = None,
    ) -> Task[Any]:
        """A task for the result of another workflow, here or in another application."""
        return self._execution.call_child(workflow, input, instance_id, retry_policy, app_id, propagation)

    def wait_for_external_event(self, name: str, *, timeout: datetime | timedelta | None = None) -> Task[Any]:
        """A task for the data of an event that somebody raises. Its name is compared without case.

        It fails with TimeoutError at that time, or after that time; None and negative times mean never.
        """
        return self._execution.wait_for_event(name, timeout)

    def continue_as_new(self, new_input: Any, *, save_events: bool = False) -> None:
        """Begin again with another input and without a history, once this workflow returns or waits.

        With `save_events` the events that nobody has waited for are there in the next round.
        """
        self._execution.continue_as_new(new_input, save_events)

    def is_patched(self, patch_name: str) -> bool:
        """Whether this instance has the patch: yes, unless it was past this point before the patch came.

        if ctx.is_patched("two-step-payment"):
            ...  # new
        else:
            ...  # for instances that are already under way
        """
        return self._execution.is_patched(patch_name)

    def get_propagated_history(self) -> PropagatedHistory | None:
        """The history that the caller handed down."""
        return self._execution.propagated

    # --- time, chance and ids that are the same in each replay ---

    def now(self) -> datetime:
        """The same as current_utc_datetime."""
        return self._execution.now

    def now_with_sequence(self) -> datetime:
        """The same, a microsecond later with each call: two calls never get the same."""
        moment = self._execution.now + timedelta(microseconds=self._moments)
        self._moments += 1
        return moment

    def current_utc_datetime_with_sequence(self) -> datetime:
        """The same as now_with_sequence."""
        return self.now_with_sequence()

    def uuid4(self) -> uuid.UUID:
        """A new UUID, the same one in each replay."""
        return self._execution.new_uuid()

    def new_guid(self) -> uuid.UUID:
        """The same as uuid4."""
        return self.uuid4()

    def random(self) -> Random:
        """A source of chance that is the same in each replay: `ctx.random().choice(...)`."""
        if self._random is None:
            self._random = Random(self._execution.seed)
        return self._random

    def random_string(self, length: int, *, alphabet: str | None = None) -> str:
        """Random characters, letters and digits if nothing else is said."""
        if length < 0:
            raise ValueError("length must be non-negative")
        characters = LETTERS if alphabet is None else alphabet
        if not characters:
            raise ValueError("alphabet must not be empty")
        return "".join(self.random().choice(characters) for _ in range(length))

    def random_int(self, min_value: int = 0, max_value: int = 2**31 - 1) -> int:
        """A number of the range, ends included."""
        if min_value > max_value:
            raise ValueError("min_value must be <= max_value")
        return self.random().randint(min_value, max_value)

    def random_choice(self, sequence: Sequence[T]) -> T:
        """One of them."""
        if not sequence:
            raise IndexError("Cannot choose from empty sequence")
        return self.random().choice(sequence)


class ActivityContext:
    """Which call of an activity this is, under the names of the protocol."""

    def __init__(
        self,
        orchestration_id: str,
        task_id: int,
        task_execution_id: str = "",
        propagated_history: PropagatedHistory | None = None,
    ) -> None:
        self._ids = orchestration_id, task_id, task_execution_id
        self._propagated = propagated_history

    @property
    def orchestration_id(self) -> str:
        """The id of the workflow instance."""
        return self._ids[0]

    @property
    def task_id(self) -> int:
        """The number of the call in the workflow."""
        return self._ids[1]

    @property
    def task_execution_id(self) -> str:
        """The id of the call: the same for every attempt, so that work can be recognized as done."""
        return self._ids[2]

    def get_propagated_history(self) -> PropagatedHistory | None:
        """The history that the workflow handed down."""
        return self._propagated


class WorkflowActivityContext:
    """Which call of an activity this is."""

    def __init__(self, ctx: ActivityContext) -> None:
        self._inner = ctx

    @property
    def workflow_id(self) -> str:
        """The id of the workflow instance that called."""
        return self._inner.orchestration_id

    @property
    def task_id(self) -> int:
        """The number of the call in the workflow."""
        return self._inner.task_id

    @property
    def task_execution_id(self) -> str:
        """The id of the call: the same for every attempt, so that work can be recognized as done."""
        return self._inner.task_execution_id

    def get_inner_context(self) -> ActivityContext:
        """The same under the names of the protocol."""
        return self._inner

    def get_propagated_history(self) -> PropagatedHistory | None:
        """The history that the workflow handed down."""
        return self._inner.get_propagated_history()
