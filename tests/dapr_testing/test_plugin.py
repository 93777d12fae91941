"""The fixtures: how they are configured, what they set, what they leave behind."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import anyio
import pytest

from dapr_client import DaprClient, DaprGrpcError
from dapr_client.aio import DaprClient as AioDaprClient
from dapr_testing import DaprSidecar

pytestmark = pytest.mark.filterwarnings("ignore:The Distributed Lock API:UserWarning")

NAMES = ("DAPR_GRPC_PORT", "DAPR_HTTP_PORT", "DAPR_GRPC_ENDPOINT", "DAPR_HTTP_ENDPOINT", "DAPR_API_TOKEN", "APP_ID")


def test_code_under_test_finds_the_sidecar(dapr_sidecar: DaprSidecar) -> None:
    with DaprClient() as dapr:
        dapr.save_state("statestore", "k", "v")
    assert dapr_sidecar.state.get("statestore", "k") == b"v"


def test_the_clients_reach_it(dapr_client: DaprClient, dapr_sidecar: DaprSidecar) -> None:
    dapr_sidecar.state.put("statestore", "k", {"a": 1})
    assert dapr_client.get_state("statestore", "k").data == b'{"a":1}'
    with dapr_sidecar.client(transport="grpc") as dapr:
        assert dapr.get_state("statestore", "k").data == b'{"a":1}'


async def test_the_async_client_reaches_it(async_dapr_client: AioDaprClient, dapr_sidecar: DaprSidecar) -> None:
    dapr_sidecar.state.put("statestore", "k", b"v")
    assert (await async_dapr_client.get_state("statestore", "k")).data == b"v"
    async with dapr_sidecar.aio_client(transport="grpc") as dapr:
        assert (await dapr.get_state("statestore", "k")).data == b"v"


def test_the_async_client_needs_no_plugin(async_dapr_client: AioDaprClient, dapr_sidecar: DaprSidecar) -> None:
    async def use() -> bytes:
        return (await async_dapr_client.get_state("statestore", "k")).data

    dapr_sidecar.state.put("statestore", "k", b"v")
    assert asyncio.run(use()) == b"v"
    assert anyio.run(use) == b"v"


@pytest.mark.parametrize("turn", [1, 2])
def test_every_test_begins_anew(dapr_sidecar: DaprSidecar, turn: int) -> None:
    assert dapr_sidecar.state.get("statestore", "k") is None
    began = dapr_sidecar.clock.time
    dapr_sidecar.state.put("statestore", "k", b"v")
    dapr_sidecar.clock.advance(5)
    dapr_sidecar.reset()
    assert (dapr_sidecar.state.get("statestore", "k"), dapr_sidecar.clock.time) == (None, began)
    dapr_sidecar.state.put("statestore", "k", b"v")
    dapr_sidecar.clock.advance(5)


def test_time_moves_when_the_test_says_so(dapr_sidecar: DaprSidecar, dapr_client: DaprClient) -> None:
    dapr_client.save_state("statestore", "k", "v", state_metadata={"ttlInSeconds": "60"})
    dapr_client.try_lock("lockstore", "r", "ann", 60)
    dapr_sidecar.clock.advance(59)
    assert dapr_client.get_state("statestore", "k").data == b"v"
    assert dapr_sidecar.lock.owner("lockstore", "r") == "ann"
    dapr_sidecar.clock.advance(2)
    assert dapr_client.get_state("statestore", "k").data == b""
    assert dapr_sidecar.lock.owner("lockstore", "r") is None


def test_secrets_settings_and_locks_can_be_put_in_place(dapr_sidecar: DaprSidecar, dapr_client: DaprClient) -> None:
    dapr_sidecar.secrets.set("secretstore", "db", {"user": "ann", "password": "x"})
    dapr_sidecar.configuration.set("configstore", "color", "red", version="2")
    dapr_sidecar.lock.hold("lockstore", "r", "somebody")
    assert dapr_client.get_secret("secretstore", "db").secret == {"user": "ann", "password": "x"}
    item = dapr_client.get_configuration("configstore", ["color"]).items["color"]
    assert (item.value, item.version) == ("red", "2")
    assert not dapr_client.try_lock("lockstore", "r", "ann", 5)


def test_a_change_of_configuration_is_told(dapr_sidecar: DaprSidecar, dapr_client: DaprClient) -> None:
    told: list[dict[str, str]] = []
    heard = threading.Event()

    def hear(id: str, response: object) -> None:  # the official name
        told.append({key: item.value for key, item in response.items.items()})  # type: ignore[attr-defined]  # any response
        heard.set()

    dapr_client.subscribe_configuration("configstore", ["color"], hear)
    dapr_sidecar.configuration.set("configstore", "color", "blue")
    assert heard.wait(5)
    assert told == [{"color": "blue"}]


@pytest.mark.dapr(app_id="shop", components={"orders": {"type": "state.in-memory", "keyPrefix": "name"}})
def test_the_marker_says_what_is_wanted(dapr_sidecar: DaprSidecar) -> None:
    assert (dapr_sidecar.app_id, os.environ["APP_ID"]) == ("shop", "shop")
    assert [spec.name for spec, _ in dapr_sidecar.fake.core.components] == ["orders"]


@pytest.mark.dapr(app_id="shop")
def test_a_marked_test_needs_no_fixture() -> None:
    assert os.environ["APP_ID"] == "shop"


@pytest.mark.dapr(api_token="secret")
def test_calls_need_the_token(dapr_sidecar: DaprSidecar, dapr_client: DaprClient) -> None:
    assert os.environ["DAPR_API_TOKEN"] == "secret"
    dapr_client.get_state("statestore", "k")
    for transport in ("in-process", "grpc"):
        with (
            dapr_sidecar.client(transport=transport, api_token="wrong") as stranger,
            pytest.raises(DaprGrpcError, match="Unauthorized"),
        ):
            stranger.get_state("statestore", "k")


@pytest.mark.dapr(clock="system")
def test_the_system_clock_cannot_be_moved(dapr_sidecar: DaprSidecar) -> None:
    with pytest.raises(pytest.skip.Exception, match="cannot be moved"):
        dapr_sidecar.clock.advance(1)


# --- in a project of its own ---


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run the project's tests in a process of their own."""
    load = [] if _installed() else ["-p", "dapr_testing.plugin"]
    root = Path(__file__).parents[2]
    os.environ["PYTHONPATH"] = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    return pytester.runpytest_subprocess(*load, "-p", "no:cacheprovider", *arguments)


