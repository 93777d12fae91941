"""The tools of MCP servers: ask a server for them."""

from __future__ import annotations

from typing import Self

from dapr_client import _clock
from dapr_client._async.workflow_client import DaprWorkflowClient
from dapr_client.errors import DaprGrpcError
from dapr_client.workflow._mcp import PAUSE, Tools, passes


class DaprMCPClient(Tools):
    """Finds out which tools there are at the MCP servers of a sidecar.

        client = DaprMCPClient()
        await client.connect("weather")
        for tool in client.get_all_tools():
            print(tool.name, tool.description)

    To call one, schedule its `call_tool_workflow`. With `allowed_tools` others are left out.
    """

    def __init__(
        self,
        *,
        timeout_in_seconds: float = 60,
        allowed_tools: set[str] | None = None,
        wf_client: DaprWorkflowClient | None = None,
    ) -> None:
        super().__init__(timeout_in_seconds, allowed_tools)
        self._workflows = wf_client or DaprWorkflowClient()
        self._own = wf_client is None

    async def connect(self, mcpserver_name: str) -> None:
        """Ask a server for its tools: an `MCPServer` resource by its name. RuntimeError if it does not list them."""
        workflow, id = self._listing(mcpserver_name), str(_clock.new_id())
        end = _clock.monotonic() + self._timeout
        while True:
            try:
                await self._workflows.schedule_new_workflow(
                    workflow, input={"mcpServerName": mcpserver_name}, instance_id=id
                )
                break
            except DaprGrpcError as error:
                if not passes(error) or _clock.monotonic() + PAUSE > end:
                    raise
            await _clock.async_sleep(PAUSE)
        left = max(end - _clock.monotonic(), 0.001)  # 0 would be no limit
        try:
            state = await self._workflows.wait_for_workflow_completion(id, timeout_in_seconds=left)
        except TimeoutError as error:
            waited = f"within {self._timeout} s"
            raise RuntimeError(f"the tools of MCP server {mcpserver_name!r} were not listed {waited}") from error
        self._learn(mcpserver_name, state)

    async def close(self) -> None:
        """End the connection, if nobody else has made it."""
        if self._own:
            await self._workflows.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.close()
