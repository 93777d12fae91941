"""The async workflow client, and the async one for the tools of MCP servers."""

from __future__ import annotations

from dapr_client._async.mcp_client import DaprMCPClient
from dapr_client._async.workflow_client import DaprWorkflowClient
from dapr_client.workflow._mcp import MCPToolDef

__all__ = ["DaprMCPClient", "DaprWorkflowClient", "MCPToolDef"]
