"""An in-memory Dapr sidecar that speaks Dapr's gRPC and HTTP APIs."""

from __future__ import annotations

from fakesidecar.clock import Clock, SystemClock, VirtualClock
from fakesidecar.ids import Ids, RandomIds, SeededIds
from fakesidecar.neighbours import Neighbours
from fakesidecar.options import AppHealth, Options
from fakesidecar.resources.component import Component
from fakesidecar.sidecar import Sidecar

__all__ = [
    "AppHealth",
    "Clock",
    "Component",
    "Ids",
    "Neighbours",
    "Options",
    "RandomIds",
    "SeededIds",
    "Sidecar",
    "SystemClock",
    "VirtualClock",
]
