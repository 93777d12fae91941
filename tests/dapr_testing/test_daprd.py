"""A real daprd behind the fixture, where there is one on PATH."""

from __future__ import annotations

import shutil

import pytest

import dapr_testing
from dapr_testing import Component, Daprd, DaprdError, OnlyTheFakeHasIt
from dapr_testing._daprd import document_of

needs_daprd = pytest.mark.skipif(shutil.which("daprd") is None, reason="there is no daprd on PATH")


@needs_daprd
def test_it_serves_what_it_is_given() -> None:
    with dapr_testing.sidecar(kind="daprd", components={"orders": "state.in-memory"}) as sidecar:
        with sidecar.client() as dapr:
            dapr.save_state("orders", "7", "paid")
            assert dapr.get_state("orders", "7").data == b"paid"
        sidecar.reset()
        with sidecar.client() as dapr:
            assert dapr.get_state("orders", "7").data == b""


@needs_daprd
def test_it_refuses_what_only_the_fake_can_do() -> None:
    with dapr_testing.sidecar(kind="daprd") as sidecar:
        with pytest.raises(OnlyTheFakeHasIt, match="only the fake sidecar can do this"):
            sidecar.clock.advance(1)
        with pytest.raises(OnlyTheFakeHasIt, match="is not in this process"):
            sidecar.channel(transport="in-process")


@needs_daprd
def test_its_log_says_why_it_does_not_start() -> None:
    with pytest.raises(DaprdError, match=r"state\.nonsense"), Daprd(components=[Component("a", "state.nonsense")]):
        pass


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(DaprdError, match="there is no daprd at '/no/such/daprd'"), Daprd(program="/no/such/daprd"):
        pass


def test_a_component_is_written_as_daprd_reads_it() -> None:
    assert document_of(Component("orders", "state.redis", metadata={"redisHost": "h:1"}, scopes=["shop"])) == {
        "apiVersion": "dapr.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": "orders", "namespace": ""},
        "spec": {
            "type": "state.redis",
            "version": "v1",
            "ignoreErrors": False,
            "initTimeout": "",
            "metadata": [{"name": "redisHost", "value": "h:1"}],
        },
        "auth": {"secretStore": ""},
        "scopes": ["shop"],
    }