def _installed() -> bool:
    from importlib.metadata import entry_points

    return any(entry.value == "dapr_testing.plugin" for entry in entry_points(group="pytest11"))


@pytest.fixture(autouse=True)
def _environment_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))


RESOURCES = """
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: orders}
spec: {type: state.in-memory, version: v1}
"""


def test_the_ini_file_and_the_command_line_configure_it(pytester: pytest.Pytester) -> None:
    folder = pytester.mkdir("resources")
    (folder / "orders.yaml").write_text(RESOURCES)
    pytester.makeini("[pytest]\ndapr_resources_path = resources\ndapr_app_id = from-ini\n")
    pytester.makepyfile(
        """
        def test_it(dapr_sidecar):
            print("app", dapr_sidecar.app_id, [spec.name for spec, _ in dapr_sidecar.fake.core.components])
        """
    )
    run(pytester, "-s").stdout.fnmatch_lines(["*in memory (fake)", "*app from-ini*orders*"])
    run(pytester, "-s", "--dapr-app-id=told").stdout.fnmatch_lines(["*app told*orders*"])


def test_fixtures_can_be_overridden(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        from dapr_testing import Component

        @pytest.fixture
        def dapr_components():
            return [Component("mine", "state.in-memory")]

        @pytest.fixture
        def dapr_app_id():
            return "overridden"

        @pytest.fixture
        def dapr_sidecar_options():
            return {"max_body_size": 1000}

        def test_it(dapr_sidecar):
            dapr_sidecar.state.put("mine", "k", b"v")
            assert dapr_sidecar.app_id == "overridden"
            assert dapr_sidecar.fake.options.max_body_size == 1000
        """
    )
    run(pytester).assert_outcomes(passed=1)


def test_workers_have_sidecars_of_their_own(pytester: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("turn", range(8))
        def test_it(dapr_client, turn):
            assert dapr_client.get_state("statestore", "k").data == b""
            dapr_client.save_state("statestore", "k", str(turn))
            assert dapr_client.get_state("statestore", "k").data == str(turn).encode()
        """
    )
    run(pytester, "-n", "2").assert_outcomes(passed=8)


def test_strict_asyncio_and_anyio_both_work(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nasyncio_mode = strict\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        @pytest.mark.asyncio
        async def test_asyncio(async_dapr_client):
            assert (await async_dapr_client.get_state("statestore", "k")).data == b""

        @pytest.mark.anyio
        async def test_anyio(async_dapr_client):
            assert (await async_dapr_client.get_state("statestore", "k")).data == b""
        """
    )
    run(pytester, "-W", "error").assert_outcomes(passed=2)


def test_options_and_marker_are_listed(pytester: pytest.Pytester) -> None:
    run(pytester, "--help").stdout.fnmatch_lines(["*Dapr sidecar:*", "*--dapr-sidecar=*", "*--dapr-resources-path=*"])
    run(pytester, "--markers").stdout.fnmatch_lines(["@pytest.mark.dapr(components=None, *"])


def test_the_environment_is_as_it_was_afterwards(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        f"""
        import os

        NAMES = {NAMES!r}
        BEFORE = {{name: os.environ.get(name) for name in NAMES}}

        def test_inside(dapr_sidecar):
            assert os.environ["DAPR_GRPC_PORT"] == str(dapr_sidecar.grpc_port)
            assert "DAPR_API_TOKEN" not in os.environ

        def test_after():
            assert {{name: os.environ.get(name) for name in NAMES}} == BEFORE
        """
    )
    os.environ["DAPR_API_TOKEN"] = "before"
    try:
        run(pytester).assert_outcomes(passed=2)
    finally:
        del os.environ["DAPR_API_TOKEN"]


def test_a_run_that_does_not_use_it_imports_nothing_heavy(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_it():
            heavy = {"aiohttp", "fakeredis", "redis", "grpc", "google.protobuf", "yaml", "fakesidecar", "dapr_client"}
            assert heavy & sys.modules.keys() == set()
        """
    )
    run(pytester, "-p", "no:asyncio").assert_outcomes(passed=1)
