"""Workflows: code that survives restarts and waits for days.

    from dapr_client.workflow import DaprWorkflowClient, DaprWorkflowContext, WorkflowRuntime

The async client is `dapr_client.workflow.aio.DaprWorkflowClient`. Names and signatures are those of
`dapr.ext.workflow`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dapr_client._lazy import lazy_names

if TYPE_CHECKING:
    from dapr_client._sync.mcp_client import DaprMCPClient as DaprMCPClient
    from dapr_client._sync.workflow_client import DaprWorkflowClient as DaprWorkflowClient
    from dapr_client.workflow._context import DaprWorkflowContext as DaprWorkflowContext
    from dapr_client.workflow._context import WorkflowActivityContext as WorkflowActivityContext
    from dapr_client.workflow._logging import LoggerOptions as LoggerOptions
    from dapr_client.workflow._management import GetWorkflowResponse as GetWorkflowResponse
    from dapr_client.workflow._management import StartWorkflowResponse as StartWorkflowResponse
    from dapr_client.workflow._management import WorkflowRuntimeStatus as WorkflowRuntimeStatus
    from dapr_client.workflow._mcp import MCPToolDef as MCPToolDef
    from dapr_client.workflow._propagation import ActivityResult as ActivityResult
    from dapr_client.workflow._propagation import ChildWorkflowResult as ChildWorkflowResult
    from dapr_client.workflow._propagation import PropagatedHistory as PropagatedHistory
    from dapr_client.workflow._propagation import PropagationNotFoundError as PropagationNotFoundError
    from dapr_client.workflow._propagation import PropagationScope as PropagationScope
    from dapr_client.workflow._propagation import WorkflowResult as WorkflowResult
    from dapr_client.workflow._registry import alternate_name as alternate_name
    from dapr_client.workflow._replayer import Replayer as Replayer
    from dapr_client.workflow._replayer import WorkflowHistory as WorkflowHistory
    from dapr_client.workflow._retry import RetryPolicy as RetryPolicy
    from dapr_client.workflow._runtime import WorkflowRuntime as WorkflowRuntime
    from dapr_client.workflow._state import UNSET as UNSET
    from dapr_client.workflow._state import WorkflowFailedError as WorkflowFailedError
    from dapr_client.workflow._state import WorkflowHistoryEvent as WorkflowHistoryEvent
    from dapr_client.workflow._state import WorkflowHistoryEventType as WorkflowHistoryEventType
    from dapr_client.workflow._state import WorkflowInstanceIdPage as WorkflowInstanceIdPage
    from dapr_client.workflow._state import WorkflowState as WorkflowState
    from dapr_client.workflow._state import WorkflowStatus as WorkflowStatus
    from dapr_client.workflow._tasks import FailureDetails as FailureDetails
    from dapr_client.workflow._tasks import NonDeterminismError as NonDeterminismError
    from dapr_client.workflow._tasks import NonRetryableError as NonRetryableError
    from dapr_client.workflow._tasks import Task as Task
    from dapr_client.workflow._tasks import TaskFailedError as TaskFailedError
    from dapr_client.workflow._tasks import when_all as when_all
    from dapr_client.workflow._tasks import when_any as when_any

HOMES = {
    "_sync.mcp_client": ("DaprMCPClient",),
    "_sync.workflow_client": ("DaprWorkflowClient",),
    "workflow._context": (
        "DaprWorkflowContext",
        "WorkflowActivityContext",
    ),
    "workflow._logging": ("LoggerOptions",),
    "workflow._management": (
        "GetWorkflowResponse",
        "StartWorkflowResponse",
        "WorkflowRuntimeStatus",
    ),
    "workflow._mcp": ("MCPToolDef",),
    "workflow._propagation": (
        "ActivityResult",
        "ChildWorkflowResult",
        "PropagatedHistory",
        "PropagationNotFoundError",
        "PropagationScope",
        "WorkflowResult",
    ),
    "workflow._registry": ("alternate_name",),
    "workflow._replayer": ("Replayer", "WorkflowHistory"),
    "workflow._retry": ("RetryPolicy",),
    "workflow._runtime": ("WorkflowRuntime",),
    "workflow._state": (
        "UNSET",
        "WorkflowFailedError",
        "WorkflowHistoryEvent",
        "WorkflowHistoryEventType",
        "WorkflowInstanceIdPage",
        "WorkflowState",
        "WorkflowStatus",
    ),
    "workflow._tasks": (
        "FailureDetails",
        "NonDeterminismError",
        "NonRetryableError",
        "Task",
        "TaskFailedError",
        "when_all",
        "when_any",
    ),
}
"""Where each name lives. It is imported when it is asked for: a client needs little of it."""

__all__, __getattr__, __dir__ = lazy_names(globals(), HOMES)
