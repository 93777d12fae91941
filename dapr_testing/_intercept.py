"""Gives the in-process channel to code that opens a gRPC channel to the sidecar's address by itself."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import grpc
import grpc.aio

from dapr_testing._inprocess import Channel
from dapr_testing._inprocess_aio import AioChannel
from fakesidecar.grpcapi.api import GrpcApi

SCHEMES = ("dns:", "ipv4:", "ipv6:", "passthrough:")
LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")


def port_of(target: str) -> int | None:
    """The port of a target on this machine, None for any other target."""
    for scheme in SCHEMES:
        target = target.removeprefix(scheme)
    host, _, port = target.lstrip("/").rpartition(":")
    return int(port) if host in LOOPBACK and port.isdecimal() else None


@contextlib.contextmanager
def intercept(api: GrpcApi, port: int) -> Iterator[None]:
    """Until the block ends, `grpc.insecure_channel` and `grpc.aio.insecure_channel` open no socket for that port.

    Only the functions as attributes of `grpc` and `grpc.aio` are replaced: a name that a module has imported from
    there (`from grpc import insecure_channel`) goes on to open sockets, and works as well.
    """
    sync, asynchronous = grpc.insecure_channel, grpc.aio.insecure_channel

    def insecure_channel(target: str, options: Any = None, compression: Any = None) -> grpc.Channel:
        if port_of(target) == port:
            return Channel(api, options=options)
        return sync(target, options, compression)

    def aio_insecure_channel(
        target: str,
        options: Any = None,
        compression: Any = None,
        interceptors: Sequence[grpc.aio.ClientInterceptor] | None = None,
    ) -> grpc.aio.Channel:
        if port_of(target) == port:
            return AioChannel(api, options=options, interceptors=interceptors)
        return asynchronous(target, options, compression, interceptors)

    grpc.insecure_channel, grpc.aio.insecure_channel = insecure_channel, aio_insecure_channel
    try:
        yield
    finally:
        grpc.insecure_channel, grpc.aio.insecure_channel = sync, asynchronous
