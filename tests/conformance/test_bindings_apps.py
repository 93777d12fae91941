"""Input bindings of applications of every kind: the ticks of cron, and on the fake what a test pushes."""

from __future__ import annotations

import json
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

import pytest
from flask import request as flask_request
from starlette.requests import Request

import dapr_testing
from dapr_client import BindingRequest
from dapr_testing import Component
from tests.conformance.test_pubsub_apps import KINDS, PROBE_SECONDS, PROBES, SECONDS, serving
from tests.dapr_client.actor.hosting import Hall


def handler(kind: str, take: Callable[[bytes], None]) -> Any:
    """A handler as applications of that kind have them."""

    def of_flask() -> Any:
        take(flask_request.get_data())
        return {}

    async def of_asgi(request: Request) -> Any:
        take(await request.body())

    def of_app(request: BindingRequest) -> None:
        take(request.data)

    async def of_asyncio_app(request: BindingRequest) -> None:
        take(request.data)

    return dict(zip(KINDS, (of_flask, of_asgi, of_asgi, of_app, of_asyncio_app), strict=True))[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_the_clock_ticks(kind: str, hall: Hall, sidecar_kind: str) -> None:
    ticks = SimpleQueue[bytes]()
    cron = Component("tick", "bindings.cron", metadata={"schedule": "@every 1s"})
    with (
        serving(kind, lambda app: app.binding("tick")(handler(kind, ticks.put)), hall) as (port, protocol),
        dapr_testing.sidecar(kind=sidecar_kind, components=[cron], app_port=port, app_protocol=protocol) as dapr,
    ):
        for _ in range(PROBES):  # the application is asked for its bindings after the sidecar has said it is ready
            if sidecar_kind == "fake":
                dapr.clock.advance(1)
            try:
                assert ticks.get(timeout=PROBE_SECONDS) == b""
            except Empty:
                continue
            return
    raise AssertionError("there is no tick")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_pushed_comes_in(kind: str, hall: Hall, sidecar_kind: str) -> None:
    if sidecar_kind != "fake":
        pytest.skip("a real daprd has no binding in memory")
    events = SimpleQueue[bytes]()
    with (
        serving(kind, lambda app: app.binding("returns")(handler(kind, events.put)), hall) as (port, protocol),
        dapr_testing.sidecar(
            components=[Component("returns", "bindings.in-memory")], app_port=port, app_protocol=protocol
        ) as dapr,
    ):
        dapr.bindings.push("returns", {"a": 1})
        assert json.loads(events.get(timeout=SECONDS)) == {"a": 1}
