"""The async workflow client."""

from __future__ import annotations

from dapr_client._async.workflow_client import DaprWorkflowClient

__all__ = ["DaprWorkflowClient"]
