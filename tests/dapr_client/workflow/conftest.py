"""A sidecar with workflows, whose time stands still, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dapr_client.workflow import DaprWorkflowClient, WorkflowRuntime
from fakesidecar import Component, Options, Sidecar, VirtualClock

TOKEN = "let-me-in"
COMPONENTS = [Component("statestore", "state.in-memory", metadata={"actorStateStore": "true"})]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def sidecar(clock: VirtualClock) -> Iterator[Sidecar]:
    with Sidecar(Options(app_id="shop", api_token=TOKEN), components=COMPONENTS, clock=clock) as running:
        yield running


@pytest.fixture
def runtime(sidecar: Sidecar) -> Iterator[WorkflowRuntime]:
    """A runtime that is not started yet."""
    made = WorkflowRuntime()
    yield made
    made.shutdown()


@pytest.fixture
def workflows(sidecar: Sidecar) -> Iterator[DaprWorkflowClient]:
    with DaprWorkflowClient() as client:
        yield client
