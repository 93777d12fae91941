"""Beginning and ending: what sidecars leave behind, and how they are used without pytest."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from pathlib import Path

import pytest

import dapr_testing
from dapr_client import DaprClient
from fakesidecar import Options, Sidecar

CYCLES = 1000
SECONDS = 5.0


def descriptors() -> int:
    """How many files and sockets this process has open."""
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("only Linux tells which descriptors are open")
    return len(list(folder.iterdir()))


def threads_since(before: set[threading.Thread]) -> list[str]:
    """The names of the threads that have come since, and do not end.

    Those of asyncio's own pool do not count: they are the loop's, which all sidecars share, few, and come when one
    thread has not quite put its work down while there is more.
    """
    new = {thread for thread in threading.enumerate() if not thread.name.startswith("asyncio_")} - before
    for thread in new:
        thread.join(SECONDS)
    return [thread.name for thread in new if thread.is_alive()]


def test_a_thousand_sidecars_leave_nothing_behind() -> None:
    with Sidecar():
        pass  # what the libraries open once and for all
    gc.collect()
    threads, files = set(threading.enumerate()), descriptors()
    for _ in range(CYCLES):
        with Sidecar():
            pass
    gc.collect()
    assert threads_since(threads) == []
    assert descriptors() <= files


async def test_sidecars_on_a_loop_of_ones_own_leave_no_task_behind() -> None:
    async with Sidecar():
        pass
    tasks, files = asyncio.all_tasks(), descriptors()
    for _ in range(100):
        async with Sidecar():
            pass
    gc.collect()
    assert (asyncio.all_tasks(), descriptors() <= files) == (tasks, True)


def test_a_sidecar_whose_port_is_taken_leaves_nothing_behind() -> None:
    with Sidecar() as first:
        with Sidecar():  # the loop that they share has its thread for closing from now on
            """Only to be closed."""
        threads, files = set(threading.enumerate()), descriptors()
        for options in (Options(grpc_port=first.grpc_port), Options(http_port=first.http_port)):
            with pytest.raises((OSError, RuntimeError)):
                Sidecar(options).start()
        gc.collect()
        assert threads_since(threads) == []
        assert descriptors() <= files


def test_a_sidecar_without_pytest() -> None:
    before = dict(os.environ)
    with dapr_testing.sidecar(app_id="shop", components={"orders": "state.in-memory"}) as sidecar, DaprClient() as dapr:
        dapr.save_state("orders", "7", "paid")
        assert sidecar.state.get("orders", "7") == b"paid"
        assert os.environ["APP_ID"] == "shop"
    assert dict(os.environ) == before


async def test_a_sidecar_without_pytest_in_asyncio() -> None:
    async with dapr_testing.sidecar() as sidecar:
        with DaprClient() as dapr:  # which blocks the loop, and is answered all the same
            dapr.save_state("statestore", "7", "paid")
        async with sidecar.aio_client() as client:
            assert (await client.get_state("statestore", "7")).data == b"paid"


def test_sidecars_can_be_nested() -> None:
    with dapr_testing.sidecar(app_id="outer") as outer, dapr_testing.sidecar(app_id="inner") as inner:
        assert os.environ["DAPR_GRPC_PORT"] == str(inner.grpc_port) != str(outer.grpc_port)
        outer.state.put("statestore", "k", b"outer")
        assert inner.state.get("statestore", "k") is None


@pytest.mark.parametrize(
    ("wanted", "error", "message"),
    [
        ({"kind": "nonsense"}, ValueError, "no such kind of sidecar: 'nonsense'"),
        ({"components": {"orders": {"redisHost": "x"}}}, ValueError, "component 'orders' has no 'type'"),
        ({"components": {"orders": "state.nonsense"}}, Exception, "couldn't find state store state.nonsense"),
        ({"resources": "/no/such/folder"}, Exception, "/no/such/folder"),
    ],
)
def test_what_cannot_be_is_refused(wanted: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message), dapr_testing.sidecar(**wanted):  # type: ignore[arg-type]  # any of them
        pass
