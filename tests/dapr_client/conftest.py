"""A sidecar with a component of every block, and what the client is told about it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fakesidecar import Component, Options, Sidecar, VirtualClock

TOKEN = "let-me-in"


@pytest.fixture
def sidecar() -> Iterator[Sidecar]:
    """A sidecar behind a token, on ports, with time that stands still."""
    components = [
        Component("statestore", "state.in-memory"),
        Component("queryable", "state.in-memory-query"),
        Component("vault", "secretstores.in-memory", metadata={"password": "hunter2", "pin": "1234"}),
        Component("settings", "configuration.in-memory"),
        Component("locks", "lock.in-memory"),
        Component("echo", "conversation.echo"),
        Component("llm", "conversation.scripted"),
    ]
    options = Options(app_id="client-test", api_token=TOKEN)
    with Sidecar(options, components=components, clock=VirtualClock()) as running:
        yield running


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """The environment that an application of the sidecar finds, for tests that have a sidecar."""
    if "sidecar" not in request.fixturenames:
        return
    running: Sidecar = request.getfixturevalue("sidecar")
    monkeypatch.setenv("DAPR_GRPC_PORT", str(running.grpc_port))
    monkeypatch.setenv("DAPR_HTTP_PORT", str(running.http_port))
    monkeypatch.setenv("DAPR_API_TOKEN", TOKEN)
