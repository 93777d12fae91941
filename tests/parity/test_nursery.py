"""A sidecar from the nursery ends, says and sees what one in a fresh process does."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from .nursery import POSSIBLE, Child, nursery

pytestmark = pytest.mark.skipif(not POSSIBLE, reason="processes are not forked here")


def started(folder: Path, *arguments: str, **env: str) -> Child:
    with (folder / "log").open("wb") as log:
        return nursery().start(["daprd", "--app-id=a", *arguments], folder=folder, env=env, log=log)


@pytest.mark.parametrize(
    ("flag", "code", "said"),
    [
        ("--version", 0, "1.18.3\n"),
        ("--no-such-flag", 2, "unknown flag: --no-such-flag\n"),
        ("--config=./absent", 1, "stat ./absent: no such file or directory"),
    ],
)
def test_it_ends_with_its_own_code_and_words(tmp_path: Path, flag: str, code: int, said: str) -> None:
    assert started(tmp_path, flag).wait(60) == code
    assert said in (tmp_path / "log").read_text()


def test_signals_reach_it(tmp_path: Path) -> None:
    ports = ("--dapr-http-port=0", "--dapr-grpc-port=0", "--dapr-listen-addresses=127.0.0.1", "--app-port=1")
    waiting = started(tmp_path, *ports)  # for an application that never listens
    assert waiting.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(0.001)
    waiting.kill()
    assert (waiting.wait(60), waiting.poll()) == (-9, -9)
    waiting.terminate()  # nothing any more
