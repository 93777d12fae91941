"""The async client.

from dapr_client.aio import DaprClient

async with DaprClient() as client:
    await client.save_state("statestore", "key", "value")
"""

from __future__ import annotations

from dapr_client._async.client import DaprClient
from dapr_client._async.health import DaprHealth

__path__: list[str] = []  # dapr_client.aio.clients is below this module (see _compat.py)

__all__ = ["DaprClient", "DaprHealth"]
