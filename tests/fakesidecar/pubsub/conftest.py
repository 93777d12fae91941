"""A sidecar with a broker, on a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fakesidecar.clock import VirtualClock
from fakesidecar.resources.component import Component
from fakesidecar.sidecar import Sidecar

BUS = Component("bus", "pubsub.in-memory")


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def sidecar(clock: VirtualClock) -> Iterator[Sidecar]:
    sidecar = Sidecar(components=[BUS, Component("store", "state.in-memory")], clock=clock)
    yield sidecar
    sidecar.stop()
