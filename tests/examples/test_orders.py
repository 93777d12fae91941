"""One application on the official package and on `dapr_client`, with the fixture and with the command line."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parent.parent.parent / "examples" / "orders"
OFFICIAL, OURS = FOLDER / "app_official.py", FOLDER / "app.py"

pytestmark = pytest.mark.filterwarnings("ignore:The .* is an Alpha version", "ignore:.*:DeprecationWarning")


def test_moving_over_is_one_search_and_replace() -> None:
    official, ours = (path.read_text().partition('"""\n\n')[2] for path in (OFFICIAL, OURS))
    assert ours == official.replace("from dapr.", "from dapr_client.")


@pytest.mark.parametrize("path", [OFFICIAL, OURS], ids=["official", "ours"])
def test_an_order_is_taken_once(path: Path, dapr_sidecar: Any) -> None:
    dapr_sidecar.secrets.set("secretstore", "payments", "k-1")
    dapr_sidecar.configuration.set("configstore", "tea", "3 EUR", version="1")
    app = runpy.run_path(str(path))
    assert app["take"]("order-1", "tea") == "taken with k-1"
    assert app["read"]("order-1") == "tea for 3 EUR"
    assert app["take"]("order-1", "tea") == "refused: ABORTED"


@pytest.mark.parametrize("path", [OFFICIAL, OURS], ids=["official", "ours"])
def test_it_runs_beside_the_sidecar_of_the_command_line(path: Path, tmp_path: Path) -> None:
    (tmp_path / "components.yaml").write_text(COMPONENTS)
    code = f"import runpy; app = runpy.run_path({str(path)!r}); print(app['take']('7', 'tea'), '-', app['read']('7'))"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "fakesidecar",
            "run",
            "--app-id",
            "orders",
            "--resources-path",
            str(tmp_path),
            "--",
            sys.executable,
            "-W",
            "ignore",
            "-c",
            code,
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "== APP == taken with k-1 - tea for 3 EUR" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0


def test_the_tour_tells_of_every_building_block(tmp_path: Path) -> None:
    done = subprocess.run(["make", "demo"], cwd=FOLDER.parent.parent, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    chapters = re.findall(r'chapter\("(.+)"\)', (FOLDER.parent / "tour" / "app.py").read_text())
    assert len(chapters) == 12
    for chapter in (*chapters, "That was it."):
        assert f"== APP == {chapter}" in done.stdout


COMPONENTS = """
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: statestore}
spec: {type: state.in-memory, version: v1}
---
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: lockstore}
spec:
  type: lock.redis
  version: v1
  metadata: [{name: redisHost, value: "localhost:6379"}]
---
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: secretstore}
spec:
  type: secretstores.in-memory
  version: v1
  metadata: [{name: payments, value: k-1}]
---
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: configstore}
spec:
  type: configuration.in-memory
  version: v1
  metadata: [{name: tea, value: 3 EUR||1}]
"""
