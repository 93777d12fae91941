"""Test applications that use Dapr: a sidecar inside the test process, with or without pytest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dapr_testing._apps import Received, Reply, StandIn
    from dapr_testing._daprd import Daprd, DaprdError
    from dapr_testing._faults import FaultNotNeeded, FaultPlan, fault_plan, when
    from dapr_testing._inprocess import HangsForever
    from dapr_testing._sidecar import DaprSidecar, OnlyTheFakeHasIt, sidecar
    from dapr_testing._spies import UnexpectedCall
    from dapr_testing._workflow_runs import WorkflowFailed, WorkflowRun
    from dapr_testing._workflows import WorkflowNotFinished
    from fakesidecar.clock import VirtualClock
    from fakesidecar.interceptors.recording import Event
    from fakesidecar.resources.component import Component

__all__ = [
    "Component",
    "DaprSidecar",
    "Daprd",
    "DaprdError",
    "Event",
    "FaultNotNeeded",
    "FaultPlan",
    "HangsForever",
    "OnlyTheFakeHasIt",
    "Received",
    "Reply",
    "StandIn",
    "UnexpectedCall",
    "VirtualClock",
    "WorkflowFailed",
    "WorkflowNotFinished",
    "WorkflowRun",
    "fault_plan",
    "sidecar",
    "when",
]

_HOMES = {
    "Component": "fakesidecar.resources.component",
    "Daprd": "dapr_testing._daprd",
    "DaprdError": "dapr_testing._daprd",
    "DaprSidecar": "dapr_testing._sidecar",
    "Event": "fakesidecar.interceptors.recording",
    "FaultNotNeeded": "dapr_testing._faults",
    "FaultPlan": "dapr_testing._faults",
    "HangsForever": "dapr_testing._inprocess",
    "UnexpectedCall": "dapr_testing._spies",
    "OnlyTheFakeHasIt": "dapr_testing._sidecar",
    "Received": "dapr_testing._apps",
    "Reply": "dapr_testing._apps",
    "StandIn": "dapr_testing._apps",
    "VirtualClock": "fakesidecar.clock",
    "WorkflowFailed": "dapr_testing._workflow_runs",
    "WorkflowNotFinished": "dapr_testing._workflows",
    "WorkflowRun": "dapr_testing._workflow_runs",
    "fault_plan": "dapr_testing._faults",
    "sidecar": "dapr_testing._sidecar",
    "when": "dapr_testing._faults",
}
"""Imported when asked for: pytest imports this package in every run, used or not."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
