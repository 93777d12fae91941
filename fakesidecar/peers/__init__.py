"""Sidecars of other processes: who they are, and calls of their applications, both ways.

`directory.py` is where sidecars are written down, `neighbour.py` calls one of another process, `server.py` is the
port on which others call this one, `messages.py` what they say to each other. `Peers` is all of it for one sidecar.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from typing import TYPE_CHECKING

from fakesidecar.app import Grpc
from fakesidecar.errors import ComponentError
from fakesidecar.neighbours import Neighbour, host_address
from fakesidecar.peers.directory import Directory
from fakesidecar.peers.neighbour import RemoteNeighbour
from fakesidecar.peers.server import PeerServer

if TYPE_CHECKING:
    from fakesidecar.core import Core

log = logging.getLogger("fakesidecar.runtime.peers")

ALL_ADDRESSES = ("0.0.0.0", "::", "")


class Peers:
    """The sidecars of other processes, as one sidecar has them: a `Resolver`."""

    def __init__(self, core: Core, directory: Directory) -> None:
        self._core = core
        self._directory = directory
        self._server = PeerServer(core)
        self._channels: dict[str, Grpc] = {}
        self._turns = itertools.count()
        self._name = ""
        self._beats: asyncio.Task[None] | None = None
        self.port = 0

    def resolve(self, app_id: str) -> Neighbour | None:
        """A sidecar of that app in another process, None when there is none; those of one app take turns."""
        found = self._directory.find(app_id)
        if not found:
            return None
        address = found[next(self._turns) % len(found)]
        if address not in self._channels:
            self._channels[address] = Grpc(address, False, "", self._core.options.max_body_size)
        return RemoteNeighbour(app_id, self._channels[address], self._core.clock)

    async def open(self) -> None:
        """Call and be called, on the running event loop."""
        options = self._core.options
        listen = options.internal_grpc_listen_address
        self.port = await self._server.start(listen, options.internal_grpc_port)
        host = host_address(options.environment) if listen in ALL_ADDRESSES else listen
        log.info("Internal gRPC server is running on %s:%s", listen, self.port)
        try:
            self._name = self._directory.register(f"{host}:{self.port}", options.app_id, options.namespace)
        except (ComponentError, OSError) as error:  # as with daprd, a sidecar alone is better than none
            log.error("other sidecars will not find this one, nor it them: %s", error)
            return
        self._beats = asyncio.create_task(self._directory.keep(self._name))
        self._core.neighbours.ask(self)

    def leave(self) -> None:
        """Be found no more; who has found this sidecar may still call."""
        if self._beats is not None:
            self._beats.cancel()
            self._beats = None
            self._core.neighbours.ask_no_more(self)
            self._directory.remove(self._name)

    async def close(self) -> None:
        """Close the port, the connections and the file."""
        self.leave()
        await self._server.stop()
        for channel in self._channels.values():
            await channel.close()
        self._channels.clear()
        self._directory.close()
