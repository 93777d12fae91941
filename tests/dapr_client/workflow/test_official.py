"""Names, parameters and defaults are those of the official package."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import pytest

from dapr_client import workflow
from dapr_client.workflow import aio

official = pytest.importorskip("dapr.ext.workflow", reason="compares with the official package")

KINDS = (
    "ActivityResult",
    "ChildWorkflowResult",
    "DaprMCPClient",
    "DaprWorkflowClient",
    "DaprWorkflowContext",
    "FailureDetails",
    "MCPToolDef",
    "PropagationNotFoundError",
    "RetryPolicy",
    "TaskFailedError",
    "WorkflowActivityContext",
    "WorkflowHistoryEvent",
    "WorkflowInstanceIdPage",
    "WorkflowResult",
    "PropagatedHistory",
    "WorkflowRuntime",
    "WorkflowState",
)

DIFFERENT: dict[str, dict[str, Any]] = {
    "DaprWorkflowContext": {"__init__": "made by the runtime"},
    "FailureDetails": {"__init__": "the stack trace may be left out"},
    "PropagatedHistory": {"__init__": "made by the runtime"},
    "WorkflowState": {"__init__": "has the values, not an object of the official client's"},
    "RetryPolicy": {"obj": "the official one wraps another"},
    "WorkflowRuntime": dict.fromkeys(("workflow", "activity", "versioned_workflow"), "the function is positional only"),
}


def test_every_name_is_there() -> None:
    assert set(official.__all__) <= set(workflow.__all__)
    assert set(importlib.import_module("dapr.ext.workflow.aio").__all__) <= set(aio.__all__)


@pytest.mark.parametrize("name", ["WorkflowStatus", "WorkflowHistoryEventType", "PropagationScope"])
def test_enumerations_say_the_same(name: str) -> None:
    theirs, ours = getattr(official, name), getattr(workflow, name)
    assert [(one.name, one.value) for one in ours] == [(one.name, one.value) for one in theirs]


@pytest.mark.parametrize("name", KINDS)
def test_every_method_takes_what_the_official_one_takes(name: str) -> None:
    compare(getattr(official, name), getattr(workflow, name), DIFFERENT.get(name, {}))


@pytest.mark.parametrize("name", ["DaprWorkflowClient", "DaprMCPClient"])
def test_async_clients_take_the_same(name: str) -> None:
    compare(getattr(importlib.import_module("dapr.ext.workflow.aio"), name), getattr(aio, name), {})


@pytest.mark.parametrize("name", ["when_all", "when_any", "alternate_name"])
def test_functions_take_the_same(name: str) -> None:
    assert parameters(getattr(official, name)) == parameters(getattr(workflow, name))


def compare(theirs: type, ours: type, different: dict[str, Any]) -> None:
    for method, found in inspect.getmembers(theirs):
        if (method.startswith("_") and method != "__init__") or method in different:
            continue
        assert hasattr(ours, method), method
        if inspect.isfunction(found):
            known = parameters(getattr(ours, method))
            wanted = parameters(found)
            assert {key: str(known.get(key)) for key in wanted} == {key: str(value) for key, value in wanted.items()}
            assert [key for key in known if key in wanted] == list(wanted)


def parameters(function: Any) -> dict[str, Any]:
    return {one.name: one.default for one in inspect.signature(function).parameters.values()}
