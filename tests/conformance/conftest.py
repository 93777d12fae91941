"""What every suite is run over: components, ways in, and (`--dapr-sidecar=…`) the fake or a real daprd."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dapr_testing import Component, DaprSidecar
from dapr_testing._daprd import free_ports
from fakesidecar.components.registry import find
from tests.conformance import mirrors
from tests.conformance.ways import WAYS, Way, open_way
from tests.dapr_client.actor import hosting

SECRETS = {"db": "x", "nested": {"user": "ann", "password": "y"}}
KEYS = Path(__file__).parents[1] / "parity" / "files" / "crypto" / "keys"
"""Keys `aes` and `rsa`, as files and in a set."""
VARIABLE = ("CONFORMANCE_SECRET", "from the environment")


@dataclass(frozen=True, slots=True)
class Case:
    """A component, as a suite declares it. What begins with `$` is filled in."""

    type: str
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def features(self) -> tuple[str, ...]:
        """What the component can do: decides which of a suite's tests apply."""
        found = find(self.type)
        assert found is not None, self.type
        features: tuple[str, ...] = found.component_type.features
        return features

    def __str__(self) -> str:
        return self.type


REDIS = {"redisHost": "$REDIS", "redisPassword": ""}
CASES = {
    "state": (
        Case("state.in-memory"),
        Case("state.sqlite", {"connectionString": "$DIR/state.db"}),
        Case("state.redis", REDIS),
        Case("state.in-memory-query"),
    ),
    "secrets": (
        Case("secretstores.local.file", {"secretsFile": "$DIR/secrets.json", "nestedSeparator": ":"}),
        Case("secretstores.local.env"),
        Case("secretstores.in-memory", {"db": "x", "nested:user": "ann", "nested:password": "y"}),
    ),
    "configuration": (Case("configuration.redis", REDIS), Case("configuration.in-memory")),
    "lock": (Case("lock.redis", REDIS), Case("lock.in-memory")),
    "pubsub": (Case("pubsub.in-memory"), Case("pubsub.redis", REDIS)),
    "crypto": (
        Case("crypto.dapr.localstorage", {"path": "$DIR/keys"}),
        Case("crypto.dapr.jwks", {"jwks": "$DIR/keys.json"}),
        Case("crypto.in-memory", {"aes": "$AES", "rsa": "$RSA"}),
    ),
    "conversation": (Case("conversation.echo"),),
    "bindings": (
        Case("bindings.localstorage", {"rootPath": "$DIR/files"}),
        Case("bindings.redis", REDIS),
        Case("bindings.http", {"url": "$WEB"}),
    ),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    block = Path(metafunc.definition.path).stem.removeprefix("test_").removesuffix("_apps")
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", CASES[block], ids=str, indirect=True)


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    """The component that this run of the suite is about; skipped when it lacks what the test is about."""
    chosen: Case = request.param
    needed = [feature for mark in request.node.iter_markers("needs") for feature in mark.args]
    if missing := [feature for feature in needed if feature not in chosen.features]:
        pytest.skip(f"{chosen.type} has no {', '.join(missing)}")
    return chosen


@pytest.fixture(params=WAYS)
def way_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that components name."""
    folder = tmp_path_factory.mktemp("conformance")
    (folder / "secrets.json").write_text(json.dumps(SECRETS))
    (folder / "keys").mkdir()
    for name, file in (("keys/aes", "aes256.bin"), ("keys/rsa", "rsa2048.pem"), ("keys.json", "jwks.json")):
        shutil.copyfile(KEYS / file, folder / name)
    return folder


@pytest.fixture(scope="session")
def sidecar_kind(_dapr_servers: Any) -> str:
    """What `dapr_testing.sidecar` is to make, for tests that need one of their own."""
    kind: str = _dapr_servers.kind
    return kind


@pytest.fixture(scope="session")
def redis_host(_dapr_servers: Any) -> Iterator[str]:
    """Where Redis is: embedded in the fake, a server for a real daprd."""
    if _dapr_servers.kind == "fake":
        yield "conformance:6379"
        return
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("a real daprd needs a real Redis, and there is no redis-server")
    (port,) = free_ports(1)
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--notify-keyspace-events", "KEA"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        for line in server.stdout:
            if "Ready to accept connections" in line:
                break
        yield f"127.0.0.1:{port}"
        server.terminate()
        server.stdout.read()


@pytest.fixture
def dapr_components(case: Case, folder: Path, request: pytest.FixtureRequest, monkeypatch: Any) -> list[Component]:
    """The component under the name `store`."""
    monkeypatch.setenv(*VARIABLE)
    fill: dict[str, Callable[[], str]] = {
        "$DIR": lambda: str(folder),
        "$REDIS": lambda: _redis(request),
        "$WEB": lambda: _web(request),
        "$AES": (KEYS / "aes256.b64").read_text,
        "$RSA": (KEYS / "rsa2048.pem").read_text,
    }
    metadata = dict(case.metadata)
    for name, value in metadata.items():
        for word, what in fill.items():
            if word in value:
                metadata[name] = value.replace(word, what())
    return [Component("store", case.type, metadata=metadata)]


def _redis(request: pytest.FixtureRequest) -> str:
    host: str = request.getfixturevalue("redis_host")
    return host


@pytest.fixture(scope="session")
def web() -> Iterator[str]:
    """A server outside."""
    with mirrors.over_http() as port:
        yield f"http://127.0.0.1:{port}"


def _web(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue("web")
    return url


@pytest.fixture(scope="module")
def hall() -> Iterator[hosting.Hall]:
    """Where a suite's ASGI applications are served."""
    with hosting.hall() as opened:
        yield opened


@pytest.fixture
def way(way_name: str, dapr_sidecar: DaprSidecar) -> Iterator[Way]:
    """The block by one of the ways in."""
    with open_way(way_name, dapr_sidecar) as opened:
        yield opened


@pytest.fixture
def key(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Keys that no other test uses: a real daprd's stores outlive a test."""
    test = f"{os.getpid()}-{abs(hash(request.node.nodeid))}"
    return lambda name: f"{test}-{name}"
