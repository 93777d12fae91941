"""The tools of MCP servers, as the sidecar's own workflows list them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc

from dapr_client.errors import DaprGrpcError
from dapr_client.workflow._state import WorkflowState, WorkflowStatus

MCP_WORKFLOW_PREFIX = "dapr.internal.mcp."
"""What the names of the sidecar's workflows for MCP servers begin with."""

AGAIN = (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE)
"""What a sidecar says that is just starting, or ending."""

PAUSE = 0.5
"""Between two tries."""


@dataclass(frozen=True, slots=True)
class MCPToolDef:
    """A tool of an MCP server, and the workflow that calls it."""

    name: str
    description: str
    input_schema: dict[str, Any] = field(default_factory=dict)
    """The JSON schema of its arguments."""
    server_name: str = ""
    """The `MCPServer` resource that has it."""
    call_tool_workflow: str = ""
    """Schedule this workflow to call it."""


class Tools:
    """The tools of the servers that were asked."""

    def __init__(self, timeout_in_seconds: float, allowed_tools: set[str] | None) -> None:
        if timeout_in_seconds <= 0:
            raise ValueError("timeout_in_seconds must be positive")
        self._timeout, self._allowed = timeout_in_seconds, allowed_tools
        self._tools: dict[str, list[MCPToolDef]] = {}

    def get_all_tools(self) -> list[MCPToolDef]:
        """The tools of all servers."""
        return [tool for tools in self._tools.values() for tool in tools]

    def get_server_tools(self, server_name: str) -> list[MCPToolDef]:
        """The tools of one server; none if it was not asked."""
        return list(self._tools.get(server_name, ()))

    def get_connected_servers(self) -> list[str]:
        """The servers that were asked."""
        return list(self._tools)

    def _listing(self, server: str) -> str:
        """The workflow that lists a server's tools."""
        if not server.strip():
            raise ValueError("mcpserver_name must not be empty")
        return f"{MCP_WORKFLOW_PREFIX}{server}.ListTools"

    def _learn(self, server: str, state: WorkflowState | None) -> None:
        """Keep the tools that the workflow has listed."""
        if state is None:
            raise RuntimeError(f"the tools of MCP server {server!r} were not listed: the workflow is gone")
        if state.runtime_status is not WorkflowStatus.COMPLETED:
            why = state.failure_details.message if state.failure_details else state.serialized_output or ""
            raise RuntimeError(f"the tools of MCP server {server!r} were not listed: {state.runtime_status.name} {why}")
        try:
            listed = json.loads(state.serialized_output or "{}")
            self._tools[server] = list(self._chosen(server, listed.get("tools") or []))
        except (ValueError, AttributeError) as error:
            raise RuntimeError(f"MCP server {server!r} lists its tools as {state.serialized_output}") from error

    def _chosen(self, server: str, listed: list[dict[str, Any]]) -> Iterator[MCPToolDef]:
        for tool in listed:
            name = tool.get("name", "")
            if self._allowed is None or name in self._allowed:
                yield MCPToolDef(
                    name,
                    tool.get("description") or "",
                    tool.get("inputSchema") or {},
                    server,
                    f"{MCP_WORKFLOW_PREFIX}{server}.CallTool.{name}",
                )


def passes(error: DaprGrpcError) -> bool:
    """Whether the sidecar may answer a moment later."""
    return error.code() in AGAIN
