# Generated from dapr_client/_async/block.py by tools/async_to_sync.py. Do not edit.

"""What the methods of every building block have: the way to the sidecar."""

from __future__ import annotations

from dapr_client._transport.sync import Transport


class Block:
    """The methods of one building block, as a part of the client."""

    _transport: Transport
