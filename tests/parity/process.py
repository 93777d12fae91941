"""The processes of a recording: the sidecar under test and a Redis."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, TypeAlias

import grpc
import httpx

from .apps import App
from .nursery import POSSIBLE, Child, nursery, python_path
from .values import FOLDER_PREFIX

PYTHON = (sys.executable, "-m", "fakesidecar")
OURS = (*PYTHON, "daprd")
"""The command of this repository's sidecar."""

Process: TypeAlias = "subprocess.Popen[bytes] | Child"

CONTROL_PLANE = ("--placement-host-address=127.0.0.1:50005", "--scheduler-host-address=127.0.0.1:50006")

# Below the range from which the system takes ports for outgoing connections: one of those could take
# a port between its choice and its use. Processes that run side by side begin at different places.
_PORTS = itertools.cycle(range(11_000, 32_000))
for _ in range(os.getpid() * 5_003 % 21_000):
    next(_PORTS)
_PORTS_LOCK = threading.Lock()
_pause = threading.Event().wait


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses; each one only once."""
    with _PORTS_LOCK:
        for port in _PORTS:
            with contextlib.suppress(OSError), socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
                return port
    raise AssertionError("unreachable: the ports go round")


class Redis:
    """A Redis of its own: redis-server where it is installed, else fakeredis behind a socket."""

    def __init__(self) -> None:
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._server: Any = None
        if shutil.which("redis-server"):
            self._process = subprocess.Popen(
                ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                 "--dir", tempfile.gettempdir(), "--notify-keyspace-events", "KEA"],
                stdout=subprocess.DEVNULL,
            )  # fmt: skip
        else:
            self._server = _fake_redis(self.port)
            threading.Thread(target=self._server.serve_forever, daemon=True).start()
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            _pause(0.02)
        raise RuntimeError(f"no Redis came up on port {self.port}")

    def call(self, *words: str) -> Any:
        """Send one command; the answer as text."""
        import redis

        with redis.Redis(port=self.port, decode_responses=True) as client:
            return client.execute_command(*words)

    def close(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def _fake_redis(port: int) -> Any:
    """A fakeredis behind a socket, which knows `INFO` as well: state stores ask for the number of replicas."""
    from fakeredis import TcpFakeServer
    from fakeredis._commands import command
    from fakeredis._socket import FakeSocket

    def info(self: Any, *sections: bytes) -> bytes:
        return b"connected_slaves:0\r\n"

    FakeSocket.info = command((), (bytes,))(info)  # type: ignore[attr-defined]
    return TcpFakeServer(("127.0.0.1", port))


class Sidecar:
    """One running sidecar, and the two clients that talk to it."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        app_id: str,
        app: App | None,
        resources: Sequence[str],
        config: str,
        flags: Sequence[str],
        env: Mapping[str, str],
        folder: Path,
    ) -> None:
        self.app, self.folder = app, folder
        self.http_port, self.grpc_port = free_port(), free_port()
        self.clock_is_virtual = False
        self._moving = threading.Lock()
        self._token = {"dapr-api-token": env.get("DAPR_API_TOKEN", "")}
        (folder / "res").mkdir(exist_ok=True)
        for number, text in enumerate(resources):
            (folder / "res" / f"{number}.yaml").write_text(text)
        if config:
            (folder / "config.yaml").write_text(config)
        self._log = (folder / "sidecar.log").open("wb")
        self.process = _started(
            [*_without(command, flags), *self._arguments(app_id, config, flags)],
            {**os.environ, **_environment(command), **env},
            folder,
            self._log,
        )
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.grpc_port}")
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.http_port}", timeout=20, verify=False)

    def _arguments(self, app_id: str, config: str, flags: Sequence[str]) -> list[str]:
        arguments = [
            f"--app-id={app_id}",
            f"--dapr-http-port={self.http_port}",
            f"--dapr-grpc-port={self.grpc_port}",
            f"--dapr-internal-grpc-port={free_port()}",
            f"--metrics-port={free_port()}",
            f"--profile-port={free_port()}",
            "--dapr-listen-addresses=127.0.0.1",
            f"--resources-path={self.folder / 'res'}",
            *(flag for flag in flags if not flag.endswith("=")),
        ]
        if config:
            arguments.append(f"--config={self.folder / 'config.yaml'}")
        if self.app is not None:
            arguments += [f"--app-port={self.app.port}", f"--app-protocol={self.app.protocol}"]
        return arguments

    def find_clock(self) -> None:
        """See whether the sidecar lets its clock be moved."""
        self.clock_is_virtual = self.advance(0)

    def advance(self, seconds: float) -> bool:
        """Move the sidecar's clock. False if it has none that can be moved."""
        try:
            with self._moving:
                got = self.client.post("/fakesidecar/v1/clock/advance", json={"seconds": seconds}, headers=self._token)
        except httpx.HTTPError:
            return False
        return got.is_success

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def fatal(self) -> str | None:
        """The message of the last line that the sidecar logged with level=fatal."""
        lines = re.findall(r'level=fatal msg=("(?:[^"\\]|\\.)*"|\S+)', self.log())
        if not lines:
            return None
        last: str = json.loads(lines[-1]) if lines[-1].startswith('"') else lines[-1]
        return last

    def log(self) -> str:
        """All that the sidecar wrote."""
        return (self.folder / "sidecar.log").read_text(errors="replace")

    def close(self) -> None:
        self.channel.close()
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        with self._moving:  # a client that is closed while it asks leaves its socket behind
            self.client.close()
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def new_folder() -> Path:
    """A temporary folder whose name is masked in answers."""
    return Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))


def _started(command: Sequence[str], env: Mapping[str, str], folder: Path, log: IO[bytes]) -> Process:
    """A process of that command; one of ours comes from the nursery."""
    if POSSIBLE and _is_ours(command):
        return nursery().start(command[len(PYTHON) :], folder=folder, env=env, log=log)
    return subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=env)


def _is_ours(command: Sequence[str]) -> bool:
    return tuple(command[: len(OURS)]) == OURS


def _without(command: Sequence[str], flags: Sequence[str]) -> list[str]:
    """The command without the flags that a recording sets (or, with an empty value, takes away)."""
    named = {flag.partition("=")[0] for flag in flags}
    return [word for word in command if word.partition("=")[0] not in named]


def _environment(command: Sequence[str]) -> dict[str, str]:
    """What our sidecar is told: to use the Redis that components name, a clock that can be moved, and to be alone."""
    ours = {"FAKESIDECAR_REDIS": "real", "FAKESIDECAR_CLOCK": "virtual", "FAKESIDECAR_NAMES": "off"}
    if _is_ours(command):  # it runs in a folder of its own
        ours["PYTHONPATH"] = python_path()
    return ours
