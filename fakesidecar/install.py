"""Puts a `daprd` where others look for one: on the PATH, or in the folder that `dapr run --runtime-path` names."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

SCRIPT = """#!/bin/sh
# The sidecar of `fakesidecar`, by the name of Dapr's.
exec {python} -c {program} "$@"
"""
PROGRAM = (
    "import sys; sys.path.append({root!r}); from fakesidecar.cli import main; sys.exit(main(['daprd', *sys.argv[1:]]))"
)

CONFIGURATION = """apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata:
  name: daprConfig
spec: {}
"""


def install(folder: Path) -> Path:
    """Lay a folder out as `dapr init` does, without what is there already; the path of its `daprd`."""
    from fakesidecar.run import DEFAULT_COMPONENTS

    home = folder.absolute() / ".dapr"
    for each in (home / "bin", home / "components"):
        each.mkdir(parents=True, exist_ok=True)
    for component in DEFAULT_COMPONENTS.split("---\n"):
        name = "statestore" if "state.redis" in component else "pubsub"
        _write_new(home / "components" / f"{name}.yaml", component.lstrip("\n"))
    _write_new(home / "config.yaml", CONFIGURATION)
    program = PROGRAM.format(root=str(Path(__file__).resolve().parent.parent))
    script = home / "bin" / "daprd"
    script.write_text(SCRIPT.format(python=shlex.quote(sys.executable), program=shlex.quote(program)), encoding="utf-8")
    script.chmod(0o755)
    return script


def _write_new(path: Path, text: str) -> None:
    if not path.exists():
        path.write_text(text, encoding="utf-8")
