"""The Dapr CLI, unmodified, with this sidecar in the place of daprd."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from fakesidecar.cli import main

from .test_drop_in import status
from .test_run_file import free_ports

pytestmark = pytest.mark.skipif(not shutil.which("dapr"), reason="the Dapr CLI is not on the PATH")

APPLICATION = """
import os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(404 if self.path.startswith("/dapr/") else 200)
        self.end_headers()
        self.wfile.write(f"{os.environ['APP_ID']} got {self.path}".encode())

    def log_message(self, *_):
        pass

HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""

MULTI_APP = """
version: 1
apps:
  - {{appID: kitchen, appDirPath: ., appPort: {0}, daprHTTPPort: {2}, command: ["{python}", "app.py", "{0}"]}}
  - {{appID: hall, appDirPath: ., appPort: {1}, daprHTTPPort: {3}, command: ["{python}", "app.py", "{1}"]}}
"""

READY = 204
Cli = Callable[..., str]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder with this sidecar where `dapr init --slim` puts daprd, and an application in it."""
    main(["install-daprd", str(tmp_path)])
    (tmp_path / "app.py").write_text(APPLICATION)
    return tmp_path


@pytest.fixture
def dapr(home: Path) -> Iterator[Cli]:
    """Run a command of the CLI, with words to wait for or in the background."""
    running: list[subprocess.Popen[bytes]] = []
    environment = {**os.environ, "HOME": str(home), "FAKESIDECAR_NAMES": str(home / "names.db")}

    def command(*words: object, background: bool = False) -> str:
        line: Sequence[str] = ["dapr", *map(str, words)]
        if background:
            with (home / "run.log").open("wb") as log:
                running.append(subprocess.Popen(line, cwd=home, env=environment, stdout=log, stderr=log))
            return ""
        return subprocess.run(
            line, cwd=home, env=environment, check=True, timeout=30, stdout=subprocess.PIPE, text=True
        ).stdout

    yield command
    for process in running:
        process.terminate()
        process.wait(30)


def of(listed: str, app_id: str) -> dict[str, Any]:
    """What `dapr list -o json` says of one application."""
    found: list[dict[str, Any]] = [each for each in json.loads(listed) if each["appId"] == app_id]
    return found[0] if found else {}


def test_an_application_is_run_listed_called_published_to_and_stopped(home: Path, dapr: Cli) -> None:
    app_port, http_port = free_ports(2)
    dapr(
        "run", "--app-id", "shop", "--app-port", app_port, "--dapr-http-port", http_port,
        "--", sys.executable, "app.py", app_port,
        background=True,
    )  # fmt: skip
    while health(http_port) != READY:
        pass
    while not (listed := of(dapr("list", "-o", "json"), "shop")).get("appPid"):
        pass
    assert (listed["httpPort"], listed["appPort"]) == (http_port, app_port)
    assert listed["command"].startswith(sys.executable[:10])  # the rest may be cut off
    assert "shop got /menu" in dapr("invoke", "--app-id", "shop", "--method", "menu", "--verb", "GET")
    assert "published" in dapr(
        "publish", "--publish-app-id", "shop", "--pubsub", "pubsub", "--topic", "t", "--data", "{}"
    )
    assert "stopped" in dapr("stop", "--app-id", "shop")
    while health(http_port):
        pass
    assert of(dapr("list", "-o", "json"), "shop") == {}


def test_a_file_of_applications_runs_and_they_find_each_other(home: Path, dapr: Cli) -> None:
    ports = free_ports(4)
    (home / "dapr.yaml").write_text(MULTI_APP.format(*ports, python=sys.executable))
    dapr("run", "-f", "dapr.yaml", background=True)
    for port in ports[2:]:
        while health(port) != READY:
            pass
    while not all(of(dapr("list", "-o", "json"), app_id).get("appPid") for app_id in ("kitchen", "hall")):
        pass
    assert status(f"http://127.0.0.1:{ports[2]}/v1.0/invoke/hall/method/menu") == 200
    dapr("stop", "-f", "dapr.yaml")
    while any(map(health, ports[2:])):
        pass


def health(port: int) -> int:
    """The status of a sidecar's health, 0 when nobody listens any more."""
    try:
        return status(f"http://127.0.0.1:{port}/v1.0/healthz")
    except OSError:
        return 0
