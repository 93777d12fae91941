"""What is generated and committed is what its generator makes today."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def test_the_wire_package_is_what_its_generator_makes(tmp_path: Path) -> None:
    pytest.importorskip("grpc_tools", reason="generating needs grpcio-tools")

    subprocess.run([sys.executable, ROOT / "tools" / "generate_wire.py", "--output", tmp_path], check=True)

    committed = contents(ROOT / "dapr_client" / "wire", "*_pb2.py", "*_pb2.pyi", "*.binpb")
    made = contents(tmp_path, "*")
    assert sorted(made) == sorted(committed)
    assert [name for name in made if made[name] != committed[name]] == [], "run tools/generate_wire.py"


def test_the_sync_client_is_what_the_async_one_makes() -> None:
    run = subprocess.run(
        [sys.executable, ROOT / "tools" / "async_to_sync.py", "--check"], check=False, capture_output=True, text=True
    )

    assert (run.returncode, run.stdout) == (0, "")


def contents(folder: Path, *patterns: str) -> dict[str, bytes]:
    """File name to content, with line ends as git keeps them."""
    paths = (path for pattern in patterns for path in folder.glob(pattern))
    return {path.name: path.read_bytes().replace(b"\r\n", b"\n") for path in paths}


def test_the_tables_in_the_docs_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "generate_docs.py"), "--check"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
