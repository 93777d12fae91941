"""All that daprd serves is served."""

from __future__ import annotations

from dapr_client import wire
from fakesidecar.grpcapi.api import BLOCKS
from fakesidecar.grpcapi.registry import SERVED
from fakesidecar.interceptors.api_lists import GROUPS

KNOWN = frozenset[str]().union(*GROUPS.values(), (method.path for method in wire.methods(wire.TASK_HUB).values()))
"""The RPCs of daprd 1.18."""


def test_every_rpc_of_daprd_is_served() -> None:
    assert BLOCKS
    assert SERVED.keys() >= KNOWN


def test_every_rpc_of_daprd_is_in_the_wire_package() -> None:
    ours = {method.path for service in (wire.DAPR, wire.TASK_HUB) for method in wire.methods(service).values()}
    assert ours >= KNOWN
