"""`fakesidecar run -f`: what the file says, what is wrong with it, and the applications that it runs."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.request import urlopen

import pytest

from fakesidecar import flags
from fakesidecar.cli import main
from fakesidecar.resources.errors import StartupError
from fakesidecar.run import long_names, run_file_of
from fakesidecar.run_file import read


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


TWO = """
version: 1
common:
  logLevel: debug
  appProtocol: grpc
  enableAppHealthCheck: true
  resourcesPath: resources
  configFilePath: config.yaml
  env: {A: common, B: 2}
apps:
- appDirPath: shop
  appPort: 8000
  daprHTTPPort: 3501
  command: ["python", "shop.py"]
- appDirPath: kitchen
  appID: cook
  appProtocol: http
  resourcesPaths: [one, two]
  env: {A: own}
  daprdLogDestination: console
  appLogDestination: file
"""


def test_what_an_app_says_goes_before_what_all_say(tmp_path: Path) -> None:
    write(tmp_path, {"dapr.yaml": TWO, "resources/x": "", "config.yaml": "", "shop/x": ""})
    write(tmp_path, {"kitchen/one/x": "", "kitchen/two/x": "", "kitchen/.dapr/config.yaml": ""})
    shop, cook = read(tmp_path)
    assert (shop.app_id, shop.folder, shop.command) == ("shop", tmp_path / "shop", ("python", "shop.py"))
    assert (shop.environment, cook.environment) == ({"A": "common", "B": "2"}, {"A": "own", "B": "2"})
    assert (shop.resources, shop.config) == ((str(tmp_path / "resources"),), str(tmp_path / "config.yaml"))
    assert cook.resources == (str(tmp_path / "kitchen" / "one"), str(tmp_path / "kitchen" / "two"))
    assert cook.config == str(tmp_path / "kitchen" / ".dapr" / "config.yaml")
    assert ((shop.app_log, shop.daprd_log), (cook.app_log, cook.daprd_log)) == (
        ("fileAndConsole", "file"),
        ("file", "console"),
    )
    parsed = flags.Parsed()
    shop.set_flags(parsed)
    assert [parsed[name] for name in ("app-id", "app-port", "dapr-http-port", "app-protocol", "log-level")] == [
        "shop",
        "8000",
        "3501",
        "grpc",
        "debug",
    ]
    assert (parsed["enable-app-health-check"], parsed["resources-path"]) == (True, shop.resources)
    cook.set_flags(parsed)
    assert (parsed["app-id"], parsed["app-protocol"]) == ("cook", "http")


def test_resources_beside_an_app_go_before_those_of_all(tmp_path: Path) -> None:
    write(tmp_path, {"some.yaml": TWO, "resources/x": "", "config.yaml": "", "shop/.dapr/resources/x": ""})
    write(tmp_path, {"kitchen/one/x": "", "kitchen/two/x": ""})
    assert read(tmp_path / "some.yaml")[0].resources == (str(tmp_path / "shop" / ".dapr" / "resources"),)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("apps: [{appDirPath: .}]", "required field 'version' not found in the provided run template file"),
        ("version: 1", "no apps found in the provided run template file"),
        ("version: 1\napps: [{appID: a}]", "required field 'appDirPath' not found in the provided app config file"),
        ("version: 1\napps: [{appDirPath: nowhere}]", "error in getting the file info for .*nowhere: no such file"),
        ("version: one\napps: []", r"yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str `one` into int"),
        ("version: 1\napps: [{appDirPath: ., appPort: x}]", "line 2: cannot unmarshal !!str `x` into int"),
        ("version: 1\napps: {", "error in parsing the provided app config file: yaml: "),
        ("version: 1\napps: [{appDirPath: ., appLogDestination: moon}]", "invalid log destination type: moon"),
        ("version: 1\napps: [{appDirPath: .}, {appDirPath: .}]", "is there more than once"),
    ],
)
def test_a_broken_file_is_refused_in_words(
    tmp_path: Path, text: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, {"dapr.yaml": text})
    with pytest.raises(StartupError, match=complaint):
        read(tmp_path)
    assert main(["run", "-f", str(tmp_path)]) == 1
    assert re.search(f"❌  Error getting apps from config file: .*{complaint}", capsys.readouterr().out, re.DOTALL)


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--run-file", str(tmp_path)]) == 1
    assert "dapr.yaml: No such file or directory" in capsys.readouterr().out
    for wrong in (["-f", "dapr.yaml", "--app-id", "x"], ["-f="], ["-f", "dapr.yaml", "python"]):
        assert main(["run", *wrong]) == 1
        assert "takes a file, or a folder" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        (["-f", "x.yaml"], "x.yaml"),
        (["--run-file=x.yaml", "--stand-ins"], "x.yaml"),
        (["-f", "x.yaml", "--stand-ins"], "x.yaml"),
        (["-a", "shop", "--", "python", "-f", "x"], ""),
        (["-a", "shop", "python", "-f", "x"], ""),
        ([], ""),
    ],
)
def test_the_file_is_told_from_a_command(arguments: list[str], file: str) -> None:
    variables: dict[str, str] = {}
    assert run_file_of(long_names(arguments, variables), variables) == file
    assert ("FAKESIDECAR_STAND_INS" in variables) == ("--stand-ins" in arguments)


# --- running ---------------------------------------------------------------------------------------------------------

APP = """
import http.server, json, os, sys

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/end":
            os._exit(7)
        body = json.dumps({"app": os.environ["APP_ID"], "word": os.environ["WORD"]}).encode()
        self.send_response(404 if self.path.startswith("/dapr/") else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["APP_PORT"])), Handler)
