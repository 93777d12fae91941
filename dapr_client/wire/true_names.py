"""Dapr's descriptors under their true names, for those who ask a server what it serves."""

from __future__ import annotations

from functools import cache
from importlib import import_module, resources

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool


@cache
def true_pool() -> DescriptorPool:
    """A pool of its own with `dapr/proto/runtime/v1/dapr.proto` and all the rest, Google's types included.

    Hand it to server reflection. Its message classes are strangers to those of `dapr_client.wire`, and its `Any` is
    not `google.protobuf.any_pb2.Any`: use it to describe, not to send.
    """
    pool = DescriptorPool()
    files = {file.name: (file.SerializeToString(), list(file.dependency)) for file in true_files().file}
    added: set[str] = set()

    def add(name: str) -> None:
        """Add a file after those that it imports."""
        if name in added:
            return
        added.add(name)
        serialized, imports = files[name] if name in files else _google_file(name)
        for imported in imports:
            add(imported)
        pool.AddSerializedFile(serialized)

    for name in files:
        add(name)
    return pool


def true_files() -> FileDescriptorSet:
    """Dapr's own files, without Google's that they import."""
    return FileDescriptorSet.FromString(resources.files(__package__).joinpath("true_names.binpb").read_bytes())


def _google_file(name: str) -> tuple[bytes, list[str]]:
    """A file of Google's as this process has it, and what it imports."""
    module = import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2")
    return module.DESCRIPTOR.serialized_pb, [imported.name for imported in module.DESCRIPTOR.dependencies]


__all__ = ["true_files", "true_pool"]
