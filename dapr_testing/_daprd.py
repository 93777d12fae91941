"""A real daprd as a process, for tests that are to pass on it too."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

from fakesidecar.resources.component import Component

READY = "dapr initialized. Status: Running"
DOOMED = "daprd will exit gracefully"
START_SECONDS = 30.0
STOP_SECONDS = 10.0
ATTEMPTS = 3
LINES = 200
"""How much of the log is told when it does not start."""
DYING_SECONDS = 2.0
CONTROL_PLANE = {
    "DAPR_PLACEMENT_HOST_ADDRESS": "--placement-host-address",
    "DAPR_SCHEDULER_HOST_ADDRESS": "--scheduler-host-address",
}
"""The variables that say where the services are that actors, workflows and jobs need, and daprd's flags for them."""


class DaprdError(RuntimeError):
    """daprd did not start; the message has the end of its log."""


class Daprd:
    """A daprd process in standalone mode, with a folder of resources of its own.

    It has the control plane that `DAPR_PLACEMENT_HOST_ADDRESS` and `DAPR_SCHEDULER_HOST_ADDRESS` name.

    with Daprd(components=[Component("statestore", "state.in-memory")]) as daprd:
        ...  # daprd.grpc_port, daprd.http_port
    """

    def __init__(
        self,
        *,
        components: Iterable[Component | str | Path] = (),
        resources: Iterable[str | Path] = (),
        config: Iterable[str | Path] = (),
        app_id: str = "app",
        api_token: str = "",
        app_port: int = 0,
        app_protocol: str = "http",
        program: str = "daprd",
    ) -> None:
        self.grpc_port = self.http_port = 0
        self.used = False
        """A test has had it."""
        self._components = tuple(components)
        self._resources, self._config = tuple(resources), tuple(config)
        self._app_id, self._api_token, self._program = app_id, api_token, program
        self._app = [f"--app-port={app_port}", f"--app-protocol={app_protocol}"] if app_port else []
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._log: deque[str] = deque(maxlen=LINES)

    def start(self) -> None:
        """Start it; returns when it serves."""
        path = shutil.which(self._program)
        if path is None:
            raise DaprdError(f"there is no daprd at {self._program!r}")
        self._folder = tempfile.TemporaryDirectory(prefix="daprd-")
        write_resources(self._components, Path(self._folder.name))
        for attempt in range(ATTEMPTS):
            if self._launch(path):
                return
            log = self.log
            # Somebody else may have taken a port that was free a moment ago.
            if "address already in use" not in log or attempt == ATTEMPTS - 1:
                self.stop()
                raise DaprdError(f"{path} did not start:\n{log}")

    @property
    def log(self) -> str:
        """The end of what it logged."""
        return "".join(self._log)

    def _launch(self, path: str) -> bool:
        self.grpc_port, self.http_port, internal = free_ports(3)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DAPR_")}
        if self._api_token:
            environment["DAPR_API_TOKEN"] = self._api_token
        self._log.clear()
        self._process = subprocess.Popen(
            [path, *self._flags(internal)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        )
        settled = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(self._process, settled), name="daprd log", daemon=True)
        self._reader.start()
        settled.wait(START_SECONDS)
        return any(READY in line for line in tuple(self._log)) and not self._dying(self._process)

    def _dying(self, process: subprocess.Popen[str]) -> bool:
        """Whether it ends although it says that it is running: it loads components meanwhile, and gives up later."""
        if not any(DOOMED in line for line in tuple(self._log)):
            return process.poll() is not None
        try:
            process.wait(DYING_SECONDS)
        except subprocess.TimeoutExpired:
            return False
        if self._reader is not None:
            self._reader.join(STOP_SECONDS)
        return True

    def _flags(self, internal_port: int) -> list[str]:
        assert self._folder is not None
        folders = [*self._resources, self._folder.name]
        return [
            f"--app-id={self._app_id}",
            f"--dapr-grpc-port={self.grpc_port}",
            f"--dapr-http-port={self.http_port}",
            f"--dapr-internal-grpc-port={internal_port}",
            "--dapr-listen-addresses=127.0.0.1",
            "--enable-metrics=false",
            "--dapr-graceful-shutdown-seconds=1",
            *self._app,
            *(f"--resources-path={folder}" for folder in folders),
            *(f"--config={path}" for path in self._config),
            *(f"{flag}={os.environ[name]}" for name, flag in CONTROL_PLANE.items() if os.environ.get(name)),
        ]

    def _read(self, process: subprocess.Popen[str], settled: threading.Event) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._log.append(line)
            if READY in line:
                settled.set()
        settled.set()

    def stop(self) -> None:
        """End it, and remove its folder."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            if self._reader is not None:
                self._reader.join(STOP_SECONDS)
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = self._reader = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody uses at the moment."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


# --- resources -----------------------------------------------------------------------------------


def write_resources(items: Sequence[Component | str | Path], folder: Path) -> None:
    """Write what is declared in Python into a folder of YAML files, in order."""
    for number, item in enumerate(items):
        if isinstance(item, Path) and item.is_dir():
            for path in sorted(item.glob("*.y*ml")):
                shutil.copy(path, folder / f"{number:03}-{path.name}")
        else:
            (folder / f"{number:03}.yaml").write_text(_text(item), encoding="utf-8")


def _text(item: Component | str | Path) -> str:
    match item:
        case str():
            return item
        case Path():
            return item.read_text(encoding="utf-8")
    return json.dumps(document_of(item))  # which is YAML


def document_of(component: Component) -> dict[str, Any]:
    """A component as the document that declares it."""
    pairs: dict[str, dict[str, Any]] = {name: {"value": value} for name, value in component.metadata.items()}
    for name, reference in component.secret_refs.items():
        pairs[name] = {"secretKeyRef": {"name": reference.name, "key": reference.key}}
    pairs |= {name: {"envRef": variable} for name, variable in component.env_refs.items()}
    return {
        "apiVersion": "dapr.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": component.name, "namespace": component.namespace},
        "spec": {
            "type": component.type,
            "version": component.version,
            "ignoreErrors": component.ignore_errors,
            "initTimeout": component.init_timeout,
            "metadata": [{"name": name, **what} for name, what in pairs.items()],
        },
        "auth": {"secretStore": component.secret_store},
        "scopes": list(component.scopes),
    }
