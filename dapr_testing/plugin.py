"""The pytest plugin: hooks and fixtures, and nothing else. What is heavy is imported on first use."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from dapr_client import DaprClient
    from dapr_client.aio import DaprClient as AioDaprClient
    from dapr_testing._error_coverage import ErrorCoverage
    from dapr_testing._servers import Pool
    from dapr_testing._sidecar import DaprSidecar

MARKER = (
    "dapr(components=None, resources=None, app_id=None, api_token=None, config=None, clock=None, transport=None, "
    "intercept_channels=None, …): the sidecar that the test wants; it runs whether the test asks for the fixture or not"
)

FAILED = pytest.StashKey[bool]()
"""Of a test: whether it has failed already."""

ERRORS: pytest.StashKey[ErrorCoverage] = pytest.StashKey()
"""Of a run: what counts which calls saw a failure."""
WORKER_KEY = "dapr_error_coverage"

SETTINGS = (
    (
        "sidecar",
        "string",
        "fake (default), daprd (on PATH), the path of one, host:port, or proxy:… in front of any",
    ),
    ("resources_path", "paths", "folders of resources to load; may be repeated on the command line"),
    ("config", "paths", "Dapr configuration files"),
    ("app_id", "string", "the application's id (default: app)"),
    ("api_token", "string", "the token that calls must carry"),
    ("transport", "string", "what dapr_sidecar.client() talks through: in-process (default) or grpc"),
    ("intercept_channels", "bool", "give code that opens gRPC channels to the sidecar the channel in process"),
    ("error_coverage", "string", "report which operations ever saw a failure: report, or the percentage to reach"),
    ("redis", "string", "what *.redis components talk to: embedded (default) or real"),
)
"""Each is an ini option `dapr_…` and, but for the booleans, a command-line option `--dapr-…`."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("dapr", "Dapr sidecar")
    for name, kind, about in SETTINGS:
        parser.addini(f"dapr_{name}", about, type=kind, default=None)  # type: ignore[arg-type]  # a literal
        if kind != "bool":
            action = "append" if kind == "paths" else "store"
            option = f"--dapr-{name.replace('_', '-')}"
            group.addoption(option, action=action, dest=f"dapr_{name}", default=None, metavar="…", help=about)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)
    if _configured(config, "error_coverage"):
        from dapr_testing import _error_coverage as errors

        try:
            errors.wanted_percent(_configured(config, "error_coverage"))
        except ValueError:
            raise pytest.UsageError("dapr_error_coverage is `report` or a percentage") from None
        errors.active = config.stash[ERRORS] = errors.ErrorCoverage()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the sidecars of state machines and of `unittest`, if there were any."""
    if (servers := sys.modules.get("dapr_testing._servers")) is not None:
        servers.POOL.close()
    if ERRORS in config.stash:
        sys.modules["dapr_testing._error_coverage"].active = None  # type: ignore[attr-defined]  # it is there


def pytest_report_header(config: pytest.Config) -> str:
    kind = _configured(config, "sidecar") or "fake"
    return f"dapr sidecar: {'in memory (fake)' if kind == 'fake' else kind}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        names: list[str] = getattr(item, "fixturenames", [])
        if item.get_closest_marker("dapr") is not None and "dapr_sidecar" not in names:
            names.append("dapr_sidecar")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Let every run of a property test begin anew."""
    view = getattr(item, "funcargs", {}).get("dapr_sidecar")
    if view is None or not isinstance(item, pytest.Function) or not getattr(item.obj, "is_hypothesis_test", False):
        return (yield)
    from dapr_testing._examples import begun_anew

    with begun_anew(item, view):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a test that failed what was asked of its sidecar."""
    report = yield
    view = getattr(item, "funcargs", {}).get("dapr_sidecar")
    if report.failed:
        item.stash[FAILED] = True
        if view is not None and (timeline := view.timeline()):
            report.sections.append(("Dapr timeline", timeline))
        if view is not None and (log := view.log()):
            report.sections.append(("Dapr sidecar log", log))
    return report


# --- which calls saw a failure ---


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Add up what the workers of pytest-xdist counted."""
    if ERRORS in node.config.stash and WORKER_KEY in getattr(node, "workeroutput", {}):
        node.config.stash[ERRORS].add(node.workeroutput[WORKER_KEY])


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand on what was counted, and fail the run when it is not what was asked for."""
    config = session.config
    if ERRORS not in config.stash:
        return
    if hasattr(config, "workeroutput"):
        config.workeroutput[WORKER_KEY] = config.stash[ERRORS].to_plain()
    elif _too_few_failures(config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Tell which operations saw which failures."""
    if ERRORS not in config.stash:
        return
    terminalreporter.section("Dapr error paths")
    for line in config.stash[ERRORS].lines():
        terminalreporter.write_line(line)
    if _too_few_failures(config):
        terminalreporter.write_line(f"FAILED: {_configured(config, 'error_coverage')} was to be reached", red=True)


