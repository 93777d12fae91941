"""The tools of MCP servers, listed by workflows as the sidecar's own would."""

from __future__ import annotations

from typing import Any

import pytest

from dapr_client.workflow import DaprMCPClient, DaprWorkflowClient, MCPToolDef, WorkflowRuntime
from dapr_client.workflow._mcp_schema import create_pydantic_model_from_schema
from dapr_client.workflow.aio import DaprMCPClient as AsyncDaprMCPClient
from fakesidecar import Sidecar

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS = [{"name": "forecast", "description": "How it will be", "inputSchema": SCHEMA}, {"name": "alert"}]
FORECAST = MCPToolDef(
    "forecast", "How it will be", SCHEMA, "weather", call_tool_workflow="dapr.internal.mcp.weather.CallTool.forecast"
)
ALERT = MCPToolDef("alert", "", {}, "weather", "dapr.internal.mcp.weather.CallTool.alert")


@pytest.fixture
def asked(runtime: WorkflowRuntime) -> list[Any]:
    """Servers, and what they were asked."""
    asked: list[Any] = []

    def weather(ctx: Any, given: Any) -> Any:
        asked.append(given)
        return {"tools": TOOLS}

    def broken(ctx: Any) -> Any:
        raise ConnectionError("nobody is there")

    def bad(ctx: Any) -> Any:
        return ["tools"]

    def slow(ctx: Any) -> Any:
        yield ctx.wait_for_external_event("never")

    for function in (weather, broken, bad, slow):
        runtime.register_workflow(function, name=f"dapr.internal.mcp.{function.__name__}.ListTools")
    runtime.start()
    return asked


def test_a_server_lists_its_tools(asked: list[Any]) -> None:
    with DaprMCPClient() as client:
        assert client.get_all_tools() == client.get_server_tools("weather") == []
        client.connect("weather")
        assert client.get_all_tools() == client.get_server_tools("weather") == [FORECAST, ALERT]
        assert client.get_connected_servers() == ["weather"]
    assert asked == [{"mcpServerName": "weather"}]


async def test_so_it_does_for_asyncio(asked: list[Any]) -> None:
    async with AsyncDaprMCPClient(allowed_tools={"alert"}) as client:
        await client.connect("weather")
        assert client.get_all_tools() == [ALERT]


@pytest.mark.parametrize(
    ("server", "why"),
    [("broken", "FAILED nobody is there"), ("bad", r"lists its tools as \[\"tools\"\]"), ("slow", "within 0.05 s")],
)
def test_a_server_that_does_not_list_them_says_why(
    asked: list[Any], workflows: DaprWorkflowClient, server: str, why: str
) -> None:
    client = DaprMCPClient(wf_client=workflows, timeout_in_seconds=0.05 if server == "slow" else 60)
    with pytest.raises(RuntimeError, match=why):
        client.connect(server)
    client.close()
    assert client.get_connected_servers() == []
    assert workflows.get_workflow_state("none") is None  # it is not its to close


def test_what_cannot_be_asked_for_is_told(sidecar: Sidecar) -> None:
    with pytest.raises(ValueError, match="timeout_in_seconds must be positive"):
        DaprMCPClient(timeout_in_seconds=0)
    with DaprMCPClient() as client, pytest.raises(ValueError, match="mcpserver_name must not be empty"):
        client.connect(" ")


def test_arguments_of_a_tool_are_a_model() -> None:
    described = {
        "city": {"type": "string", "description": "Where"},
        "days": {"type": "array", "items": {"type": "integer"}},
        "unit": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "height": {"type": ["number", "string"]},
    }
    model: Any = create_pydantic_model_from_schema({"properties": described, "required": ["city"]}, "Forecast")
    assert model(city="Rome").model_dump() == {"city": "Rome", "days": None, "unit": None, "height": None}
    assert model(city="Rome", days=[1], height="2").height == "2"
    assert model.model_fields["city"].description == "Where"
    for wrong in ({}, {"city": "Rome", "days": ["x"]}):
        with pytest.raises(ValueError, match="validation error"):
            model(**wrong)
    wrapped = {"properties": {"kwargs": {"type": "object", "properties": described}}}
    assert set(create_pydantic_model_from_schema(wrapped, "Wrapped").model_fields) == set(described)
    with pytest.raises(ValueError, match="Invalid schema"):
        create_pydantic_model_from_schema({"properties": {"city": 1}}, "Wrong")
