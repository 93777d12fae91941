"""The version of this sidecar, and of the daprd that it stands in for."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("fakesidecar")
except PackageNotFoundError:  # run from a checkout
    VERSION = "0"

DAPR_VERSION = "1.18.3"
"""The daprd whose answers are given."""
