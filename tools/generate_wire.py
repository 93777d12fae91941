"""Make `dapr_client/wire` from `protos/`: messages under names of our own, beside which any `dapr` can be imported.

    python tools/generate_wire.py [--output FOLDER]

Protobuf keeps every message of a process in one pool and refuses a file or a symbol that it already has with other
content. Therefore the files and packages are renamed between parsing and code generation. What a message looks like
on the wire does not depend on its name, and the gRPC paths are taken from `true_names.binpb`, which keeps the names
as they were.

The folder is rewritten as a whole: what no longer has a source goes, what is written by hand stays.
Needs `grpcio-tools` 1.80, whose code runs on protobuf 6.31 to 7.
"""

from __future__ import annotations

import argparse
import importlib.resources
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)
from google.rpc import status_pb2
from grpc_tools import protoc

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
WIRE = ROOT / "dapr_client" / "wire"

TRUE_NAMES = "true_names.binpb"
GENERATED = ("*_pb2.py", "*_pb2.pyi", TRUE_NAMES)

PACKAGES = {
    "": "dapr_client.wire.durabletask",
    "durabletask.protos.backend.v1": "dapr_client.wire.durabletask.backend.v1",
    "dapr.proto.common.v1": "dapr_client.wire.common.v1",
    "dapr.proto.internals.v1": "dapr_client.wire.internals.v1",
    "dapr.proto.runtime.v1": "dapr_client.wire.runtime.v1",
}
"""Package in `protos/` to package in the generated code."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Generate dapr_client/wire from protos/.")
    parser.add_argument("--output", type=Path, default=WIRE, help="folder to write to (default: dapr_client/wire)")
    generate(parser.parse_args().output)


def generate(output: Path) -> None:
    """Write the modules, their type stubs and the set of true names into a folder."""
    output.mkdir(parents=True, exist_ok=True)
    for pattern in GENERATED:
        for stale in output.glob(pattern):
            stale.unlink()

    files = parse(sorted(PROTOS.rglob("*.proto")))
    (output / TRUE_NAMES).write_bytes(without_shared(files).SerializeToString(deterministic=True))
    for name, text in generated_code(renamed(files)).items():
        (output / name).write_text(text, encoding="utf-8", newline="\n")


def parse(sources: Iterable[Path]) -> FileDescriptorSet:
    """The descriptors of these files and of all they import, each after those that it needs."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "parsed.binpb")
        run_protoc(
            f"--proto_path={PROTOS}",
            f"--proto_path={importlib.resources.files('grpc_tools') / '_proto'}",
            f"--proto_path={Path(status_pb2.__file__).parents[2]}",
            "--include_imports",
            f"--descriptor_set_out={target}",
            *(source.relative_to(PROTOS).as_posix() for source in sources),
        )
        return FileDescriptorSet.FromString(target.read_bytes())


def generated_code(files: FileDescriptorSet) -> dict[str, str]:
    """File name to text, for every file of ours in a set of renamed descriptors."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "renamed.binpb")
        source.write_bytes(files.SerializeToString())
        run_protoc(
            f"--descriptor_set_in={source}",
            f"--python_out={folder}",
            f"--pyi_out={folder}",
            *(file.name for file in files.file if not is_shared(file)),
        )
        written = Path(folder, "dapr_client", "wire").iterdir()
        texts = {path.name: path.read_text(encoding="utf-8") for path in written}
    return {name: sound(text) if name.endswith(".pyi") else text for name, text in texts.items()}


def sound(stub: str) -> str:
    """The same stub without the two things that strict type checkers reject in what protoc writes."""
    stub = stub.replace("_Mapping]", "_Mapping[str, object]]")
    if "\n    bytes: bytes\n" in stub:  # a field of that name hides the type
        stub = "import builtins as _builtins\n" + re.sub(r"(: |\[)bytes\b", r"\1_builtins.bytes", stub)
    return stub


def run_protoc(*arguments: str) -> None:
    if protoc.main(["protoc", *arguments]) != 0:
        raise SystemExit("protoc failed")


def is_shared(file: FileDescriptorProto) -> bool:
    """Google's types stay what they are: a `Timestamp` of ours is everybody's `Timestamp`."""
    return file.name.startswith("google/")


def without_shared(files: FileDescriptorSet) -> FileDescriptorSet:
    """The set without Google's files, which change with the version of the package that brings them."""
    return FileDescriptorSet(file=[file for file in files.file if not is_shared(file)])


def renamed(files: FileDescriptorSet) -> FileDescriptorSet:
    """The same files, flat in `dapr_client/wire/`, in packages of our own."""
    result = FileDescriptorSet()
    result.CopyFrom(files)
    types = dict(new_type_names(files))
    paths = {file.name: file.name if is_shared(file) else new_path(file.name) for file in files.file}
    if len(set(paths.values())) != len(paths):
        raise SystemExit("two files of protos/ have the same name; dapr_client/wire is flat")

    for file in result.file:
        if is_shared(file):
            continue
        file.name = paths[file.name]
        file.package = PACKAGES[file.package]
        file.dependency[:] = [paths[name] for name in file.dependency]
        for message in file.message_type:
            rename_fields(message, types)
        for method in (method for service in file.service for method in service.method):
            method.input_type = types.get(method.input_type, method.input_type)
            method.output_type = types.get(method.output_type, method.output_type)
    return result


def new_path(path: str) -> str:
    return f"dapr_client/wire/{Path(path).name}"


def new_type_names(files: FileDescriptorSet) -> Iterable[tuple[str, str]]:
    """Pairs of true and new name of each message and enum of ours, as descriptors refer to them."""
    for file in files.file:
        if is_shared(file):
            continue
        true = f".{file.package}" if file.package else ""
        new = f".{PACKAGES[file.package]}"
        for name in (*(enum.name for enum in file.enum_type), *message_names(file.message_type)):
            yield f"{true}.{name}", f"{new}.{name}"


def message_names(messages: Iterable[DescriptorProto]) -> Iterable[str]:
    """Names, relative to the package, of messages and of all that is declared inside them."""
    for message in messages:
        yield message.name
        for name in (*(enum.name for enum in message.enum_type), *message_names(message.nested_type)):
            yield f"{message.name}.{name}"


def rename_fields(message: DescriptorProto, types: dict[str, str]) -> None:
    for field in message.field:
        rename_field(field, types)
    for nested in message.nested_type:
        rename_fields(nested, types)


def rename_field(field: FieldDescriptorProto, types: dict[str, str]) -> None:
    if field.type_name in types:
        field.type_name = types[field.type_name]


if __name__ == "__main__":
    main()
