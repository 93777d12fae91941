"""The command line, as a user meets it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from fakesidecar.cli import main
from fakesidecar.run import long_names

COMPONENT = """
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: store}
spec: {type: TYPE, version: v1}
"""
SHOW = "import json, os, sys; print(json.dumps(dict(os.environ))); print('trouble', file=sys.stderr); sys.exit(3)"


@pytest.fixture
def resources(tmp_path: Path) -> Path:
    (tmp_path / "res").mkdir()
    (tmp_path / "res" / "store.yaml").write_text(COMPONENT.replace("TYPE", "state.in-memory"))
    return tmp_path / "res"


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "fakesidecar", *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DAPR_")}
    environment["FAKESIDECAR_NAMES"] = "off"
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", env=environment
    )


def until(process: subprocess.Popen[str], words: str) -> list[str]:
    """The lines of a process up to the one that has some words."""
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if words in line:
            return lines
    raise AssertionError(f"ended without {words!r}: {lines}")


def fatal(output: str) -> list[str]:
    return [json.loads(text) for text in re.findall(r'level=fatal msg=("(?:[^"\\]|\\.)*")', output)]


def in_process(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = main(list(arguments))
    said = capsys.readouterr()
    return code, said.out, said.err


def test_version_and_build_info_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert in_process(["daprd", "--version"], capsys) == (0, "1.18.3\n", "")
    assert in_process(["daprd", "--build-info"], capsys)[1].startswith("Version: 1.18.3\n")
    assert in_process(["--version"], capsys)[1].startswith("fakesidecar ")


def test_help_goes_to_standard_error_as_pflags_does(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = in_process(["daprd", "--help"], capsys)
    assert (code, out) == (0, "")
    assert err.startswith("Usage of daprd:\n      --actors-disseminate-timeout duration ")


def test_an_unknown_flag_ends_with_the_usage_and_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = in_process(["daprd", "--no-such-flag"], capsys)
    assert (code, out) == (2, "")
    assert err.startswith("Usage of daprd:\n")
    assert err.endswith("unknown flag: --no-such-flag\n")


@pytest.mark.parametrize(
    ("flag", "last_words"),
    [
        ("--app-id=", "Fatal error from runtime: parameter app-id cannot be empty"),
        ("--log-level=loud", "invalid value for --log-level: loud"),
        ("--enable-mtls", "Fatal error from runtime: trust anchors are required"),
        (
            "--config=./absent",
            "Fatal error from runtime: error loading configuration: stat ./absent: no such file or directory",
        ),
        (
            "--max-body-size=x",
            (
                "Failed to parse flags: invalid value for 'max-body-size' option: quantities must match the regular "
                "expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
            ),
        ),
    ],
)
def test_what_cannot_start_says_so_and_ends_with_code_1(
    capsys: pytest.CaptureFixture[str], flag: str, last_words: str
) -> None:
    code, out, _ = in_process(["daprd", "--app-id=a", flag], capsys)
    assert (code, fatal(out)) == (1, [last_words])


def test_a_port_that_is_none_is_fatal(capsys: pytest.CaptureFixture[str]) -> None:
    ports = ["--dapr-http-port=-5", "--dapr-grpc-port=0", "--dapr-listen-addresses=127.0.0.1"]
    code, out, _ = in_process(["daprd", "--app-id=a", *ports], capsys)
    assert code == 1
    assert fatal(out)[0].startswith("Fatal error from runtime: failed to start API servers: ")


def test_a_bad_component_is_fatal_and_its_file_is_named(resources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (resources / "store.yaml").write_text(COMPONENT.replace("TYPE", "state.foo"))
    code, out, _ = in_process(["daprd", "--app-id=a", f"--resources-path={resources}"], capsys)
    assert code == 1
    assert fatal(out)[0].endswith("couldn't find state store state.foo/v1")
    assert f"component 'store' is declared in {resources}/store.yaml, document 1" in out


def test_the_types_served_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = in_process(["components"], capsys)
    assert code == 0
    assert re.search(r"^state\.in-memory +v1 +ETAG TRANSACTIONAL TTL", out, re.MULTILINE)


def test_daprd_runs_until_it_is_told_to_end(resources: Path) -> None:
    ports = ["--dapr-http-port=0", "--dapr-grpc-port=0", "--dapr-listen-addresses=127.0.0.1"]
    with start("daprd", "--app-id=a", f"--resources-path={resources}", *ports) as process:
        lines = until(process, "dapr initialized. Status: Running.")
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert any('msg="Component loaded: store (state.in-memory/v1)"' in line for line in lines)
    assert "Received signal 'terminated'; beginning shutdown" in rest
    assert 'msg="Daprd shutdown gracefully"' in rest


def test_run_gives_the_application_its_sidecar_and_ends_with_its_code(resources: Path) -> None:
    flags = ["-a", "shop", "-p", "8000", "--resources-path", str(resources), "--log-level", "error"]
    with start("run", *flags, "--", sys.executable, "-c", SHOW) as process:
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 3
    lines = out.splitlines()
    started = re.search(r"Starting Dapr with id shop\. HTTP Port: (\d+)\. gRPC Port: (\d+)", out)
    assert started is not None
    environment = json.loads(next(line for line in lines if line.startswith("== APP == {")).removeprefix("== APP == "))
    assert {name: environment.get(name) for name in ("APP_ID", "APP_PORT", "APP_PROTOCOL", "APP_CHANNEL_ADDRESS")} == {
        "APP_ID": "shop",
        "APP_PORT": "8000",
        "APP_PROTOCOL": "http",
        "APP_CHANNEL_ADDRESS": "127.0.0.1",
    }
    assert (environment["DAPR_HTTP_PORT"], environment["DAPR_GRPC_PORT"]) == started.groups()
    assert "== APP == trouble" in lines
    assert "✅  You're up and running! Both Dapr and your app logs will appear here." in lines
    assert "❌  The App process exited with error code: exit status 3" in lines


def test_run_without_a_command_is_a_sidecar_until_a_signal(resources: Path) -> None:
    with start("run", "--resources-path", str(resources)) as process:
        until(process, "You're up and running! Dapr logs will appear here.")
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=20)
    assert (process.returncode, "✅  Exited Dapr successfully" in rest) == (0, True)


def test_a_signal_ends_the_application_too(resources: Path) -> None:
    forever = "import signal; print('waiting', flush=True); signal.pause()"
    with start("run", "--resources-path", str(resources), sys.executable, "-c", forever) as process:
        until(process, "== APP == waiting")
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=20)
    assert (process.returncode, "✅  Exited App successfully" in rest) == (0, True)


def test_an_application_that_cannot_start_is_named(resources: Path) -> None:
    with start("run", "--resources-path", str(resources), "--", "no-such-program") as process:
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "❌  could not start the application 'no-such-program': No such file or directory" in out


@pytest.mark.parametrize(
    ("short", "long"),
    [
        (["-a", "x", "-p=1"], ["--app-id", "x", "--app-port=1"]),
        (["--app-id", "-a", "-a", "y"], ["--app-id", "-a", "--app-id", "y"]),
        (["-a", "x", "python", "-a"], ["--app-id", "x", "python", "-a"]),
        (["--stand-ins", "--values", "v.yaml", "python", "--stand-ins"], ["python", "--stand-ins"]),
        (["--enable-mtls", "-a", "x", "--", "-p"], ["--enable-mtls", "--app-id", "x", "--", "-p"]),
    ],
)
def test_the_flags_of_dapr_run_are_known(short: list[str], long: list[str]) -> None:
    assert long_names(short, {}) == long


def test_production_runs_with_stand_ins(resources: Path, tmp_path: Path) -> None:
    (resources / "vault.yaml").write_text(
        COMPONENT.replace("store", "vault").replace("TYPE", "secretstores.gcp.secretmanager")
    )
    (tmp_path / "values.yaml").write_text("vault: {password: s3cret}")
    read = (
        "import os, urllib.request as r; "
        "print(r.urlopen(f'http://127.0.0.1:{os.environ[\"DAPR_HTTP_PORT\"]}/v1.0/secrets/vault/password').read().decode())"
    )
    flags = ["--resources-path", str(resources), "--stand-ins", "--values", str(tmp_path / "values.yaml")]
    with start("run", *flags, "--", sys.executable, "-c", read) as process:
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert '== APP == {"password":"s3cret"}' in out
    assert "Component vault (secretstores.gcp.secretmanager/v1) is stood in for in memory" in out


def test_without_stand_ins_production_ends_as_in_daprd(resources: Path) -> None:
    (resources / "store.yaml").write_text(COMPONENT.replace("TYPE", "state.mongodb"))
    with start("run", "--resources-path", str(resources)) as process:
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "couldn't find state store state.mongodb/v1" in fatal(out)[0]