print("listening", os.getcwd(), flush=True)
server.serve_forever()
"""


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def start(folder: Path) -> tuple[subprocess.Popen[str], dict[str, int]]:
    """Run two applications; the process, and their sidecars' HTTP ports."""
    first, second = free_ports(2)
    text = {
        "version": 1,
        "common": {"env": {"WORD": "all"}},
        "apps": [
            {"appDirPath": "shop", "appPort": first, "command": [sys.executable, "../app.py"]},
            {
                "appDirPath": "kitchen",
                "appPort": second,
                "command": [sys.executable, "../app.py"],
                "env": {"WORD": "own"},
            },
        ],
    }
    write(folder, {"dapr.yaml": json.dumps(text), "app.py": APP, "shop/x": "", "kitchen/x": ""})
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DAPR_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "fakesidecar", "run", "-f", folder],
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**environment, "HOME": str(folder), "FAKESIDECAR_NAMES": "off"},
    )
    ports: dict[str, int] = {}
    listening = 0
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r'Started Dapr with app id "(.*)"\. HTTP Port: (\d+)\.', line):
            ports[found[1]] = int(found[2])
        listening += "== listening" in line
        if listening == 2 and len(ports) == 2:
            return process, ports
    raise AssertionError("ended early")


def invoke(port: int, target: str) -> dict[str, str]:
    with urlopen(f"http://127.0.0.1:{port}/v1.0/invoke/{target}/method/x", timeout=10) as answer:
        found: dict[str, str] = json.load(answer)
        return found


def test_apps_of_a_file_call_each_other_until_a_signal(tmp_path: Path) -> None:
    process, ports = start(tmp_path)
    with process:
        assert invoke(ports["shop"], "kitchen") == {"app": "kitchen", "word": "own"}
        assert invoke(ports["kitchen"], "shop") == {"app": "shop", "word": "all"}
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert [line for line in out.splitlines() if "Exited Dapr" in line] == [
        '✅  Exited Dapr successfully: "kitchen"',
        '✅  Exited Dapr successfully: "shop"',
    ]
    (app_log,) = (tmp_path / "shop" / ".dapr" / "logs").glob("shop_app_*.log")
    assert app_log.read_text() == f"listening {tmp_path / 'shop'}\n"
    (daprd_log,) = (tmp_path / "kitchen" / ".dapr" / "logs").glob("kitchen_daprd_*.log")
    assert set(re.findall(r"app_id=(\w+)", daprd_log.read_text())) == {"kitchen"}
    assert "dapr initialized. Status: Running." in daprd_log.read_text()


def test_the_end_of_an_app_is_the_end_of_all(tmp_path: Path) -> None:
    process, ports = start(tmp_path)
    with process:
        with pytest.raises(OSError, match="500"):
            urlopen(f"http://127.0.0.1:{ports['shop']}/v1.0/invoke/kitchen/method/end", timeout=10)
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 7
    assert '❌  The App process of "kitchen" exited with error code: exit status 7' in out
    assert '✅  Exited Dapr successfully: "shop"' in out


def test_an_app_that_cannot_start_ends_those_that_have(tmp_path: Path) -> None:
    text = {
        "version": 1,
        "apps": [
            {"appDirPath": "shop", "command": [sys.executable, "-c", "import signal; signal.pause()"]},
            {"appDirPath": "kitchen", "command": ["no-such-program"]},
        ],
    }
    write(tmp_path, {"dapr.yaml": json.dumps(text), "shop/x": "", "kitchen/x": ""})
    done = subprocess.run(
        [sys.executable, "-m", "fakesidecar", "run", "-f", tmp_path / "dapr.yaml"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=30,
        check=False,
        env={**os.environ, "HOME": str(tmp_path), "FAKESIDECAR_NAMES": "off"},
    )
    assert done.returncode == 1
    assert "could not start the application 'no-such-program'" in done.stdout
    assert '✅  Exited Dapr successfully: "shop"' in done.stdout
