"""Build the wheel, install it into an empty environment, and use it there as a new user would.

    python tools/check_wheel.py                              this Python, the newest official package beside it
    python tools/check_wheel.py --dapr 1.16.3 --dapr 1.17.5  older ones, each in an environment of its own
    python tools/check_wheel.py --python python3.13

In each environment both packages are imported in one process, in either order, both store something in one sidecar,
and a test with the fixture passes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

BESIDE = """
import sys
first, second = {order}
__import__(first)
__import__(second)
from importlib.metadata import version
from dapr.proto import api_v1
from dapr_client.wire import state_pb2
assert api_v1.GetStateRequest.DESCRIPTOR.full_name == "dapr.proto.runtime.v1.GetStateRequest"
assert state_pb2.GetStateRequest.DESCRIPTOR.full_name != api_v1.GetStateRequest.DESCRIPTOR.full_name
print("imported", first, "then", second, "with dapr", version("dapr"))
"""

TEST = """
import warnings


def test_both_packages_store_in_one_sidecar(dapr_sidecar):
    warnings.simplefilter("ignore")
    from dapr.clients import DaprClient as Official

    from dapr_client import DaprClient

    with Official(f"127.0.0.1:{dapr_sidecar.grpc_port}") as official, DaprClient() as ours:
        official.save_state("statestore", "k", "from the official one")
        assert ours.get_state("statestore", "k").data == b"from the official one"
        ours.save_state("statestore", "k", "from ours")
        assert official.get_state("statestore", "k").data == b"from ours"


def test_time_moves(dapr_sidecar, dapr_client):
    dapr_client.save_state("statestore", "k", "v", state_metadata={"ttlInSeconds": "60"})
    dapr_sidecar.clock.advance(61)
    assert dapr_client.get_state("statestore", "k").data == b""
"""


def run(*command: str | Path, cwd: Path | None = None) -> None:
    subprocess.run([str(word) for word in command], check=True, cwd=cwd)


def check(wheel: Path, python: str, dapr: str) -> None:
    """Use the wheel in an environment with that version of the official package."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(python, "-m", "venv", folder / "venv")
        inside = folder / "venv" / "bin" / "python"
        run(inside, "-m", "pip", "install", "--quiet", wheel, dapr)
        for order in (("dapr", "dapr_client"), ("dapr_client", "dapr")):
            run(inside, "-W", "error::RuntimeWarning", "-c", BESIDE.format(order=order), cwd=folder)
        (folder / "test_wheel.py").write_text(TEST)
        run(inside, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_wheel.py", cwd=folder)
        run(folder / "venv" / "bin" / "fakesidecar", "daprd", "--version", cwd=folder)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="the interpreter to make environments with")
    parser.add_argument("--dapr", action="append", help="a version of the official package (the newest)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT)
        wheel = next(Path(folder).glob("*.whl"))
        for version in options.dapr or [""]:
            check(wheel, options.python, f"dapr=={version}" if version else "dapr")
    return 0


if __name__ == "__main__":
    sys.exit(main())
