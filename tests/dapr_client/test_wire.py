"""The wire package says what the official one says, and can live beside it."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TypeAlias

import pytest
from google.protobuf import any_pb2, empty_pb2, timestamp_pb2
from google.protobuf.descriptor import (
    Descriptor,
    EnumDescriptor,
    FieldDescriptor,
    FileDescriptor,
    MethodDescriptor,
    ServiceDescriptor,
)
from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto

from dapr_client import wire
from dapr_client.wire import history_events_pb2, orchestrator_service_pb2, state_pb2
from dapr_client.wire.true_names import true_files, true_pool

ROOT = Path(__file__).resolve().parents[2]

Facts: TypeAlias = Mapping[str, tuple[object, ...]]
"""What a file declares: kind and name of each thing to all that matters about it."""

TRUE_PACKAGES = {
    "dapr_client.wire.durabletask.backend.v1": "durabletask.protos.backend.v1",
    "dapr_client.wire.durabletask": "",
    "dapr_client.wire.common.v1": "dapr.proto.common.v1",
    "dapr_client.wire.runtime.v1": "dapr.proto.runtime.v1",
}
FOLDERS = {"dapr.proto.common.v1": "dapr/proto/common/v1/", "dapr.proto.runtime.v1": "dapr/proto/runtime/v1/"}

BETWEEN_SIDECARS = "dapr/proto/internals/"
"""The official package, which is for applications, leaves these files out."""

ALL_FILES = sorted(path.relative_to(ROOT / "protos").as_posix() for path in (ROOT / "protos").rglob("*.proto"))
FILES = [path for path in ALL_FILES if not path.startswith(BETWEEN_SIDECARS)]


def stem(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".proto")


@cache
def official() -> Mapping[str, FileDescriptor]:
    """The official package's files by path."""
    dapr = pytest.importorskip("dapr", reason="compares with the official dapr package")
    root = Path(dapr.__file__).parent
    modules = (path.relative_to(root.parent).with_suffix("").parts for path in root.rglob("*_pb2.py"))
    files: list[FileDescriptor] = [importlib.import_module(".".join(parts)).DESCRIPTOR for parts in modules]
    return {file.name: file for file in files}


def ours(path: str) -> FileDescriptor:
    file = importlib.import_module(f"dapr_client.wire.{stem(path)}_pb2").DESCRIPTOR
    assert isinstance(file, FileDescriptor)
    return file


# ---- all that is declared ------------------------------------------------------------------------------------------


def facts(file: FileDescriptor) -> Facts:
    """Everything in a file, names as Dapr has them."""
    found: dict[str, tuple[object, ...]] = {
        f"file {true_path(file)}": (true_name(file.package), [true_path(used) for used in file.dependencies])
    }
    for message in file.message_types_by_name.values():
        found.update(message_facts(message))
    for enum in file.enum_types_by_name.values():
        found.update([enum_facts(enum)])
    for service in file.services_by_name.values():
        found.update(service_facts(service))
    return found


def message_facts(message: Descriptor) -> Iterator[tuple[str, tuple[object, ...]]]:
    proto = DescriptorProto()
    message.CopyToProto(proto)
    yield (
        f"message {true_name(message.full_name)}",
        (
            [field.name for field in message.fields],
            [oneof.name for oneof in message.oneofs],
            [(span.start, span.end) for span in proto.reserved_range],
            list(proto.reserved_name),
            proto.options,
        ),
    )
    for field in message.fields:
        yield f"field {true_name(field.full_name)}", field_facts(field)
    for enum in message.enum_types:
        yield enum_facts(enum)
    for nested in message.nested_types:
        yield from message_facts(nested)


def field_facts(field: FieldDescriptor) -> tuple[object, ...]:
    referred = field.message_type or field.enum_type
    return (
        field.number,
        field.type,
        true_name(referred.full_name) if referred else None,
        field.is_repeated,
        field.is_packed,
        field.has_presence,
        field.containing_oneof.name if field.containing_oneof else None,
        field.json_name,
        field.default_value,
        field.GetOptions(),
    )


def enum_facts(enum: EnumDescriptor) -> tuple[str, tuple[object, ...]]:
    proto = EnumDescriptorProto()
    enum.CopyToProto(proto)
    return f"enum {true_name(enum.full_name)}", (proto,)


def service_facts(service: ServiceDescriptor) -> Iterator[tuple[str, tuple[object, ...]]]:
    yield f"service {true_name(service.full_name)}", ([method.name for method in service.methods],)
    for method in service.methods:
        yield f"rpc {true_name(method.full_name)}", rpc_facts(method)


def rpc_facts(method: MethodDescriptor) -> tuple[object, ...]:
    return (
        true_name(method.input_type.full_name),
        true_name(method.output_type.full_name),
        method.client_streaming,
        method.server_streaming,
        method.GetOptions(),
    )


def true_name(name: str) -> str:
    """A full name of ours as Dapr has it; a name of Dapr's or Google's as it is."""
    for new, true in TRUE_PACKAGES.items():
        if name == new or name.startswith(f"{new}."):
            return (true + name.removeprefix(new)).removeprefix(".")
    return name


def true_path(file: FileDescriptor) -> str:
    if not file.name.startswith("dapr_client/wire/"):
        return file.name
    return FOLDERS.get(true_name(file.package), "") + file.name.removeprefix("dapr_client/wire/")


def test_there_is_a_source_for_every_official_file() -> None:
    assert sorted(official()) == FILES


@pytest.mark.parametrize("path", FILES)
def test_the_messages_in_use_are_declared_as_the_official_ones(path: str) -> None:
    assert facts(ours(path)) == facts(official()[path])


