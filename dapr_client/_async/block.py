"""What the methods of every building block have: the way to the sidecar."""

from __future__ import annotations

from dapr_client._transport.aio import AsyncTransport


class Block:
    """The methods of one building block, as a part of the client."""

    _transport: AsyncTransport
