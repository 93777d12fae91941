"""In the place of daprd: found by its name, ended as it is ended."""

from __future__ import annotations

import http.server
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from fakesidecar.cli import main

from .test_run_file import free_ports

PORTS = ("--dapr-http-port=0", "--dapr-grpc-port=0")


class App:
    """An application that answers `/slow` when it is told to."""

    def __init__(self) -> None:
        self.asked, self.may = threading.Event(), threading.Event()
        self.well = True
        app = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/slow":
                    app.asked.set()
                    app.may.wait(20)
                self.send_response(500 if self.path == "/healthz" and not app.well else 200)
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                """Nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def app() -> Iterator[App]:
    app = App()
    yield app
    app.may.set()
    app.server.shutdown()
    app.server.server_close()


def start(*command: object) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DAPR_")}
    return subprocess.Popen(
        [*map(str, command)],
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**environment, "FAKESIDECAR_NAMES": "off"},
    )


def until(process: subprocess.Popen[str], pattern: str) -> re.Match[str]:
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(pattern, line):
            return found
    raise AssertionError(f"ended without {pattern!r}")


def daprd(*flags: object) -> tuple[subprocess.Popen[str], str]:
    """A sidecar that has started, and its URL."""
    process = start(sys.executable, "-m", "fakesidecar", "daprd", "--app-id=a", *PORTS, *flags)
    url = f"http://127.0.0.1:{until(process, 'HTTP server is running on port ([0-9]+)')[1]}"
    until(process, "dapr initialized. Status: Running.")
    return process, url


def status(url: str) -> int:
    try:
        with urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def until_ready(url: str) -> None:
    while status(f"{url}/v1.0/healthz") != 204:
        pass


def test_what_is_installed_is_found_where_the_dapr_cli_looks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["install-daprd", str(tmp_path / "runtime")]) == 0
    script = tmp_path / "runtime" / ".dapr" / "bin" / "daprd"
    assert f"dapr run --runtime-path {tmp_path / 'runtime'}" in capsys.readouterr().out
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == "1.18.3\n"
    done = subprocess.run([script, "--no-such-flag"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr.endswith("unknown flag: --no-such-flag\n")) == (2, True)
    (tmp_path / "runtime" / ".dapr" / "config.yaml").write_text("# mine")
    main(["install-daprd", str(tmp_path / "runtime")])
    assert (tmp_path / "runtime" / ".dapr" / "config.yaml").read_text() == "# mine"


def test_it_is_run_as_dapr_run_runs_it(tmp_path: Path, app: App) -> None:
    """Start, wait for both ports, tell it of the application: what the Dapr CLI does."""
    main(["install-daprd", str(tmp_path)])
    http_port, grpc_port, internal, metrics = free_ports(4)
    home = tmp_path / ".dapr"
    flags = {
        "app-id": "shop",
        "app-port": app.port,
        "app-protocol": "http",
        "app-channel-address": "127.0.0.1",
        "app-max-concurrency": -1,
        "dapr-http-port": http_port,
        "dapr-grpc-port": grpc_port,
        "dapr-internal-grpc-port": internal,
        "metrics-port": metrics,
        "log-level": "info",
        "max-body-size": "4Mi",
        "read-buffer-size": "4Ki",
        "placement-host-address": "localhost:50005",
        "scheduler-host-address": "localhost:50006",
        "resources-path": home / "components",
        "config": home / "config.yaml",
    }
    arguments = [text for name, value in flags.items() for text in (f"--{name}", value)]
    with start(home / "bin" / "daprd", *arguments) as process:
        until(process, "dapr initialized. Status: Running.")
        if sys.platform == "linux":  # `dapr list` reads this
            line = Path(f"/proc/{process.pid}/cmdline").read_text().split()
            assert Path(f"/proc/{process.pid}/comm").read_text() == "daprd\n"
            assert line[:3] == ["daprd", "--app-id", "shop"]
        url = f"http://localhost:{http_port}"
        until_ready(url)
        urlopen(Request(f"{url}/v1.0/metadata/appPID", data=b"1", method="PUT"), timeout=10).close()
        with urlopen(f"{url}/v1.0/metadata", timeout=10) as answer:
            found = json.load(answer)
        assert (found["id"], found["extended"]["appPID"]) == ("shop", "1")
        assert [item["name"] for item in found["components"]] == ["pubsub", "statestore"]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 0


def test_a_link_by_the_name_of_daprd_is_daprd(tmp_path: Path) -> None:
    link = tmp_path / "daprd"
    link.write_text("import sys\nfrom fakesidecar.cli import main\nsys.exit(main())\n")
    done = subprocess.run([sys.executable, link, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == "1.18.3\n"


def test_a_call_under_way_is_answered_before_the_end(app: App) -> None:
    process, url = daprd(f"--app-port={app.port}")
    with process, ThreadPoolExecutor(1) as pool:
        until_ready(url)
        call = pool.submit(status, f"{url}/v1.0/invoke/a/method/slow")
        assert app.asked.wait(10)
        process.send_signal(signal.SIGTERM)
        until(process, "Dapr is shutting down")
        app.may.set()
        assert call.result(10) == 200
        rest, _ = process.communicate(timeout=20)
    assert (process.returncode, 'msg="Daprd shutdown gracefully"' in rest) == (0, True)


def test_a_call_that_takes_too_long_is_given_up(app: App) -> None:
    process, url = daprd(f"--app-port={app.port}", "--dapr-graceful-shutdown-seconds=0")
    with process, ThreadPoolExecutor(1) as pool:
        until_ready(url)
        call = pool.submit(status, f"{url}/v1.0/invoke/a/method/slow")
        assert app.asked.wait(10)
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=20)
        with pytest.raises((URLError, ConnectionError)):
            call.result(10)
    assert process.returncode == 1
    assert 'level=fatal msg="Graceful shutdown timeout exceeded, forcing shutdown"' in rest


def test_a_shutdown_is_blocked_until_the_app_is_unwell(app: App) -> None:
    health = ("--enable-app-health-check", "--app-health-probe-interval=1", "--app-health-threshold=1")
    process, url = daprd(f"--app-port={app.port}", "--dapr-block-shutdown-duration=1h", *health)
    with process:
        while status(f"{url}/v1.0/invoke/a/method/x") != 200:  # until the first probe
            pass
        process.send_signal(signal.SIGTERM)
        until(process, "Blocking graceful shutdown for 1h0m0s or until app reports unhealthy...")
        assert status(f"{url}/v1.0/invoke/a/method/x") == 200
        assert status(f"{url}/v1.0/healthz") == 500
        app.well = False
        rest, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "App reported unhealthy, entering shutdown..." in rest


def test_a_shutdown_is_blocked_for_a_while() -> None:
    process, _ = daprd("--dapr-block-shutdown-duration=50ms")
    with process:
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=20)
    assert (process.returncode, "Block shutdown period expired, entering shutdown..." in rest) == (0, True)
