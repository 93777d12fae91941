"""Workflows: code that survives restarts, waits for days, and is tested in milliseconds."""

from __future__ import annotations

from dapr_client.workflow._context import DaprWorkflowContext, WorkflowActivityContext
from dapr_client.workflow._propagation import (
    ActivityResult,
    ChildWorkflowResult,
    PropagatedHistory,
    PropagationNotFoundError,
    PropagationScope,
    WorkflowResult,
)
from dapr_client.workflow._registry import alternate_name
from dapr_client.workflow._retry import RetryPolicy
from dapr_client.workflow._tasks import (
    FailureDetails,
    NonDeterminismError,
    NonRetryableError,
    Task,
    TaskFailedError,
    when_all,
    when_any,
)

__all__ = [
    "ActivityResult",
    "ChildWorkflowResult",
    "DaprWorkflowContext",
    "FailureDetails",
    "NonDeterminismError",
    "NonRetryableError",
    "PropagatedHistory",
    "PropagationNotFoundError",
    "PropagationScope",
    "RetryPolicy",
    "Task",
    "TaskFailedError",
    "WorkflowActivityContext",
    "WorkflowResult",
    "alternate_name",
    "when_all",
    "when_any",
]
