"""Dapr's descriptors under their true names, for those who ask a server what it serves."""

from __future__ import annotations

from functools import cache
from importlib import resources

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool


@cache
def true_pool() -> DescriptorPool:
    """A pool of its own with `dapr/proto/runtime/v1/dapr.proto` and all the rest, Google's types included.

    Hand it to server reflection. Its message classes are strangers to those of `dapr_client.wire`, and its `Any` is
    not `google.protobuf.any_pb2.Any`: use it to describe, not to send.
    """
    pool = DescriptorPool()
    for file in true_files().file:
        pool.AddSerializedFile(file.SerializeToString())
    return pool


def true_files() -> FileDescriptorSet:
    """The files of that pool, each after those that it imports."""
    return FileDescriptorSet.FromString(resources.files(__package__).joinpath("true_names.binpb").read_bytes())


__all__ = ["true_files", "true_pool"]