@pytest.mark.parametrize("path", FILES)
def test_the_true_names_are_the_official_ones(path: str) -> None:
    assert facts(true_pool().FindFileByName(path)) == facts(official()[path])


def test_the_comparison_sees_every_field() -> None:
    compared = [name for path in FILES for name in facts(ours(path)) if name.startswith("field ")]

    source = "\n".join((ROOT / "protos" / path).read_text(encoding="utf-8") for path in FILES)
    written = re.findall(r"^ +\w[\w.<>, ]* \w+ = \d+(?: \[.*\])?;$", source, re.MULTILINE)
    of_map_entries = 2 * source.count("map<")
    assert len(compared) == len(written) + of_map_entries


# ---- the calls -----------------------------------------------------------------------------------------------------


def test_a_method_knows_its_path_its_messages_and_its_streams() -> None:
    assert wire.method(wire.DAPR, "SaveState") == wire.Method(
        service="dapr.proto.runtime.v1.Dapr",
        name="SaveState",
        path="/dapr.proto.runtime.v1.Dapr/SaveState",
        request=state_pb2.SaveStateRequest,
        response=empty_pb2.Empty,
        client_streaming=False,
        server_streaming=False,
    )
    assert wire.method(wire.TASK_HUB, "GetWorkItems") == wire.Method(
        service="TaskHubSidecarService",
        name="GetWorkItems",
        path="/TaskHubSidecarService/GetWorkItems",
        request=orchestrator_service_pb2.GetWorkItemsRequest,
        response=orchestrator_service_pb2.WorkItem,
        client_streaming=False,
        server_streaming=True,
    )


def test_methods_are_all_those_of_the_official_service() -> None:
    services = {
        service.full_name: [method.name for method in service.methods]
        for file in official().values()
        for service in file.services_by_name.values()
    }

    ours = set(wire.SERVICES) - {wire.SERVICE_INVOCATION}
    assert {service: list(wire.methods(service)) for service in ours} == services


def test_a_table_of_methods_is_made_once() -> None:
    assert wire.methods(wire.DAPR) is wire.methods(wire.DAPR)


def test_an_unknown_method_or_service_is_named_in_the_error() -> None:
    with pytest.raises(KeyError, match=r"dapr\.proto\.runtime\.v1\.Dapr has no method GetStat"):
        wire.method(wire.DAPR, "GetStat")
    with pytest.raises(KeyError, match=r"no service Dapr, only dapr\.proto\.runtime\.v1\.Dapr, "):
        wire.method("Dapr", "GetState")


# ---- living beside others ------------------------------------------------------------------------------------------


def test_google_types_are_the_shared_classes() -> None:
    event = history_events_pb2.HistoryEvent(timestamp=timestamp_pb2.Timestamp(seconds=1))
    packed = any_pb2.Any()
    packed.Pack(event.timestamp)

    assert type(event.timestamp) is timestamp_pb2.Timestamp
    assert packed.type_url == "type.googleapis.com/google.protobuf.Timestamp"


@pytest.mark.parametrize("order", [("official", "ours"), ("ours", "official")], ids=" then ".join)
@pytest.mark.parametrize("runtime", ["upb", "python"])
def test_both_packages_live_in_one_process(order: tuple[str, str], runtime: str) -> None:
    pytest.importorskip("dapr", reason="imports the official dapr package")
    imports = {
        "official": "from dapr.proto import api_v1; import dapr.ext.workflow",
        "ours": "from dapr_client.wire import dapr_pb2, appcallback_pb2, orchestrator_service_pb2, runtime_state_pb2",
    }
    check = """
from dapr.proto import api_v1
from dapr_client.wire import state_pb2
sent = state_pb2.GetStateRequest(store_name="store", key="key", metadata={"a": "b"})
received = api_v1.GetStateRequest.FromString(sent.SerializeToString())
assert (received.store_name, received.key, dict(received.metadata)) == ("store", "key", {"a": "b"})
"""

    python("\n".join([*(imports[package] for package in order), check]), PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION=runtime)


def test_importing_the_package_imports_no_messages() -> None:
    loaded = python(
        "import sys, dapr_client.wire",
        "print([name for name in sys.modules if name.endswith('_pb2') or name.startswith(('google', 'grpc'))])",
    )

    assert loaded == "[]"


def test_the_first_method_imports_its_own_service_only() -> None:
    loaded = python(
        "import sys; from dapr_client import wire",
        "wire.method(wire.APP_CALLBACK, 'OnTopicEvent')",
        "print(sorted(name for name in sys.modules if name.startswith('dapr_client.wire.')))",
    )

    assert loaded == "['dapr_client.wire.appcallback_pb2', 'dapr_client.wire.common_pb2']"


def python(*lines: str, **environment: str) -> str:
    """What a fresh interpreter prints for these lines."""
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# ---- the true names ------------------------------------------------------------------------------------------------


def test_the_true_pool_describes_a_service_by_the_name_it_has_on_the_wire() -> None:
    for service in wire.SERVICES:
        assert true_pool().FindServiceByName(service).full_name == service


def test_the_true_pool_has_everything_that_a_call_refers_to() -> None:
    save = true_pool().FindMethodByName(f"{wire.DAPR}.SaveState")

    assert save.input_type.full_name == "dapr.proto.runtime.v1.SaveStateRequest"
    assert save.output_type.full_name == "google.protobuf.Empty"
    assert true_pool().FindFileByName("google/rpc/status.proto").dependencies[0].name == "google/protobuf/any.proto"


def test_the_true_files_are_dapr_s_own() -> None:
    assert sorted(file.name for file in true_files().file) == ALL_FILES