def _too_few_failures(config: pytest.Config) -> bool:
    from dapr_testing._error_coverage import wanted_percent

    wanted = wanted_percent(_configured(config, "error_coverage"))
    return wanted is not None and config.stash[ERRORS].percent < wanted


def _configured(config: pytest.Config, name: str) -> Any:
    """The value of a setting on the command line, else in the ini file, else None."""
    given = config.getoption(f"dapr_{name}", None)
    return config.getini(f"dapr_{name}") if given is None else given


# --- fixtures to override ---


@pytest.fixture
def dapr_app_id(pytestconfig: pytest.Config) -> str:
    """The application's id; override it, or set `dapr_app_id`."""
    return _configured(pytestconfig, "app_id") or "app"


@pytest.fixture
def dapr_components() -> Any:
    """Components in Python: `{"orders": "state.in-memory"}`, or a list of `Component`s, YAML texts and paths."""
    return None


@pytest.fixture
def dapr_resources_path(pytestconfig: pytest.Config) -> Any:
    """Folders of resources; override it, or set `dapr_resources_path`."""
    return _configured(pytestconfig, "resources_path")


@pytest.fixture
def dapr_api_token(pytestconfig: pytest.Config) -> str:
    """The token that calls must carry; override it, or set `dapr_api_token`."""
    return _configured(pytestconfig, "api_token") or ""


@pytest.fixture
def dapr_sidecar_options() -> Mapping[str, Any]:
    """Anything else that `dapr_testing.sidecar` takes; override it."""
    return {}


# --- fixtures to use ---


@pytest.fixture(scope="session")
def _dapr_servers(pytestconfig: pytest.Config) -> Iterator[Pool]:
    from dapr_testing._servers import Pool

    pool = Pool(_configured(pytestconfig, "sidecar") or "fake")
    yield pool
    pool.close()


@pytest.fixture
def dapr_sidecar(
    request: pytest.FixtureRequest,
    _dapr_servers: Pool,
    dapr_app_id: str,
    dapr_components: Any,
    dapr_resources_path: Any,
    dapr_api_token: str,
    dapr_sidecar_options: Mapping[str, Any],
) -> Iterator[DaprSidecar]:
    """A sidecar as new, which the code under test finds by its environment; see `dapr_testing.DaprSidecar`."""
    from dapr_testing._settings import settings
    from dapr_testing._sidecar import DaprSidecar

    config = request.config
    wanted: dict[str, Any] = {
        "app_id": dapr_app_id,
        "components": dapr_components,
        "resources": dapr_resources_path,
        "config": _configured(config, "config"),
        "api_token": dapr_api_token,
        "redis": _configured(config, "redis") or "embedded",
        "transport": _configured(config, "transport") or "in-process",
        "intercept_channels": config.getini("dapr_intercept_channels") or False,
        **dapr_sidecar_options,
        **_marked(request.node),
    }
    transport, intercept = wanted.pop("transport"), wanted.pop("intercept_channels")
    chosen = settings(**wanted)
    _skip_what_daprd_lacks(_dapr_servers.kind, chosen)
    view = DaprSidecar(_dapr_servers.get(chosen), transport=transport, refuse=pytest.skip)
    with view.in_use(intercept=intercept, passed=lambda: not request.node.stash.get(FAILED, False)):
        yield view


@pytest.fixture
def dapr_client(dapr_sidecar: DaprSidecar) -> DaprClient:
    """A client of the sidecar."""
    return dapr_sidecar.client()


@pytest.fixture
def async_dapr_client(dapr_sidecar: DaprSidecar) -> AioDaprClient:
    """A client of the sidecar for asyncio; with whichever plugin runs the test's event loop."""
    return dapr_sidecar.aio_client()


def _marked(node: pytest.Item) -> dict[str, Any]:
    """What `@pytest.mark.dapr` says: the closest mark has the last word on each keyword."""
    wanted: dict[str, Any] = {}
    for mark in reversed(list(node.iter_markers("dapr"))):
        if mark.args:
            raise pytest.UsageError(f"@pytest.mark.dapr takes keywords, not {mark.args!r}")
        wanted.update(mark.kwargs)
    return wanted


def _skip_what_daprd_lacks(kind: str, wanted: Any) -> None:
    from dapr_testing._servers import FAKE, PROXY, fake_options, only_fake

    if kind.removeprefix(PROXY) == FAKE:
        return
    if types := only_fake(wanted):
        pytest.skip(f"daprd has no {', '.join(types)}")
    if wanted.clock == "virtual" and (options := fake_options(wanted)):
        pytest.skip(f"only the fake sidecar takes {', '.join(options)}")
